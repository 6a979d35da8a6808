import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.rca.score import (
    RcaScore,
    Reference,
    align,
    graph_of,
    organ_masks,
    rca_score,
    resized,
    select_references,
)
from tests.rca.chests import SIZE, chest, landmarks_of


def reference(name, **how):
    image, points = chest(**how)
    return Reference(name, image, organ_masks(points, landmark_graph("lungs-heart"), SIZE, SIZE))


def test_good_masks_score_high_and_wrong_masks_low():
    references = [reference("a", shift=(4, 0)), reference("b", scale=0.93)]
    image, points = chest()
    good = rca_score(image, organ_masks(points, landmark_graph("lungs-heart"), SIZE, SIZE), references)
    bad = rca_score(image, organ_masks(points + 18, landmark_graph("lungs-heart"), SIZE, SIZE), references)
    assert min(good.scores) > 0.93
    assert max(bad.scores) < 0.75
    assert good.references == ("a", "b")


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


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7), st.data())
def test_maximum_is_never_below_the_mean(lungs, data):
    heart = tuple(data.draw(st.lists(st.floats(0, 1), min_size=len(lungs), max_size=len(lungs))))
    row = RcaScore(tuple("r" * len(lungs)), tuple(lungs), heart).as_row()
    for name in ("dice_rca", "lungs", "heart"):
        assert 0 <= row[f"{name}_mean"] <= row[f"{name}_max"] <= 1


def test_equal_scores_have_that_mean():
    row = RcaScore(tuple("abcde"), (0.1,) * 5, None).as_row()
    assert row["dice_rca_mean"] == 0.1


def test_an_empty_mask_scores_zero():
    one = reference("a")
    image, points = chest()
    masks = organ_masks(points, landmark_graph("lungs-heart"), SIZE, SIZE)
    masks["heart"][:] = False
    score = rca_score(image, masks, [one])
    assert score.heart == (0.0,)
    assert score.lungs[0] > 0.95


def test_reference_without_the_organ_is_an_error():
    image, points = chest()
    one = Reference("bare", image, organ_masks(points[:94], landmark_graph("lungs"), SIZE, SIZE))
    with pytest.raises(CxrError, match="reference 'bare' has no heart"):
        rca_score(image, organ_masks(points, landmark_graph("lungs-heart"), SIZE, SIZE), [one])


def test_one_colour_image_and_other_sizes_are_refused():
    one = reference("a")
    with pytest.raises(ImageError, match="one grey value"):
        align(np.zeros((SIZE, SIZE), np.uint8), [one])
    with pytest.raises(CxrError, match="reference 'a' of"):
        align(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64), [one])


def test_failed_registration_names_the_reference():
    flat = Reference("flat", np.full((SIZE, SIZE), 3, np.uint8), {})
    # A reference of one grey value cannot be prepared either.
    with pytest.raises(ImageError, match="RCA registration failed for reference 'flat': image has one grey value"):
        align(chest()[0], [flat])


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


def test_organ_masks_scale_points_and_join_the_lungs():
    points = landmarks_of()
    small = organ_masks(points, landmark_graph("lungs-heart"), SIZE, SIZE)
    big = organ_masks((points + 0.5) * 4 - 0.5, landmark_graph("lungs-heart"), 4 * SIZE, SIZE)
    for organ in ("lungs", "heart"):
        np.testing.assert_array_equal(small[organ], big[organ])
    assert set(organ_masks(points[:94], landmark_graph("lungs"), SIZE, SIZE)) == {"lungs"}
    clavicles = np.vstack([points, np.tile(points[:1], (46, 1))])
    assert set(organ_masks(clavicles, landmark_graph("lungs-heart-clavicles"), SIZE, SIZE)) == {"lungs", "heart"}


def test_graph_by_number_of_nodes():
    assert graph_of(120).name == "lungs-heart"
    with pytest.raises(CxrError, match="119 landmarks"):
        graph_of(119)


def test_resizing_averages_areas():
    image = np.zeros((4, 4), np.uint8)
    image[:2, :2] = [[0, 100], [100, 200]]
    np.testing.assert_array_equal(resized(image, 2), [[100, 0], [0, 0]])
