import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.errors import ImageError
from cxrfactory.export.boxed_rle import BoxedRuns, boxed_decode, boxed_encode, runs_of
from cxrfactory.export.brush import brush_decode, brush_encode
from cxrfactory.export.shapes import filled
from tests.export.readers import brush_alpha, cvat_mask, peer

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
masks = shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))


@settings(deadline=None, max_examples=60)
@given(masks)
def test_brush_is_what_another_reader_sees(mask):
    code = brush_encode(mask)
    np.testing.assert_array_equal(brush_alpha(code, *mask.shape), 255 * mask)
    np.testing.assert_array_equal(brush_decode(code, *mask.shape), mask)


def test_long_runs_of_a_brush():
    mask = np.zeros((400, 300), np.uint8)
    mask[150:390, 20:280] = 1
    mask[200, 100] = 0
    code = brush_encode(mask)
    assert len(code) < 4000
    np.testing.assert_array_equal(brush_alpha(code, 400, 300), 255 * mask)
    np.testing.assert_array_equal(brush_decode(code, 400, 300), mask)


def test_brush_with_lists_of_values_and_soft_edges():
    """A list of 4 values (one pixel of opacity 127) and a run of 4 values (one pixel of 128)."""
    bits = f"{8:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    bits += "0" + "00" + f"{3:03b}" + "".join(f"{value:08b}" for value in (9, 9, 9, 127))
    bits += "1" + "00" + f"{3:03b}" + f"{128:08b}"
    bits += "0" * (-len(bits) % 8)
    code = [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]
    assert brush_alpha(code, 1, 2).tolist() == [[127, 128]]
    assert brush_decode(code, 1, 2).tolist() == [[0, 1]]


@pytest.mark.parametrize("code", [[], [0, 1, 2], [999], brush_encode(np.ones((3, 3), np.uint8))[:-1]])
def test_a_damaged_brush_is_refused(code):
    with pytest.raises(ImageError, match="is damaged, or not of 3 x 3 pixels"):
        brush_decode(code, 3, 3)


@settings(deadline=None, max_examples=60)
@given(masks.filter(np.any))
def test_boxed_runs_are_what_another_reader_sees(mask):
    boxed = boxed_encode(mask)
    text = ", ".join(map(str, boxed.runs))
    found = cvat_mask(text, boxed.left, boxed.top, boxed.width, boxed.height, mask.shape)
    np.testing.assert_array_equal(found, mask)
    np.testing.assert_array_equal(boxed_decode(boxed, *mask.shape), mask)
    assert tuple(runs_of(text)) == boxed.runs
    rows, columns = np.nonzero(mask)
    assert (boxed.left, boxed.top) == (columns.min(), rows.min())
    assert (boxed.width, boxed.height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)


@pytest.mark.parametrize(
    ("boxed", "said"),
    [
        (BoxedRuns((0, 4), 2, 0, 2, 2), "in the box 2, 0, 2 x 2; the picture has 3 x 3"),
        (BoxedRuns((0, 3), 0, 0, 2, 2), "runs of 3 pixels; its box has 4"),
        (BoxedRuns((-1, 5), 0, 0, 2, 2), "runs of 4 pixels"),
    ],
)
def test_faulty_boxed_runs_are_refused(boxed, said):
    with pytest.raises(ImageError, match=said):
        boxed_decode(boxed, 3, 3)


def test_the_programs_own_readers_see_the_same():
    """Label Studio's and CVAT's own modules, where they are installed (``pip install --no-deps``)."""
    brush, cvat = peer("label_studio_sdk", "converter/brush.py"), peer("cvat_sdk", "masks.py")
    if brush is None and cvat is None:
        pytest.skip("label_studio_sdk and cvat_sdk are not installed")
    mask = np.zeros((40, 30), np.uint8)
    mask[5:30, 4:20] = 1
    mask[10:12, 10] = 0
    if brush is not None:
        seen = brush.decode_rle(brush_encode(mask)).reshape(40, 30, 4)[:, :, 3]
        np.testing.assert_array_equal(seen, 255 * mask)
        np.testing.assert_array_equal(brush_decode(brush.mask2rle(255 * mask), 40, 30), mask)
    if cvat is not None:
        boxed = boxed_encode(mask)
        box = [boxed.left, boxed.top, boxed.left + boxed.width - 1, boxed.top + boxed.height - 1]
        assert cvat.encode_mask(mask.astype(bool)) == [*boxed.runs, *box]
        np.testing.assert_array_equal(cvat.decode_mask([*boxed.runs, *box], image_width=30, image_height=40), mask)


def test_filled_polygons_are_a_union():
    one, other = np.array([[1, 1], [3, 1], [3, 3], [1, 3.2]]), np.array([[5, 5], [6, 5], [6, 6]])
    mask = filled([one, other], 8, 8)
    assert (int(mask[1:4, 1:4].sum()), int(mask.sum())) == (9, 12)
