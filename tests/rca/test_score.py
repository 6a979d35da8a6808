import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.rca.classical import ClassicalAligner
from cxrfactory.rca.labels import organ_dice
from cxrfactory.rca.score import Aligned, RcaScore, Reference, origin, resized, score_aligned, select_references
from tests.rca.chests import SIZE, chest, codes_of, landmarks_of, reference

CODES = codes_of(landmarks_of())
SHIFTED = codes_of(landmarks_of(shift=(4, 0)))


def still(count, typicality=None):
    """No registration: masks come to each reference as they are."""
    return Aligned(lambda codes: np.stack([codes] * count), typicality)


def test_scores_are_the_dice_of_each_reference():
    references = [reference("same"), reference("beside", shift=(4, 0))]
    score = score_aligned(CODES, True, still(2), references)
    assert score.references == ("same", "beside")
    lungs, heart = organ_dice(CODES, SHIFTED)
    assert score.lungs == (1, lungs)
    assert score.heart == (1, heart)
    assert score.scores == (1, (lungs + heart) / 2)
    assert score.typicality is None


def test_exchanged_sides_score_low():
    exchanged = (CODES & 4) | ((CODES & 1) << 1) | ((CODES & 2) >> 1)
    score = score_aligned(exchanged, True, still(1), [reference("same")])
    assert score.lungs == (0,)
    assert score.scores == (0.5,)


def test_scores_of_an_atypical_image_count_less():
    references = [reference("same"), reference("beside", shift=(4, 0))]
    whole, half = (score_aligned(CODES, True, still(2, share), references) for share in (1.0, 0.5))
    assert half.lungs == tuple(value / 2 for value in whole.lungs)
    assert half.heart == tuple(value / 2 for value in whole.heart)
    row = half.as_row()
    assert row["typicality"] == 0.5
    assert row["dice_rca_max"] == 0.5
    assert row["dice_rca_mean"] == whole.as_row()["dice_rca_mean"] / 2


def test_an_empty_mask_scores_zero():
    score = score_aligned(CODES & 3, True, still(1), [reference("a")])
    assert score.heart == (0.0,)
    assert score.lungs == (1.0,)


def test_without_a_heart_references_may_lack_it():
    bare = Reference("bare", chest()[0], CODES & 3)
    assert score_aligned(CODES & 3, False, still(1), [bare]).heart is None
    with pytest.raises(CxrError, match="reference 'bare' has no heart"):
        score_aligned(CODES, True, still(1), [bare])
    with pytest.raises(CxrError, match="reference 'empty' has no lungs"):
        score_aligned(CODES, False, still(1), [Reference("empty", chest()[0], CODES & 4)])


def test_the_origin_names_all_that_a_score_depends_on():
    found = origin(ClassicalAligner("linear"), 5, SIZE, "a" * 64)
    assert (found.method, found.references, found.size, found.library) == ("classical", 5, SIZE, "a" * 64)
    assert (found.network, found.interpolation) == (None, "linear")


def test_row_holds_mean_and_maximum_of_each_organ():
    row = RcaScore(("a", "b"), (0.9, 0.7), (0.5, 0.9)).as_row()
    assert row["references"] == ["a", "b"]
    assert row["lungs_mean"] == pytest.approx(0.8)
    assert row["lungs_max"] == 0.9
    assert row["heart_mean"] == pytest.approx(0.7)
    assert row["heart_max"] == 0.9
    assert row["dice_rca_mean"] == pytest.approx(0.75)
    assert row["dice_rca_max"] == pytest.approx(0.8)  # of the references' scores (0.7, 0.8), not of organs


def test_without_heart_the_score_is_the_lungs():
    row = RcaScore(("a",), (0.9,), None).as_row()
    assert row["dice_rca_mean"] == row["dice_rca_max"] == row["lungs_mean"] == 0.9
    assert row["heart_mean"] is None
    assert row["heart_max"] is None
    assert row["typicality"] is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7), st.data())
def test_maximum_is_never_below_the_mean(lungs, data):
    heart = tuple(data.draw(st.lists(st.floats(0, 1), min_size=len(lungs), max_size=len(lungs))))
    row = RcaScore(tuple("r" * len(lungs)), tuple(lungs), heart).as_row()
    for name in ("dice_rca", "lungs", "heart"):
        assert 0 <= row[f"{name}_mean"] <= row[f"{name}_max"] <= 1


def test_equal_scores_have_that_mean():
    row = RcaScore(tuple("abcde"), (0.1,) * 5, None).as_row()
    assert row["dice_rca_mean"] == 0.1


LATENTS = np.array([[1.0, 0], [3, 0], [0, 5], [3, 0]])
IDS = ["d", "c", "b", "a"]


def test_references_go_by_dot_product_and_ties_by_id():
    assert select_references(np.array([1.0, 0]), LATENTS, IDS, 3) == [3, 1, 0]
    assert select_references(np.array([1.0, 1]), LATENTS, IDS, 1) == [2]  # long codes win: no normalising


def test_the_image_is_no_reference_of_itself():
    assert select_references(np.array([1.0, 0]), LATENTS, IDS, 2, exclude="a") == [1, 0]


def test_too_few_references_or_other_weights_are_refused():
    with pytest.raises(CxrError, match="3 reference images, 4 wanted"):
        select_references(np.array([1.0, 0]), LATENTS, IDS, 4, exclude="a")
    with pytest.raises(CxrError, match="same weights"):
        select_references(np.array([1.0, 0, 0]), LATENTS, IDS, 1)


def test_resizing_averages_areas():
    image = np.zeros((4, 4), np.uint8)
    image[:2, :2] = [[0, 100], [100, 200]]
    np.testing.assert_array_equal(resized(image, 2), [[100, 0], [0, 0]])
