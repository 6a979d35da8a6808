import hashlib
import json

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cxrfactory.cli.application import build_app
from cxrfactory.config.rca import CalibrateConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.conformal import Conformal
from cxrfactory.rca.calibrate import calibrate, coverage, organ_table
from cxrfactory.tables.calibration import read_calibration

from .known import ORIGIN, known_table, write_known


def test_calibration_says_what_it_was_fitted_on(tmp_path):
    folder = write_known(tmp_path / "check")
    made = calibrate(folder, tmp_path / "c.json", CalibrateConfig())
    assert made == read_calibration(tmp_path / "c.json")
    assert list(made.models) == ["both", "lungs", "heart"]
    assert made.origin == ORIGIN
    assert made.alpha == 0.1
    assert made.features == ("mean", "max")
    on = made.fitted_on
    assert (on.images_fit, on.images_calibration, on.masks) == (20, 40, 480)
    assert on.kinds == {"none": 60, "shift": 420}
    assert on.table == hashlib.sha256((folder / "rca_check.csv").read_bytes()).hexdigest()


def test_bytes_depend_on_the_masks_alone(tmp_path):
    folder = write_known(tmp_path / "check")
    for name in ("a", "b"):
        calibrate(folder, tmp_path / f"{name}.json", CalibrateConfig(features=["max", "mean"]))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_estimates_of_new_images_hold(tmp_path):
    made = calibrate(write_known(tmp_path / "check"), tmp_path / "c.json", CalibrateConfig())
    new = known_table(images=300, seed=1)
    for organ in ("both", "lungs", "heart"):
        rows = organ_table(new, organ, made.features)
        estimate, low, high = Conformal.from_dict(made.models[organ]).interval(rows[["mean", "max"]].to_numpy()).T
        covered = ((low <= rows["true"]) & (rows["true"] <= high)).mean()
        assert 0.86 < covered < 0.97, organ
        assert np.abs(estimate - rows["true"]).mean() < 0.04
        assert np.median(high - low) < 0.25


def test_coverage_over_random_splits(tmp_path):
    folder = write_known(tmp_path / "check", images=90)
    found = coverage(folder, tmp_path / "c.check.csv", CalibrateConfig(), splits=6)
    assert len(found) == 6 * 3
    assert (found["images_calibration"] == 40).all()
    assert (found["images_tested"] == 30).all()
    assert (found["masks_tested"] == 240).all()
    means = found.groupby("organ")[["coverage", "coverage_predictions", "median_width"]].mean()
    assert means["coverage"].between(0.87, 0.96).all()
    assert (means["median_width"] < 0.25).all()
    written = pd.read_csv(tmp_path / "c.check.csv")
    np.testing.assert_allclose(written["coverage"], found["coverage"], atol=1e-6)
    again = coverage(folder, tmp_path / "d.check.csv", CalibrateConfig(), splits=6)
    pd.testing.assert_frame_equal(found, again)


def test_uncertainty_is_of_predictions_alone(tmp_path):
    made = calibrate(write_known(tmp_path / "check"), tmp_path / "c.json", CalibrateConfig(features=["std", "mean"]))
    assert made.features == ("mean", "std")
    assert made.fitted_on.kinds == {"none": 60}
    assert made.fitted_on.masks == 60


def test_without_a_heart_only_lungs_are_calibrated(tmp_path):
    made = calibrate(write_known(tmp_path / "check", heart=False), tmp_path / "c.json", CalibrateConfig())
    assert list(made.models) == ["both", "lungs"]


def test_faults_are_one_line(tmp_path):
    with pytest.raises(CxrError, match="no such file; expected the folder that rca-check wrote"):
        calibrate(tmp_path, tmp_path / "c.json", CalibrateConfig())
    few = write_known(tmp_path / "few", images=10)
    with pytest.raises(CxrError, match=r"both: 7 images to calibrate on; expected 9 or more.*on more images"):
        calibrate(few, tmp_path / "c.json", CalibrateConfig())
    with pytest.raises(CxrError, match="features median; expected"):
        calibrate(few, tmp_path / "c.json", CalibrateConfig(features=["median"]))
    with pytest.raises(CxrError, match="alpha 1; expected"):
        calibrate(few, tmp_path / "c.json", CalibrateConfig(alpha=1))
    with pytest.raises(CxrError, match="0 splits"):
        coverage(few, tmp_path / "c.csv", CalibrateConfig(), splits=0)
    (few / "rca_check.json").write_text(json.dumps({"images": 3}))
    with pytest.raises(CxrError, match="lacks 'origin'; run rca-check again"):
        calibrate(few, tmp_path / "c.json", CalibrateConfig())
    known_table(12).drop(columns="lungs_true").to_csv(few / "rca_check.csv", index=False)
    with pytest.raises(CxrError, match=r"columns \['lungs_true'\] are missing"):
        calibrate(few, tmp_path / "c.json", CalibrateConfig())
    assert not (tmp_path / "c.json").exists()


def test_command_writes_calibration_coverage_and_picture(tmp_path):
    folder = write_known(tmp_path / "check")
    out = [str(tmp_path / name) for name in ("c.json", "c.png")]
    done = CliRunner().invoke(
        build_app(),
        ["rca-calibrate", "--masks", str(folder), "--output", out[0], "--check", "2", "--features", "mean",
         "--alpha", "0.2", "--picture", out[1]],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert read_calibration(out[0]).features == ("mean",)
    assert len(pd.read_csv(tmp_path / "c.check.csv")) == 2 * 3
    assert cv2.imread(out[1]).shape[1] > 600
