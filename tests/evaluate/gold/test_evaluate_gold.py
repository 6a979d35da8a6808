import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.studies import BootstrapConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.gold.evaluate_gold import evaluate_gold
from cxrfactory.evaluate.gold.landmarks import landmark_errors
from cxrfactory.evaluate.gold.tables import Annotated, compare, read_annotations, read_predicted, summarise

from .tables import SIZE, ellipses, published_row, write_published

SHIFTS = {"a": 0, "b": 2, "c": 4}


def write_gold(path, shifts, release="CheXpert"):
    rows = []
    for image_id, shift in shifts.items():
        row = published_row(image_id, ellipses((shift, 0)))
        text = ",".join(str(int(value)) for value in row["Landmarks"].reshape(-1))
        masks = {name: row[name] for name in ("Right Lung", "Left Lung", "Heart")}
        rows.append({"ImageID": image_id, "Dataset": release, "Landmarks": text, **masks})
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.fixture
def release(tmp_path):
    rows = [published_row(name, ellipses()) for name in (*SHIFTS, "not annotated")]
    return write_published(tmp_path / "CheXpert.csv", rows), write_gold(tmp_path / "CheXpert_annotations.csv", SHIFTS)


def test_a_shift_of_the_truth_gives_exact_figures(release, tmp_path):
    predicted, gold = release
    summary = evaluate_gold([predicted], [gold], tmp_path / "out", BootstrapConfig(resamples=50))
    images = pd.read_csv(tmp_path / "out" / "images.csv")
    assert set(images["image_id"]) == set(SHIFTS)
    for image_id, shift in SHIFTS.items():
        rows = images[images["image_id"] == image_id].set_index("organ")
        assert rows.loc["all", "landmark_mse_px2"] == pytest.approx((shift * 1024 / SIZE) ** 2 / 2)
        for organ in ("right_lung", "left_lung", "heart"):
            assert rows.loc[organ, "hd_px"] == pytest.approx(shift * 1024 / SIZE)
            assert (rows.loc[organ, "dice"] == 1) == (shift == 0)
    row = summary.set_index(["organ", "measure"]).loc[("all", "landmark_mse_px2")]
    assert (row["images"], row["found"], row["truth"]) == (3, "predicted", "gold")
    assert row["mean"] == pytest.approx(16**2 / 2 * np.mean([0, 4, 16]))
    assert row["ci_low"] <= row["mean"] <= row["ci_high"]
    assert (tmp_path / "out" / "landmarks.png").read_bytes()[:4] == b"\x89PNG"
    assert set(summary["release"]) == {"CheXpert"}


def test_landmark_table_finds_the_node_that_moves():
    truth = [ellipses(), ellipses((1, 1))]
    found = [points.copy() for points in truth]
    found[0][100] += (3, 4)
    frames = [pd.DataFrame({"Landmarks": points}, index=["a", "b"]) for points in (found, truth)]
    compared = [(Annotated("X", "predicted", frames[0]), Annotated("X", "gold", frames[1]))]
    table = landmark_errors(compared, {"X": pd.Series({"a": 1024, "b": 1024})}).set_index("node")
    assert table.loc[100, "mse_px2"] == pytest.approx((9 + 16) / 2 / 2)
    assert table.loc[100, "organ"] == "heart"
    assert (table["mse_px2"].drop(100) == 0).all()
    np.testing.assert_allclose(table[["mean_x", "mean_y"]], (truth[0] + truth[1]) / 2, rtol=1e-6)


def test_readers_are_compared_with_each_other_and_releases_summed(release, tmp_path):
    predicted, gold = release
    other = write_published(tmp_path / "MIMIC.csv", [published_row("a", ellipses())])
    annotations = [
        gold.rename(tmp_path / "CheXpert_one_annotations.csv"),
        write_gold(tmp_path / "CheXpert_two_annotations.csv", dict.fromkeys(SHIFTS, 0)),
        write_gold(tmp_path / "MIMIC_one_annotations.csv", {"a": 0}, "MIMIC"),
    ]
    summary = evaluate_gold([predicted, other], annotations, tmp_path / "out", BootstrapConfig(resamples=20))
    found = summary[(summary["organ"] == "lungs") & (summary["measure"] == "dice")]
    counts = found.set_index(["release", "found", "truth"])["images"].to_dict()
    assert counts == {
        ("CheXpert", "predicted", "one"): 3,
        ("CheXpert", "predicted", "two"): 3,
        ("CheXpert", "one", "two"): 3,
        ("MIMIC", "predicted", "one"): 1,
        ("all", "predicted", "one"): 4,
        ("all", "predicted", "two"): 3,
        ("all", "one", "two"): 3,
    }
    landmarks = pd.read_csv(tmp_path / "out" / "landmarks.csv")
    assert landmarks.groupby(["release", "found", "truth"]).size().eq(120).all()


def test_random_images_have_a_table_of_their_own(release, tmp_path):
    predicted, gold = release
    sample = pd.DataFrame({"release": "CheXpert", "image_id": list(SHIFTS), "chosen_by": ["random", "bin 1", "random"]})
    sample.to_csv(tmp_path / "s.csv", index=False)
    evaluate_gold([predicted], [gold], tmp_path / "out", BootstrapConfig(resamples=20), [tmp_path / "s.csv"])
    table = pd.read_csv(tmp_path / "out" / "summary_random.csv").set_index(["organ", "measure"])
    assert table.loc[("all", "landmark_mse_px2"), "images"] == 2
    assert table.loc[("all", "landmark_mse_px2"), "mean"] == pytest.approx(16**2 / 2 * np.mean([0, 16]))
    sample[:1].to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(CxrError, match="image 'b' of 'CheXpert'"):
        evaluate_gold([predicted], [gold], tmp_path / "out", BootstrapConfig(resamples=20), [tmp_path / "s.csv"])


def test_a_missed_organ_is_counted_and_left_out_of_the_mean():
    images = pd.DataFrame({"release": "X", "found": "p", "truth": "g", "image_id": ["a", "b"], "organ": "heart",
                           "dice": [0.0, 1.0], "hd_px": [np.inf, 2.0], "hd95_px": [np.inf, 1.0],
                           "landmark_mse_px2": np.nan})  # fmt: skip
    table = summarise(images, BootstrapConfig(resamples=10)).set_index("measure")
    assert (table.loc["hd_px", "images"], table.loc["hd_px", "infinite"], table.loc["hd_px", "mean"]) == (1, 1, 2.0)
    assert table.loc["dice", "mean"] == 0.5
    assert "landmark_mse_px2" not in table.index


def test_refused_tables(release, tmp_path):
    predicted, gold = release
    for path in (gold.with_name("CheXpert.gold.csv"), gold.with_name("Other_annotations.csv")):
        with pytest.raises(CxrError, match=r"expected <release>_annotations\.csv"):
            read_annotations([path], ["CheXpert"])
    with pytest.raises(CxrError, match="second table of reader 'gold'"):
        read_annotations([gold, gold], ["CheXpert"])
    with pytest.raises(CxrError, match="'Dataset' holds 'CheXpert'"):
        read_annotations([gold.rename(tmp_path / "MIMIC_annotations.csv")], ["MIMIC"])
    with pytest.raises(CxrError, match="1 of 2 annotated images are missing, first 'z'"):
        read_predicted(predicted, {"a", "z"})
    rows = [published_row("a", ellipses())]
    rows[0]["Width"] = SIZE + 8
    with pytest.raises(CxrError, match="not square"):
        read_predicted(write_published(tmp_path / "wide.csv", rows), {"a"})
    with pytest.raises(CxrError, match="named twice"):
        evaluate_gold([predicted, predicted], [gold], tmp_path / "out", BootstrapConfig())


def test_published_corrections_agree_with_published_masks():
    if not os.environ.get("CXRFACTORY_REAL_DATA"):
        pytest.skip("CXRFACTORY_REAL_DATA is not set: no published corrections here")
    folder = Path(os.environ["CXRFACTORY_REAL_DATA"]) / "chexmask_gold"
    path = sorted(folder.glob("CheXpert_*_annotations.csv"))[0]
    reader = read_annotations([path], ["CheXpert"])[0]
    reader = Annotated(reader.release, reader.reader, reader.rows.iloc[:2])
    predicted = read_predicted(folder / "CheXpert.csv", set(reader.rows.index))
    rows = pd.DataFrame(compare(predicted, reader, predicted.rows["Height"]))
    assert len(rows) == 2 * 5
    assert rows["dice"].dropna().between(0.5, 1).all()
