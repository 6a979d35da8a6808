"""Masks to landmarks: correspondence on drawn shapes, and on the real expert contours."""

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.anatomy.contours import masks_to_landmarks, organ_landmarks
from cxrfactory.errors import CxrError

COUNTS = {"right_lung": 44, "left_lung": 50, "heart": 26}


def polygon(points: list[tuple[float, float]], shape: tuple[int, int] = (1024, 1024)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return mask


RIGHT = [(390, 130), (250, 240), (180, 420), (150, 810), (260, 710), (405, 695), (410, 560), (465, 260), (440, 150)]
LEFT = [
    (650, 130), (780, 220), (850, 480), (880, 830), (800, 750), (735, 735), (730, 640), (615, 420),
    (600, 370), (612, 320), (560, 270), (560, 200), (600, 135),
]  # fmt: skip
HEART = [(400, 705), (388, 620), (425, 490), (625, 460), (780, 690), (765, 745), (600, 772)]


def test_counts_and_order():
    nodes = masks_to_landmarks(polygon(RIGHT), polygon(LEFT), polygon(HEART))
    assert nodes.shape == (120, 2)
    assert nodes.dtype == np.float64
    np.testing.assert_array_equal(nodes[:44], organ_landmarks("right_lung", polygon(RIGHT)))
    np.testing.assert_array_equal(nodes[94:], organ_landmarks("heart", polygon(HEART)))


def test_anchors_stand_on_the_corners():
    right = organ_landmarks("right_lung", polygon(RIGHT))
    left = organ_landmarks("left_lung", polygon(LEFT))
    heart = organ_landmarks("heart", polygon(HEART))
    for nodes, node, corner in [
        (right, 0, (390, 130)), (right, 21, (150, 810)), (right, 29, (405, 695)),
        (left, 21, (880, 830)), (left, 27, (735, 735)), (left, 40, (600, 370)), (left, 44, (560, 270)),
        (heart, 0, (400, 705)), (heart, 5, (425, 490)), (heart, 12, (625, 460)),
    ]:  # fmt: skip
        assert np.hypot(*(nodes[node] - corner)) < 20, (node, nodes[node], corner)


def test_both_lungs_run_down_the_lateral_wall_first():
    right = organ_landmarks("right_lung", polygon(RIGHT))
    left = organ_landmarks("left_lung", polygon(LEFT))
    assert right[10, 0] < right[35, 0]
    assert left[10, 0] > left[35, 0]


@pytest.mark.parametrize("organ", COUNTS)
def test_refilled_landmarks_give_the_mask_back(organ):
    mask = polygon({"right_lung": RIGHT, "left_lung": LEFT, "heart": HEART}[organ])
    assert dice(mask, polygon(organ_landmarks(organ, mask))) > 0.985


@given(shift=st.tuples(st.integers(-100, 100), st.integers(-100, 100)), scale=st.floats(0.4, 1.0))
@settings(max_examples=15, deadline=None)
def test_follows_shift_and_scale(shift, scale):
    points = np.array(HEART, float)
    moved = (points - points.mean(axis=0)) * scale + points.mean(axis=0) + shift
    expected = organ_landmarks("heart", polygon(HEART))
    expected = (expected - points.mean(axis=0)) * scale + points.mean(axis=0) + shift
    error = np.hypot(*(organ_landmarks("heart", polygon(moved)) - expected).T)
    assert error.mean() < 3


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_any_blob_gives_nodes_on_its_border(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
    radii = rng.uniform(20, 90, 12)
    mask = polygon(np.stack([120 + radii * np.cos(angles), 120 + radii * np.sin(angles)], 1), (240, 240))
    border, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if cv2.contourArea(max(border, key=cv2.contourArea)) < 200:
        return
    chain = max(border, key=cv2.contourArea)[:, 0]
    for organ, count in COUNTS.items():
        nodes = organ_landmarks(organ, mask)
        assert nodes.shape == (count, 2)
        assert np.isfinite(nodes).all()
        assert np.hypot(*(nodes[:, None] - chain[None]).transpose(2, 0, 1)).min(axis=1).max() < 6


def test_only_the_largest_part_counts():
    mask = polygon(HEART)
    with_speck = mask.copy()
    with_speck[10:30, 10:30] = 1
    np.testing.assert_array_equal(organ_landmarks("heart", mask), organ_landmarks("heart", with_speck))


def test_errors_are_one_line():
    empty = np.zeros((64, 64), np.uint8)
    with pytest.raises(CxrError, match="right_lung mask is empty"):
        masks_to_landmarks(empty, empty, empty)
    with pytest.raises(CxrError, match="different shapes"):
        masks_to_landmarks(empty, empty[:32], empty)
    with pytest.raises(CxrError, match="no landmark rule for organ 'liver'"):
        organ_landmarks("liver", empty)
    speck = empty.copy()
    speck[3, 3] = 1
    with pytest.raises(CxrError, match="border pixels"):
        organ_landmarks("heart", speck)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize(
    ("organ", "folder", "mean_px"), [("right_lung", "RL", 6), ("left_lung", "LL", 9), ("heart", "H", 11)]
)
def test_real_contours_come_back(organ, folder, mean_px):
    if "CXRFACTORY_REAL_DATA" not in os.environ:
        pytest.skip("CXRFACTORY_REAL_DATA is not set: no real landmarks to compare with")
    root = Path(os.environ["CXRFACTORY_REAL_DATA"]) / "landmarks"
    with open(root / "clinical.csv", encoding="utf-8") as lines:
        wanted = {
            row["File"].rsplit(".", 1)[0] for row in csv.DictReader(lines) if row["Dataset"] in ("JSRT", "Padchest")
        }
    overlaps, errors = [], []
    for path in sorted((root / folder).glob("*.npy"))[::3]:
        if path.stem not in wanted:
            continue
        expert = np.load(path).astype(float)
        mask = polygon(expert)
        found = organ_landmarks(organ, mask)
        overlaps.append(dice(mask, polygon(found)))
        errors.append(np.hypot(*(found - expert).T).mean())
    assert len(overlaps) > 50
    assert np.mean(overlaps) > 0.995
    assert np.min(overlaps) > 0.985
    assert np.mean(errors) < mean_px
