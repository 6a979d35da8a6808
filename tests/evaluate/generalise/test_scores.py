import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.scores import read_scores, score_columns
from cxrfactory.metrics.conformal import Conformal
from cxrfactory.tables.calibration import Calibration, FittedOn, ScoreOrigin, write_calibration, write_scores

ORIGIN = ScoreOrigin(method="deep", references=2, size=64, library="a" * 64, network="b" * 64)


def rca_table(path, origin=ORIGIN, heart=True):
    rows = [
        {
            "image_id": f"i{number}",
            "dice_rca_mean": 0.8 + 0.01 * number,
            "dice_rca_max": 0.9,
            "lungs_mean": 0.7 + 0.01 * number,
            "lungs_max": 0.95,
            "heart_mean": 0.6 if heart else None,
            "heart_max": 0.85 if heart else None,
            "typicality": 1.0,
            "references": ["r"],
        }
        for number in range(3)
    ]
    write_scores(pd.DataFrame(rows), path, origin)
    return path


def calibration(path, origin=ORIGIN):
    model = Conformal(0.0, (0.5, 0.5), (0.0, 1.0), (0.0, 1.0), (0.5,), (-0.1,), (0.05,), 0.0).as_dict()
    fitted = FittedOn(table="c" * 64, images_fit=1, images_calibration=1, masks=2, kinds={"none": 2})
    found = Calibration(
        origin=origin, alpha=0.1, features=("mean", "max"), fitted_on=fitted, models={"lungs": model, "both": model}
    )
    write_calibration(found, path)
    return path


def test_scores_of_rca_get_the_names_of_the_study(tmp_path):
    found = read_scores([rca_table(tmp_path / "rca.parquet")])
    assert list(found.index) == ["i0", "i1", "i2"]
    assert score_columns(list(found.columns)) == list(found.columns)
    assert found.loc["i1", "quality_rca_lungs"] == pytest.approx(0.71)
    assert found.loc["i1", "quality_rca_max_lungs"] == 0.95
    assert found.loc["i2", "quality_rca_both"] == pytest.approx(0.82)
    assert found["quality_typicality_both"].tolist() == [1, 1, 1]


def test_a_calibration_adds_estimates_with_their_ends(tmp_path):
    found = read_scores([rca_table(tmp_path / "rca.parquet")], calibration(tmp_path / "c.json"))
    index = (0.71 + 0.95) / 2
    assert found.loc["i1", ["low_lungs", "estimate_lungs", "high_lungs"]].tolist() == pytest.approx(
        [index - 0.1, index, index + 0.05]
    )
    assert found.loc["i0", "estimate_both"] == pytest.approx(0.85)
    assert "estimate_heart" not in found


def test_a_calibration_of_other_references_is_refused(tmp_path):
    other = ORIGIN.model_copy(update={"library": "d" * 64})
    with pytest.raises(CxrError, match=r"calibration for library 'd{12}\.\.\.'"):
        read_scores([rca_table(tmp_path / "rca.parquet")], calibration(tmp_path / "c.json", other))
    with pytest.raises(CxrError, match="a calibration of RCA scores, and no table of stage rca is given"):
        read_scores([], calibration(tmp_path / "c.json"))


def test_tables_of_one_s_own_are_joined(tmp_path):
    pd.DataFrame({"image_id": ["007", "i1"], "quality_a_lungs": [1, 2], "note": "x"}).to_csv(
        tmp_path / "a.csv", index=False
    )
    pd.DataFrame({"image_id": ["i1", "i2"], "doubt_b_heart": [0.5, np.nan]}).to_csv(tmp_path / "b.csv", index=False)
    found = read_scores([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert list(found.columns) == ["doubt_b_heart", "quality_a_lungs"]
    assert found.loc["007", "quality_a_lungs"] == 1
    assert found.loc["i1"].tolist() == [0.5, 2]
    with pytest.raises(CxrError, match="column 'quality_a_lungs' is in two tables"):
        read_scores([tmp_path / "a.csv", tmp_path / "a.csv"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_id,quality_a_lungs\ni,1\ni,2\n", "image_id 'i' occurs twice"),
        ("id,quality_a_lungs\ni,1\n", "no column image_id; found id, quality_a_lungs"),
        ("image_id,quality_a_liver\ni,1\n", "no column of scores"),
        ("image_id,quality_a_lungs\ni,high\n", "a score is no number"),
        ("", "not readable as CSV"),
    ],
)
def test_other_tables_are_one_line(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(CxrError, match=message) as caught:
        read_scores([tmp_path / "s.csv"])
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_one_line(tmp_path):
    for name in ("none.csv", "none.parquet"):
        with pytest.raises(CxrError, match=f"{name}: no such file"):
            read_scores([tmp_path / name])
