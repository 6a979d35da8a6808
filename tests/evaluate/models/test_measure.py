import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.evaluate.models.labelled import LabelledImage, with_unions
from cxrfactory.evaluate.models.measure import MASK_MEASURES, WHOLE, measure
from cxrfactory.models.segmenter import Segmentation
from tests.evaluate.conftest import SHAPE, SIZE

CASE = LabelledImage("a", "s", b"", SIZE, landmark_graph("lungs-heart"), SHAPE * SIZE - 0.5)
MASKS = landmarks_to_masks(CASE.landmarks, CASE.graph, SIZE, SIZE)
ZERO = ("dice", "iou", "precision", "recall", "nsd", "component_precision", "component_recall", "component_f1")


def rows_of(found, case=CASE):
    return {row["organ"]: row for row in measure(found, case, 5.0)}


def test_the_truth_itself_is_perfect():
    rows = rows_of(Segmentation(MASKS, CASE.landmarks, CASE.graph))
    assert list(rows) == ["lungs", "right_lung", "left_lung", "heart", WHOLE]
    for organ in list(rows)[:-1]:
        assert [rows[organ][name] for name in MASK_MEASURES] == [1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1]
    assert rows[WHOLE]["landmark_mse_px2"] == 0
    assert rows[WHOLE]["ctr"] == rows[WHOLE]["ctr_true"] == pytest.approx(0.2 / 0.64, abs=0.02)


def test_a_missed_organ_is_zero_or_infinite_never_missing():
    masks = {**MASKS, "heart": np.zeros_like(MASKS["heart"])}
    rows = rows_of(Segmentation(masks))
    assert [rows["heart"][name] for name in ZERO] == [0] * len(ZERO)
    assert all(np.isinf(rows["heart"][name]) for name in ("hd_px", "hd95_px", "asd_px"))
    assert np.isnan(rows[WHOLE]["ctr"])
    assert rows[WHOLE]["ctr_true"] > 0
    assert "landmark_mse_px2" not in rows["heart"]


def test_two_empty_masks_are_missing():
    away = LabelledImage("a", "s", b"", SIZE, CASE.graph, CASE.landmarks + 10 * SIZE)
    rows = rows_of(Segmentation({organ: np.zeros((SIZE, SIZE), np.uint8) for organ in CASE.graph.organs}), away)
    assert all(np.isnan(rows["heart"][name]) for name in MASK_MEASURES)


def test_an_organ_that_one_side_does_not_know_has_no_row():
    masks = {"heart": MASKS["heart"], "liver": MASKS["heart"]}
    assert list(rows_of(Segmentation(masks))) == ["heart", WHOLE]
    assert "ctr" not in rows_of(Segmentation(masks))[WHOLE]


def test_landmarks_of_shared_organs_are_compared():
    heart = LabelledImage("a", "s", b"", SIZE, landmark_graph("heart"), CASE.landmarks[94:] + np.array((0, 1)))
    rows = rows_of(Segmentation(MASKS, CASE.landmarks, CASE.graph), heart)
    assert list(rows) == ["heart", WHOLE]
    step = 1024 / SIZE
    assert rows["heart"]["landmark_mse_px2"] == rows[WHOLE]["landmark_mse_px2"] == pytest.approx(step**2 / 2)
    whole = LabelledImage("a", "s", b"", SIZE, landmark_graph("whole-lungs"), CASE.landmarks[:94])
    assert "landmark_mse_px2" not in rows_of(Segmentation(MASKS, CASE.landmarks, CASE.graph), whole)[WHOLE]


def test_unions_need_both_organs():
    right, left = np.eye(3, dtype=np.uint8), np.zeros((3, 3), np.uint8)
    left[0, 2] = 1
    assert with_unions({"right_lung": right, "left_lung": left})["lungs"].sum() == 4
    assert list(with_unions({"right_lung": right})) == ["right_lung"]
