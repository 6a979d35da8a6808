import json
import math

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.estimate import FlagConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.estimate.model import OrganModel
from cxrfactory.products.chexmask import release as chexmask
from cxrfactory.products.chexmask.release import product_files
from cxrfactory.products.chexmask.rows import QUALITY_FIELDS, product_schema
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.quality_calibration import QualityCalibration, write_quality_calibration
from cxrfactory.tables.schemas import LANDMARKS
from cxrfactory.tables.signals import WEIGHTS_KEY

from .packed import package_chexmask, release

WEIGHTS = "a" * 64
SOFT = {"a": (0.9, 0.7), "b": (0.8, 0.9), "c": (0.95, 0.95), "no-rca": (0.1, 0.1)}  # of lungs and heart


def model(organ):
    """The estimate is the soft Dice; the interval is from twice to half the error."""
    least = -math.log(2)
    return OrganModel((f"{organ}_soft_dice",), (1.0,), (0.0,), 0.0, least, -least, 0.1, 0.3, (0.0, 1.0), (0.5, 1.0))


def write_quality(path, organs=("lungs", "heart"), weights=WEIGHTS):
    models = {organ: model(organ).as_dict() for organ in organs}
    sources = {organ: {"one": 30} for organ in organs}
    write_quality_calibration(
        QualityCalibration(weights=weights, alpha=0.1, models=models, table="b" * 64, sources=sources), path
    )
    return path


def evidence(image_id):
    others = {"dense_dice": 0.9, "start_dice": 0.9, "shape_dice": 0.9}
    lungs, heart = SOFT[image_id]
    return [{"organ": "lungs", "soft_dice": lungs, **others}, {"organ": "heart", "soft_dice": heart, **others}]


def pack(folder, calibration, flags=None, workers=1, shards=2, weights=WEIGHTS, without=()):
    inputs = release().write(folder / "in", shards)
    for path in inputs["landmarks"]:
        frame = read_table(path)
        known = [None if name in without else evidence(name) for name in frame["image_id"]]
        frame = frame.assign(evidence=known, latent_norm=[None if each is None else 1.0 for each in known])
        write_table(frame, path, LANDMARKS, facts=weights and {WEIGHTS_KEY: weights})
    names = {"dataset": "demo", "release": "Demo-CXR", "id_column": "dicom_id"}
    places = {"output": folder / "out", "part": folder / "part"}
    flags = flags or FlagConfig(flag_worst=0.0)
    package_chexmask(**inputs, **names, **places, workers=workers, calibration=calibration, flags=flags)
    return product_files(folder / "out", "Demo-CXR")


def test_estimates_signals_and_flags_are_columns_of_the_parquet_alone(tmp_path):
    plain = pack(tmp_path / "plain", None)
    made = pack(tmp_path / "made", write_quality(tmp_path / "q.json"), FlagConfig(flag_worst=0.3))
    for name in ("original", "preprocessed"):
        assert plain[name].read_bytes() == made[name].read_bytes()
    table = read_table(made["parquet"]).set_index("image_id")
    names = [field.name for field in QUALITY_FIELDS]
    assert ["image_id", *table.columns] == product_schema(calibrated=False, quality=True).names
    pd.testing.assert_frame_equal(table.drop(columns=names), read_table(plain["parquet"]).set_index("image_id"))
    np.testing.assert_allclose(table["lungs_dice_estimate"], [0.9, 0.8, 0.95])
    np.testing.assert_allclose(table["heart_dice_low"], [0.4, 0.8, 0.9])
    np.testing.assert_allclose(table["heart_dice_high"], [0.85, 0.95, 0.975])
    np.testing.assert_allclose(table["dice_estimate"], [0.8, 0.85, 0.95])
    assert table["right_lung_dice_estimate"].isna().all()
    assert table.loc["b", "evidence"][0]["soft_dice"] == 0.8
    # One image of three is flagged: a has the worst heart and b the worst lungs, and a is first by its id.
    assert table["flagged"].tolist() == [True, False, False]
    assert table["flag_reasons"].map(list).tolist() == [["heart:heart_soft_dice"], [], []]


def test_a_limit_flags_more(tmp_path):
    quality = write_quality(tmp_path / "q.json")
    table = read_table(pack(tmp_path, quality, FlagConfig(flag_worst=0, flag_below=0.85))["parquet"])
    assert table["flagged"].tolist() == [True, True, False]
    assert list(table["flag_reasons"][1]) == ["lungs:lungs_soft_dice"]


def test_an_image_without_signals_has_no_estimate_and_is_flagged(tmp_path):
    made = pack(tmp_path, write_quality(tmp_path / "q.json"), FlagConfig(flag_worst=0.3), shards=1, without=("c",))
    table = read_table(made["parquet"]).set_index("image_id")
    assert table.loc["c", ["dice_estimate", "lungs_dice_low", "heart_dice_high"]].isna().all()
    assert table["flagged"].tolist() == [False, False, True]
    assert sorted(table.loc["c", "flag_reasons"]) == ["heart:heart_soft_dice", "lungs:lungs_soft_dice"]
    quantiles = json.loads((tmp_path / "part/summary.json").read_text())["dice_estimate"]["quantiles"]
    assert (quantiles["0.0"], quantiles["1.0"]) == pytest.approx((0.8, 0.85))


def test_bytes_do_not_depend_on_shards_or_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(chexmask, "CHUNK_ROWS", 1)  # more than one piece of work, so that processes start
    quality, flags = write_quality(tmp_path / "q.json"), FlagConfig(flag_worst=0.5)
    made = [pack(tmp_path / f"{w}{s}", quality, flags, w, s)["parquet"] for w, s in ((1, 1), (1, 3), (2, 2))]
    assert made[0].read_bytes() == made[1].read_bytes() == made[2].read_bytes()


def test_the_summary_names_weights_sources_and_the_number_of_flags(tmp_path):
    pack(tmp_path, write_quality(tmp_path / "q.json"), FlagConfig(flag_worst=0.5))
    summary = json.loads((tmp_path / "part/summary.json").read_text())
    assert summary["calibration"] is None
    assert summary["flagged"] == 2
    assert summary["quality"]["weights"] == WEIGHTS
    assert summary["quality"]["sources"] == {"heart": {"one": 30}, "lungs": {"one": 30}}
    assert summary["interval_width"]["quantiles"]["1.0"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": "c" * 64}, "quality calibration for weights 'aaaaaaaaaaaa.*masks of weights 'cccccccccccc"),
        ({"weights": None}, "landmarks with no record of their weights; run the infer stage again"),
        ({"without": tuple(SOFT)}, "column 'evidence' is empty"),
    ],
)
def test_masks_of_other_networks_are_refused_before_anything_is_written(tmp_path, settings, message):
    with pytest.raises(CxrError, match=message) as caught:
        pack(tmp_path, write_quality(tmp_path / "q.json"), **settings)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_every_organ_of_the_masks_needs_an_estimate(tmp_path):
    with pytest.raises(CxrError, match=r"q\.json: estimates of lungs; masks of graph 'lungs-heart' need heart too"):
        pack(tmp_path, write_quality(tmp_path / "q.json", ("lungs",)))
