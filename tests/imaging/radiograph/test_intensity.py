import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.intensity import Clahe, Enhancement, apply_clahe, equalise, to_uint8

KINDS = st.sampled_from([np.uint8, np.uint16])


@given(KINDS.flatmap(lambda kind: arrays(kind, (5, 7), elements=st.integers(0, np.iinfo(kind).max))))
def test_whole_numbers_are_stretched_exactly(pixels):
    low, high = int(pixels.min()), int(pixels.max())
    if low == high:
        with pytest.raises(CxrError, match="one-colour"):
            to_uint8(pixels)
        return
    # Rounding half up of (p - low) * 255 / (high - low), in whole numbers.
    expected = [(2 * 255 * (int(p) - low) + (high - low)) // (2 * (high - low)) for p in pixels.ravel()]
    assert to_uint8(pixels).ravel().tolist() == expected


@given(arrays(np.float32, (4, 6), elements=st.floats(-1e4, 1e4, width=32)))
def test_floats_are_stretched_to_within_a_level(pixels):
    low, high = float(pixels.min()), float(pixels.max())
    if high - low < 1:
        return
    found = to_uint8(pixels)
    assert (found.min(), found.max()) == (0, 255)
    assert np.abs(found - (pixels.astype(float) - low) * 255 / (high - low)).max() <= 0.51


def test_full_range_is_unchanged():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_uint8(pixels), pixels)


def flat_with_texture():
    return np.random.default_rng(3).normal(120, 4, (128, 160)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("engine", "weak", "strong"), [("opencv", 1.0, 40.0), ("skimage", 0.001, 0.9)])
def test_clahe_clip_is_in_the_unit_of_its_engine(engine, weak, strong):
    image = flat_with_texture()
    spread = [apply_clahe(image, Clahe(clip, 4, engine)).std() for clip in (weak, strong)]
    assert spread[1] > 1.5 * spread[0]
    assert apply_clahe(image, Clahe(strong, 4, engine)).shape == image.shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.01, 8, "opencv"), "multiple of the mean count"),
        ((2.0, 8, "skimage"), "fraction"),
        ((2.0, 0, "opencv"), "tiles"),
        ((2.0, 8, "gimp"), "opencv, skimage"),
    ],
)
def test_impossible_clahe_is_refused(arguments, message):
    with pytest.raises(CxrError, match=message):
        Clahe(*arguments)


def test_equalised_histogram_is_flat():
    skewed = (np.random.default_rng(3).random((128, 160)) ** 2 * 200).astype(np.uint8)
    share = [np.histogram(image, bins=4, range=(0, 256))[0] / image.size for image in (skewed, equalise(skewed))]
    assert np.abs(share[0] - 0.25).max() > 0.2
    assert np.abs(share[1] - 0.25).max() < 0.05


def test_enhancement_does_nothing_by_default_and_equalises_before_clahe():
    image = flat_with_texture()
    clahe = Clahe(3.0, 4)
    assert np.array_equal(Enhancement().apply(image), image)
    assert np.array_equal(Enhancement(clahe, True).apply(image), apply_clahe(equalise(image), clahe))
