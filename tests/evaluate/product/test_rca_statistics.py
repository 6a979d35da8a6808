import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.product.rca_statistics import rca_statistics


def write_release(folder, name, scores, heart=True):
    scores = np.asarray(scores, np.float64)
    table = pd.DataFrame({"image_id": [f"{name}{index}" for index in range(scores.size)]})
    for column, shift in (("dice_rca", 0.0), ("lungs", 0.0), ("heart", -0.1)):
        table[f"{column}_mean"] = scores + shift
        table[f"{column}_max"] = scores + shift + 0.05
    if not heart:
        table[["heart_mean", "heart_max"]] = np.nan
    path = folder / "Parquet" / f"{name}.parquet"
    path.parent.mkdir(exist_ok=True)
    table.to_parquet(path)
    return path


def test_statistics_of_known_scores(tmp_path):
    scores = 0.5 + 0.4 * np.arange(101) / 100
    write_release(tmp_path, "A", scores)
    table = rca_statistics([tmp_path], tmp_path / "out").set_index(["release", "organ", "aggregation"])
    row = table.loc[("A", "all", "mean")]
    assert row["images"] == 101
    assert row["missing"] == 0
    np.testing.assert_allclose(
        row[["mean", "sd", "min", "p1", "p5", "p25", "p50", "p75", "max"]].astype(float),
        [0.7, scores.std(ddof=1), 0.5, 0.504, 0.52, 0.6, 0.7, 0.8, 0.9],
    )
    assert row["recommended"] == (scores >= 0.7).mean()
    assert table.loc[("A", "heart", "max"), "mean"] == pytest.approx(0.65)
    histogram = pd.read_csv(tmp_path / "out" / "rca_histogram.csv")
    assert histogram.groupby(["release", "organ", "aggregation"])["images"].sum().eq(101).all()
    assert (tmp_path / "out" / "rca_histogram.png").read_bytes()[:4] == b"\x89PNG"


def test_releases_are_told_apart_and_summed_and_a_model_without_heart_has_no_heart(tmp_path):
    write_release(tmp_path, "A", [0.6, 0.8], heart=False)
    write_release(tmp_path, "B", [0.9])
    table = rca_statistics([tmp_path], tmp_path / "out").set_index(["release", "organ", "aggregation"])
    assert ("A", "heart", "mean") not in table.index
    assert table.loc[("all", "all", "mean"), "images"] == 3
    assert table.loc[("all", "heart", "mean"), ["images", "missing"]].tolist() == [1, 2]
    assert np.isnan(table.loc[("B", "all", "mean"), "sd"])


def test_published_csv_has_the_score_of_the_whole_image(tmp_path):
    path = tmp_path / "CheXpert.csv"
    pd.DataFrame({"Path": ["a", "b"], "Dice RCA (Mean)": [0.5, 0.7], "Dice RCA (Max)": [0.6, 0.8]}).to_csv(path)
    table = rca_statistics([path], tmp_path / "out").set_index("aggregation")
    assert table.loc["mean", "mean"] == pytest.approx(0.6)
    assert table.loc["max", "mean"] == pytest.approx(0.7)
    assert set(table["organ"]) == {"all"}


def test_refused(tmp_path):
    with pytest.raises(CxrError, match=r"no Parquet/\*.parquet"):
        rca_statistics([tmp_path], tmp_path / "out")
    path = write_release(tmp_path, "A", [0.99])
    with pytest.raises(CxrError, match=r"column 'dice_rca_max' holds 1.04"):
        rca_statistics([path], tmp_path / "out")
    with pytest.raises(CxrError, match="named twice"):
        rca_statistics([path, path], tmp_path / "out")
    path = write_release(tmp_path, "B", [np.nan])
    with pytest.raises(CxrError, match="no RCA score"):
        rca_statistics([path], tmp_path / "out")
