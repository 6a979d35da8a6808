import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.infer.upright import check_upright, odds_of, turns_of
from cxrfactory.models.segmenter import SampledLandmarks


def spread(*values):
    points = np.zeros((120, 2), np.float32)
    return [SampledLandmarks(points, points, np.full((120, 2), value, np.float32), np.zeros(64)) for value in values]


def test_an_image_on_its_side_is_named_with_the_turn_that_rights_it():
    with pytest.raises(ImageError, match="after a turn of 90 degrees clockwise"):
        check_upright(spread(12, 6, 12, 4))
    with pytest.raises(ImageError, match="after a turn of 180 degrees"):
        check_upright(spread(9, 12, 3, 8))


def test_upright_and_doubtful_images_pass():
    check_upright(spread(4, 12, 8, 11))
    check_upright(spread(6, 12, 5, 11))  # a little surer is no proof
    check_upright(spread(5))  # not checked


def test_a_turn_that_the_small_network_is_sure_of_is_compared_with_the_image_as_it_is():
    sure = np.array([0.005, 0.005, 0.985, 0.005])
    assert turns_of(sure) == (0, 2)
    with pytest.raises(ImageError, match="after a turn of 180 degrees"):
        check_upright(spread(9, 3), sure)
    check_upright(spread(6, 5.9), sure)  # the segmenter does not say so


def test_a_turn_that_the_small_network_or_the_picture_contradicts_is_no_reason():
    check_upright(spread(9, 12, 3, 8), np.array([0.3, 0.4, 0.2, 0.1]))
    unsure = np.array([0.1, 0.1, 0.7, 0.1])
    check_upright(spread(9, 12, 3, 8), unsure, lambda turns: False)
    with pytest.raises(ImageError, match="after a turn of 180 degrees"):
        check_upright(spread(9, 12, 3, 8), unsure, lambda turns: turns == 2)


def test_a_turn_by_a_wrong_header_names_the_option_that_ignores_it():
    sure = np.array([0.005, 0.005, 0.985, 0.005])
    with pytest.raises(ImageError, match=r"clockwise; turn it, or use --no-check-orientation$"):
        check_upright(spread(9, 3), sure)
    with pytest.raises(
        ImageError, match=r"its header states orientation 3, by which it was .* preprocess.orientation to ignore$"
    ):
        check_upright(spread(9, 3), sure, stored=3)


def test_only_images_that_may_be_turned_are_predicted_several_times():
    assert turns_of(None) == (0,)
    assert turns_of(np.array([0.97, 0.01, 0.01, 0.01])) == (0,)
    assert turns_of(np.array([0.8, 0.1, 0.05, 0.05])) == (0, 1, 2, 3)
    assert turns_of(np.array([0.05, 0.9, 0.03, 0.02])) == (0, 1, 2, 3)


def test_the_check_can_be_switched_off():
    assert odds_of(False)(np.zeros((64, 64), np.uint8)) is None


def test_the_odds_turn_with_the_image():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (96, 96), dtype=np.uint8)
    odds = odds_of(True)
    upright = odds(image)
    assert upright.sum() == pytest.approx(1)
    for turn in range(4):
        np.testing.assert_allclose(odds(np.rot90(image, turn)), np.roll(upright, -turn), atol=1e-6)
