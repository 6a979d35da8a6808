import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.models.normalise import QUIET, Equalise, build_normaliser, local_contrast


def film(seed=0, side=64):
    """A smooth picture with a bright middle and dark sides, as a chest has, 8-bit levels in 0..1."""
    y, x = np.mgrid[:side, :side] / side
    rng = np.random.default_rng(seed)
    values = 0.2 + 0.6 * np.exp(-(((x - 0.5) / 0.15) ** 2)) + 0.1 * y + 0.05 * rng.random((side, side))
    return torch.from_numpy(np.round(values * 255).clip(1, 254) / 255).float()[None, None]


@pytest.fixture
def equalise():
    layer = Equalise()
    layer.learn(torch.cat([film(seed) for seed in range(5)]))
    return layer


def test_ranks_follow_the_definition():
    image = torch.tensor([[0.0, 10, 20], [20, 30, 30], [30, 40, 40]])[None, None] / 255
    # Once 0, once 10, twice 20, thrice 30, twice 40; the middle of each level's places among the nine.
    expected = torch.tensor([[0.5, 1.5, 3], [3, 5.5, 5.5], [5.5, 8, 8]])[None, None] / 9
    assert torch.allclose(Equalise()(image), expected)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.4, 2.5), st.floats(0.3, 1.0))
def test_tone_curves_that_keep_levels_apart_change_little(gamma, contrast):
    layer = Equalise()
    image = film()
    toned = torch.round((contrast * image**gamma) * 65535) / 65535
    # Levels that fall together share their ranks; the order stays.
    assert (layer(image) - layer(toned)).abs().mean() < 0.02


def test_a_negative_gets_the_same_input(equalise):
    image = film(7)
    assert torch.allclose(equalise(image), equalise(1 - image), atol=1e-6)
    middle = equalise(1 - image)[0, 0, :, 28:36].mean()
    assert middle > 0.8  # bone is bright


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**16), st.floats(0, 0.3), st.integers(0, 12))
def test_a_negative_with_saturated_pixels_and_a_frame_gets_the_same_input(seed, share, frame):
    layer = Equalise()
    layer.learn(torch.cat([film(each) for each in range(5)]))
    image = film(seed)
    chosen = torch.from_numpy(np.random.default_rng(seed).random((64, 64)) < share)
    image[0, 0, chosen] = 1.0
    image[..., :frame, :] = 0.0
    assert torch.allclose(layer(image), layer(1 - image), atol=1e-6)


def test_a_white_frame_is_left_out_like_a_black_one():
    image = film()
    black, white = torch.zeros(1, 1, 64, 96), torch.ones(1, 1, 64, 96)
    black[..., 16:80] = image
    white[..., 16:80] = image
    assert torch.equal(Equalise()(black), Equalise()(white))


def test_black_within_the_film_counts():
    image = film()
    image[..., 20:40, 20:40] = 0.0
    assert torch.allclose(Equalise()(image)[..., 20:40, 20:40], torch.tensor(0.5 * 400 / 64**2))


@pytest.mark.parametrize("grey", [0.0, 0.25, 1.0])
def test_a_box_over_the_anatomy_does_not_turn_the_polarity(equalise, grey):
    image = film(7)
    image[..., :44, 18:46] = grey  # most of the bright middle
    bottom = equalise(image)[0, 0, 48:, 28:36]
    assert bottom.mean() > 0.6  # bone is bright
    assert torch.allclose(equalise(image), equalise(1 - image), atol=1e-6)


def test_the_negative_of_an_image_with_four_grey_values_is_recognised(equalise):
    image = torch.round(film(7) * 3) / 3 * 0.8 + 0.1
    assert equalise(image)[0, 0, :, 30:34].mean() > 0.7
    assert torch.allclose(equalise(image), equalise(1 - image), atol=1e-6)


def test_padding_stays_zero_and_does_not_count(equalise):
    image = film()
    padded = torch.zeros(1, 1, 64, 96)
    padded[..., 16:80] = image
    found = Equalise()(padded)
    assert torch.allclose(found[..., 16:80], Equalise()(image))
    assert (found[..., :16] == 0).all()


def test_a_saturated_marker_moves_ranks_by_its_share():
    image = film()
    marked = image.clone()
    marked[..., :6, :6] = 1.0
    layer = Equalise()
    assert (layer(image) - layer(marked))[..., 8:, 8:].abs().max() <= 36 / 64**2 + 1e-6


def test_images_do_not_see_their_neighbours(equalise):
    one, other = film(1), 1 - film(2)
    both = equalise(torch.cat([one, other]))
    assert torch.equal(both[:1], equalise(one))
    assert torch.equal(both[1:], equalise(other))


def test_none_is_the_identity():
    image = film()
    assert build_normaliser("none")(image) is image


def test_local_contrast_of_a_flat_picture_is_one_half():
    found = local_contrast(torch.full((1, 1, 32, 32), 0.7))
    torch.testing.assert_close(found, torch.full((1, 1, 32, 32), 0.5), atol=1e-4, rtol=0)


def test_local_contrast_measures_deviations_of_the_surroundings():
    """Stripes of two pixels differ from their mean by one standard deviation each, except for what QUIET adds."""
    stripes = (torch.arange(64) // 2 % 2).float().expand(1, 1, 64, 64)
    height = 0.2
    found = local_contrast(0.3 + height * stripes)[..., 16:48, 16:48]
    share = (height / 2) / (height**2 / 4 + QUIET) ** 0.5
    expected = 0.5 + 0.25 * share * (2 * stripes[..., 16:48, 16:48] - 1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_local_contrast_forgets_slow_shading():
    torch.manual_seed(0)
    detail = 0.2 * torch.rand(1, 1, 64, 64)
    shading = torch.linspace(0, 0.3, 64).expand(1, 1, 64, 64)
    plain, shaded = (local_contrast(each)[..., 16:48, 16:48] for each in (detail, detail + shading))
    assert float((plain - shaded).abs().mean()) < 0.1 * float((plain - 0.5).abs().mean())


def test_local_contrast_does_not_depend_on_the_batch():
    torch.manual_seed(0)
    images = torch.rand(3, 1, 32, 32)
    together = local_contrast(images)
    for row in range(3):
        torch.testing.assert_close(together[row : row + 1], local_contrast(images[row : row + 1]))
