import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.grey_scale import grey_points
from cxrfactory.imaging.radiograph.intensity import Clahe, Enhancement, apply_clahe, equalise, to_uint8

KINDS = st.sampled_from([np.uint8, np.uint16])


@given(KINDS.flatmap(lambda kind: arrays(kind, (5, 7), elements=st.integers(0, np.iinfo(kind).max))))
def test_whole_numbers_are_scaled_exactly_between_the_points(pixels):
    if pixels.min() == pixels.max():
        with pytest.raises(CxrError, match="one-colour"):
            to_uint8(pixels)
        return
    black, white = grey_points(pixels)
    exact = (pixels.astype(float) - black) * (255 / (white - black))
    assert to_uint8(pixels).tolist() == np.clip(np.floor(exact + 0.5), 0, 255).tolist()


@given(arrays(np.float32, (4, 6), elements=st.floats(-1e4, 1e4, width=32)))
def test_floats_are_scaled_to_within_a_level(pixels):
    if float(pixels.max()) - float(pixels.min()) < 1:
        return
    black, white = grey_points(pixels)
    exact = np.clip((pixels.astype(float) - black) * 255 / (white - black), 0, 255)
    assert np.abs(to_uint8(pixels) - exact).max() <= 0.51


@given(KINDS.flatmap(lambda kind: arrays(kind, (6, 6), elements=st.integers(0, np.iinfo(kind).max))))
def test_the_order_of_grey_values_stays(pixels):
    if pixels.min() == pixels.max():
        return
    order = np.argsort(pixels, axis=None, kind="stable")
    assert (np.diff(to_uint8(pixels).ravel()[order].astype(int)) >= 0).all()


def test_padding_sets_no_point_and_becomes_black():
    pixels = np.random.default_rng(4).integers(1000, 3000, (90, 100)).astype(np.uint16)
    padding = np.zeros(pixels.shape, bool)
    padding[:, 40:] = True
    alone = to_uint8(np.where(padding, np.uint16(1000), pixels), padding)
    filled = to_uint8(np.where(padding, np.uint16(65535), pixels), padding)
    assert np.array_equal(alone, filled)
    assert not filled[padding].any()


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
