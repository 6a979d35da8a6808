import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.metrics.conformal import Conformal
from cxrfactory.products.chexmask import release as chexmask
from cxrfactory.products.chexmask.release import product_files
from cxrfactory.products.chexmask.rows import ESTIMATE_FIELDS, PRODUCT, product_schema
from cxrfactory.tables.calibration import Calibration, FittedOn, ScoreOrigin, write_calibration, write_scores
from cxrfactory.tables.chexmask import DICE_COLUMNS, ESTIMATE_COLUMNS, read_chexmask
from cxrfactory.tables.parquet import read_table

from .packed import package_chexmask, release

ORIGIN = ScoreOrigin(method="classical", references=1, size=256, library="a" * 64)
# Estimate 0.1 above the mean score, interval of 0.1 to either side.
MODEL = Conformal(0.0, (1.0,), (0.0, 0.9), (0.1, 1.0), (0.5,), (-0.05,), (0.05,), 0.5)


def write_model(path, features=("mean",), organs=("both", "lungs", "heart"), model=MODEL, origin=ORIGIN):
    on = FittedOn(table="b" * 64, images_fit=1, images_calibration=9, masks=10, kinds={"none": 10})
    models = {organ: model.as_dict() for organ in organs}
    write_calibration(Calibration(origin=origin, alpha=0.1, features=features, fitted_on=on, models=models), path)
    return path


def pack(folder, calibration, origin=ORIGIN, workers=1):
    inputs = release().write(folder / "in", 2)
    if origin is not None:
        for path in inputs["rca"]:
            write_scores(read_table(path), path, origin)
    names = {"dataset": "demo", "release": "Demo-CXR", "id_column": "dicom_id"}
    package_chexmask(
        **inputs, **names, output=folder / "out", part=folder / "part", workers=workers, calibration=calibration
    )
    return product_files(folder / "out", "Demo-CXR")


def test_estimates_are_columns_of_the_parquet_alone(tmp_path):
    plain = pack(tmp_path / "plain", None)
    made = pack(tmp_path / "made", write_model(tmp_path / "c.json"))
    for name in ("original", "preprocessed"):
        assert plain[name].read_bytes() == made[name].read_bytes()
    table = read_table(made["parquet"])
    names = [field.name for field in ESTIMATE_FIELDS]
    assert names[:6] == [f"{p}dice_{n}" for p in ("", "lungs_") for n in ("estimate", "low", "high")]
    pd.testing.assert_frame_equal(table.drop(columns=names), read_table(plain["parquet"]))
    assert read_table(plain["parquet"]).columns.tolist() == PRODUCT.names
    assert table.columns.tolist() == product_schema(calibrated=True).names
    for prefix, score in (("", "dice_rca_mean"), ("lungs_", "lungs_mean"), ("heart_", "heart_mean")):
        np.testing.assert_allclose(table[f"{prefix}dice_estimate"], table[score] + 0.1)
        np.testing.assert_allclose(table[f"{prefix}dice_low"], table[score])
        np.testing.assert_allclose(table[f"{prefix}dice_high"], np.minimum(table[score] + 0.2, 1))
    published = read_chexmask(made["parquet"])
    assert published["Dice RCA (Mean)"].tolist() == [0.7, 0.6, 0.8]
    assert list(published.columns[:6]) == ["image_id", *DICE_COLUMNS, "Landmarks", "Left Lung", "Right Lung"]
    for name, ours in zip(ESTIMATE_COLUMNS, ("dice_estimate", "dice_low", "dice_high"), strict=True):
        assert published[name].tolist() == table[ours].tolist()
    assert read_chexmask(made["parquet"], columns=["Dice low"]).columns.tolist() == ["image_id", "Dice low"]


def test_summary_says_what_the_estimates_rest_on(tmp_path):
    model = write_model(tmp_path / "c.json")
    pack(tmp_path / "made", model)
    summary = json.loads((tmp_path / "made/part/summary.json").read_text())
    assert summary["calibration"] == {
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        **{"method": "classical", "references": 1, "size": 256, "alpha": 0.1, "features": ["mean"]},
        **{"network": None, "interpolation": "nearest", "images": 10, "masks": 10},
    }
    quantiles = {name: summary[name]["quantiles"]["0.5"] for name in ("dice_estimate", "interval_width")}
    assert quantiles == pytest.approx({"dice_estimate": 0.8, "interval_width": 0.2})
    pack(tmp_path / "plain", None)
    summary = json.loads((tmp_path / "plain/part/summary.json").read_text())
    assert summary["calibration"] is None
    assert "dice_estimate" not in summary


def test_bytes_do_not_depend_on_the_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(chexmask, "CHUNK_ROWS", 1)  # more than one piece of work, so that processes start
    model = write_model(tmp_path / "c.json")
    first, second = (pack(tmp_path / str(workers), model, workers=workers) for workers in (1, 2))
    assert len(read_table(first["parquet"])) == 3
    assert first["parquet"].read_bytes() == second["parquet"].read_bytes()


def test_uncertainty_may_be_a_feature(tmp_path):
    # Deviation of 0.5 px on both axes in a frame of 32 px: 0.0221 of the side; estimate 1 - 10 times that.
    model = Conformal(1.0, (0.0, -10.0), (0.0, 1.0), (0.0, 1.0), (0.5,), (-0.05,), (0.05,), 0.0)
    made = pack(tmp_path, write_model(tmp_path / "c.json", ("mean", "std"), model=model))
    np.testing.assert_allclose(read_table(made["parquet"])["heart_dice_estimate"], 1 - 10 * np.sqrt(0.5) / 32)


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (
            ORIGIN.model_copy(update={"library": "c" * 64}),
            "calibration for library 'aaaaaaaaaaaa.*scores of library 'cc",
        ),
        (ORIGIN.model_copy(update={"references": 5}), "references '1'.*scores of references '5'"),
        (None, "no record of their reference library; run the rca stage again"),
    ],
)
def test_scores_of_another_rca_are_refused_before_anything_is_written(tmp_path, origin, message):
    with pytest.raises(CxrError, match=message) as caught:
        pack(tmp_path, write_model(tmp_path / "c.json"), origin)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_calibration_must_fit_the_graph_and_itself(tmp_path):
    with pytest.raises(CxrError, match=r"calibrated for both, lungs; .*'lungs-heart' need both, heart, lungs"):
        pack(tmp_path / "a", write_model(tmp_path / "a.json", organs=("both", "lungs")))
    with pytest.raises(CxrError, match="weights do not fit features"):
        pack(tmp_path / "b", write_model(tmp_path / "b.json", features=("mean", "max")))
    broken = Conformal(0.0, (1.0,), (0.0, 0.0), (0.1, 1.0), (0.5,), (-0.05,), (0.05,), 0.5)
    with pytest.raises(CxrError, match=r"c\.json: both: conformal model: knots out of order"):
        pack(tmp_path / "c", write_model(tmp_path / "c.json", model=broken))
