import hashlib

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.estimate import CalibrateQualityConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.quality.calibrate import calibrate_quality
from cxrfactory.evaluate.quality.table import read_known, signal_names
from cxrfactory.tables.quality_calibration import read_quality_calibration

SOFT = CalibrateQualityConfig(signals=["soft_dice"])


def known(sources=("one", "two", "three"), images=60, heart=True, seed=0):
    """Masks of known Dice whose error is that of the soft Dice times noise; hearts follow the lungs too."""
    rng = np.random.default_rng(seed)
    rows = []
    for source in sources:
        for number in range(images):
            log = rng.normal(np.log(0.05), 0.5)
            row = {"image_id": f"{source}{number}", "patient_id": f"{source}{number // 2}", "source": source}
            row |= {"lungs_soft_dice": 1 - np.exp(log), "dice_lungs": 1 - np.exp(log + rng.normal(0, 0.2))}
            row |= {"heart_soft_dice": 0.9, "dice_heart": 1 - 2 * np.exp(log) if heart else np.nan}
            rows.append(row)
    return pd.DataFrame(rows)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"weights")
    return path


def fit(folder, table, weights, name="images.csv", settings=SOFT, check=None):
    table.to_csv(folder / name, index=False)
    return calibrate_quality([folder / name], weights, folder / "quality.json", settings, check=check)


def test_the_calibration_names_weights_sources_and_organs(tmp_path, weights):
    made = fit(tmp_path, known(), weights)
    assert read_quality_calibration(tmp_path / "quality.json") == made
    assert made.weights == hashlib.sha256(b"weights").hexdigest()
    assert sorted(made.models) == ["heart", "lungs"]
    assert made.sources["lungs"] == {"one": 60, "three": 60, "two": 60}
    assert made.models["lungs"]["weights"][0] == pytest.approx(1, abs=0.1)


def test_the_heart_is_also_read_from_the_lungs(tmp_path, weights):
    made = fit(tmp_path, known(), weights)
    assert made.models["heart"]["signals"] == ["heart_soft_dice", "lungs_soft_dice"]
    assert made.models["heart"]["weights"] == pytest.approx([0, 1], abs=1e-3)
    assert signal_names("right_lung", ["latent_norm", "dense_dice"]) == ["right_lung_dense_dice", "latent_norm"]


def test_the_check_measures_each_source_by_the_others(tmp_path, weights):
    fit(tmp_path, known(), weights, check=tmp_path / "check.csv")
    found = pd.read_csv(tmp_path / "check.csv")
    assert len(found) == 6
    lungs = found[found["organ"] == "lungs"].set_index("source")
    assert lungs["sources_fit"].tolist() == [2, 2, 2]
    assert (lungs["rank_correlation"] > 0.85).all()
    assert lungs["mean_estimate"].to_numpy() == pytest.approx(lungs["mean_truth"].to_numpy(), abs=0.01)
    assert lungs["coverage"].between(0.8, 1).all()


def test_equal_tables_give_equal_bytes_in_any_order(tmp_path, weights):
    table = known()
    fit(tmp_path, table, weights)
    first = read_quality_calibration(tmp_path / "quality.json")
    second = fit(tmp_path, table.sample(frac=1, random_state=0), weights, "shuffled.csv")
    assert second.models == first.models
    fit(tmp_path, table, weights)
    assert read_quality_calibration(tmp_path / "quality.json") == first


def test_names_of_the_study_are_understood_and_seen_images_left_out(tmp_path, weights):
    table = known().rename(columns={"lungs_soft_dice": "quality_soft_dice_lungs"}).drop(columns="heart_soft_dice")
    seen = table.assign(image_id="s" + table["image_id"], unseen=False, dice_lungs=0.1)
    both = pd.concat([table.assign(unseen=True), seen])
    made = fit(tmp_path, both, weights)
    assert sorted(made.models) == ["lungs"]
    assert made.models == fit(tmp_path, table, weights, "plain.csv").models


def test_small_sources_are_left_out_with_a_warning(tmp_path, weights, caplog):
    table = pd.concat([known(), known(("tiny",), images=19)])
    made = fit(tmp_path, table, weights)
    assert "tiny" not in made.sources["lungs"]
    assert "source 'tiny' has 19 images; 20 are needed" in caplog.text


def test_one_source_is_told(tmp_path, weights, caplog):
    fit(tmp_path, known(("one",)), weights)
    assert "lungs: one source only; its interval says nothing about a new hospital" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="source"), r"columns \['source'\] are missing"),
        (lambda t: pd.concat([t, t]), "image 'one0' occurs twice"),
        (lambda t: t.assign(unseen=False), "no image that the model never saw"),
        (lambda t: t.drop(columns="dice_lungs").drop(columns="dice_heart"), "no organ with its Dice and the signals"),
        (lambda t: t.assign(dice_lungs="good"), "a Dice or a signal is no number"),
    ],
)
def test_unfit_tables_are_refused_in_one_line(tmp_path, weights, change, message):
    with pytest.raises(CxrError, match=message) as caught:
        fit(tmp_path, change(known()), weights)
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path, weights):
    with pytest.raises(CxrError, match=r"none\.csv: no such file"):
        read_known([tmp_path / "none.csv"])
    with pytest.raises(CxrError, match=r"none\.safetensors: no such file; expected the weights"):
        fit(tmp_path, known(), tmp_path / "none.safetensors")


def test_unknown_signals_are_refused():
    with pytest.raises(ValueError, match="signals rca; expected one or more of dense_dice"):
        CalibrateQualityConfig(signals=["rca"])
