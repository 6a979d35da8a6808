import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.vary import Changes, vary

NONE = Changes(0, 0, 0, 0, 0, 0)


def pair():
    image = np.random.default_rng(0).integers(0, 256, (31, 22), dtype=np.uint8)
    mask = np.zeros((31, 22), np.uint8)
    mask[5:20, 3:9] = 255
    return image, mask


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (NONE, lambda array: array),
        (Changes(1, 0, 0, 0, 0, 0), np.fliplr),
        (Changes(0, 1, 0, 0, 0, 0), np.flipud),
        (Changes(1, 1, 0, 0, 0, 0), lambda array: array[::-1, ::-1]),
    ],
)
def test_flips_are_exact(changes, expected):
    for found, before in zip(vary(*pair(), changes, np.random.default_rng(1)), pair(), strict=True):
        np.testing.assert_array_equal(found, expected(before))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_mask_goes_with_the_image_and_keeps_its_labels(seed):
    mask = np.zeros((60, 50), np.uint8)
    mask[20:40, 15:30] = 255
    changes = Changes(0.5, 0.5, 30, 0.3, 0.2, 0)
    image, moved = vary(mask, mask, changes, np.random.default_rng(seed))
    assert set(np.unique(moved)) <= {0, 255}
    # The same picture twice: linear and nearest differ along the border alone.
    disagree = ((image >= 128) != (moved == 255)).sum()
    assert disagree <= 0.05 * 300
    assert moved.any()


def test_noise_goes_to_the_image_alone_and_streams_repeat():
    changes = Changes(0, 0, 0, 0, 0, 0.1)
    image, mask = vary(*pair(), changes, np.random.default_rng(3))
    np.testing.assert_array_equal(mask, pair()[1])
    assert (image != pair()[0]).any()
    again = vary(*pair(), changes, np.random.default_rng(3))[0]
    np.testing.assert_array_equal(image, again)


def test_crop_only_enlarges():
    mask = np.full((40, 40), 255, np.uint8)
    for seed in range(10):
        image, moved = vary(mask, mask, Changes(0, 0, 0, 0, 0.5, 0), np.random.default_rng(seed))
        assert (moved == 255).all()  # nothing comes in from outside
        assert image[1:-1, 1:-1].min() == 255


@pytest.mark.parametrize("values", [{"zoom": 1.0}, {"noise": -0.1}, {"flip_vertical": "x"}, {"crop": True}])
def test_impossible_changes_are_refused(values):
    with pytest.raises(CxrError, match=r"changes: \w+ is .*; expected a number from 0 to"):
        Changes(**values)
