from dataclasses import replace

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.metrics.estimate.image import ImageEstimates
from cxrfactory.tables.quality_calibration import QualityCalibration

from .test_model import MODEL

LUNGS = replace(MODEL, signals=("lungs_soft_dice",), weights=(1.0,), usual=MODEL.usual[:1])
HEART = replace(LUNGS, signals=("heart_soft_dice",))
ESTIMATES = ImageEstimates({"lungs": LUNGS, "heart": HEART})


def test_both_is_the_mean_of_lungs_and_heart_and_so_are_its_ends():
    found = ESTIMATES.intervals({"lungs_soft_dice": 0.9, "heart_soft_dice": 0.8}, with_heart=True)
    assert found["lungs"] == pytest.approx((0.9, 0.7, 0.95))
    assert found["heart"] == pytest.approx((0.8, 0.4, 0.9))
    assert found["both"] == pytest.approx((0.85, 0.55, 0.925))


def test_without_a_heart_both_is_that_of_the_lungs():
    found = ESTIMATES.intervals({"lungs_soft_dice": 0.9}, with_heart=False)
    assert found["both"] == found["lungs"]
    assert found["heart"] is None
    assert ESTIMATES.intervals({"lungs_soft_dice": 0.9}, with_heart=True)["both"] is None


def test_reasons_name_organ_and_signal():
    assert ESTIMATES.reasons({"lungs_soft_dice": 0.1}, ["lungs", "heart"]) == [
        "lungs:lungs_soft_dice",
        "heart:heart_soft_dice",
    ]


def test_a_share_of_the_fit_is_the_limit_of_a_single_image():
    known = {"lungs_soft_dice": 0.79, "heart_soft_dice": 0.81}  # the lowest tenth is below 0.8
    assert ESTIMATES.below_share(known, 0.1) == ["lungs"]
    assert ESTIMATES.below_share(known, 0) == []
    assert ESTIMATES.below_share({"lungs_soft_dice": 0.99}, 0.1) == ["heart"]  # unknown


def test_a_damaged_model_is_named_by_file_and_organ():
    values = {"heart": HEART.as_dict() | {"weights": [-1.0]}}
    made = QualityCalibration(weights="a" * 64, alpha=0.1, models=values, table="b" * 64, sources={})
    with pytest.raises(CxrError, match=r"^q\.json: heart: estimate: weight -1"):
        ImageEstimates.of(made, "q.json")
