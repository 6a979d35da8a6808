import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.calibration import (
    Calibration,
    FittedOn,
    ScoreOrigin,
    check_origin,
    read_calibration,
    stored_origin,
    write_calibration,
    write_scores,
)
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import RCA

ORIGIN = ScoreOrigin(method="classical", references=5, size=256, library="a" * 64)
ROW = {"image_id": "x", "dice_rca_mean": 0.8, "dice_rca_max": 0.9, "lungs_mean": 0.8, "lungs_max": 0.9}
ROW |= {"heart_mean": None, "heart_max": None, "typicality": None, "references": ["r"]}


def calibration(**changes):
    on = FittedOn(table="b" * 64, images_fit=10, images_calibration=20, masks=630, kinds={"none": 30, "shift": 600})
    values = {"origin": ORIGIN, "alpha": 0.1, "features": ("mean",), "fitted_on": on, "models": {"both": {"margin": 1}}}
    return Calibration(**(values | changes))


def test_file_reads_back_and_has_the_same_bytes(tmp_path):
    write_calibration(calibration(), tmp_path / "a.json")
    assert read_calibration(tmp_path / "a.json") == calibration()
    write_calibration(read_calibration(tmp_path / "a.json"), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"mean"', '"median"', "features.0"),
        ('"alpha": 0.1', '"alpha": 1.5', "alpha: "),
        ("a" * 64, "short", "origin.library"),
        ('"format": 1', '"format": 2', "format"),
        ("{", "[", "content|expected"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, old, new, message):
    write_calibration(calibration(), tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    assert old in text
    (tmp_path / "a.json").write_text(text.replace(old, new))
    with pytest.raises(CxrError, match=message) as caught:
        read_calibration(tmp_path / "a.json")
    assert "\n" not in str(caught.value)
    with pytest.raises(CxrError, match="no such file"):
        read_calibration(tmp_path / "none.json")


def test_origins_written_before_the_deep_rca_are_classical_ones():
    old = {"method": "classical", "references": 5, "size": 256, "library": "a" * 64}
    assert ScoreOrigin.model_validate(old) == ORIGIN
    assert (ORIGIN.network, ORIGIN.interpolation) == (None, "nearest")


def test_scores_carry_their_origin(tmp_path):
    write_scores(pd.DataFrame([ROW]), tmp_path / "with.parquet", ORIGIN)
    write_table(pd.DataFrame([ROW]), tmp_path / "without.parquet", RCA)
    assert stored_origin(tmp_path / "with.parquet") == ORIGIN
    assert stored_origin(tmp_path / "without.parquet") is None
    tables = [read_table(tmp_path / name, RCA) for name in ("with.parquet", "without.parquet")]
    pd.testing.assert_frame_equal(*tables)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["with.parquet", "without.parquet"]
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(CxrError, match="not a readable Parquet"):
        stored_origin(tmp_path / "bad.parquet")
    with pytest.raises(CxrError, match="no such file"):
        stored_origin(tmp_path / "none.parquet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"library": "c" * 64}, r"library 'a{12}\.\.\.', s\.parquet: scores of library 'c{12}\.\.\.'"),
        ({"references": 3}, "references '5', s.parquet: scores of references '3'"),
        ({"method": "deep"}, "method 'classical', s.parquet: scores of method 'deep'"),
        ({"size": 128}, "size '256'"),
        ({"network": "d" * 64}, r"network 'None', s\.parquet: scores of network 'd{12}\.\.\.'"),
        ({"interpolation": "linear"}, "interpolation 'nearest', s.parquet: scores of interpolation 'linear'"),
    ],
)
def test_scores_of_another_rca_are_refused(change, message):
    check_origin(calibration(), "c.json", ORIGIN, "s.parquet")
    with pytest.raises(CxrError, match=message):
        check_origin(calibration(), "c.json", ORIGIN.model_copy(update=change), "s.parquet")
    with pytest.raises(CxrError, match="no record"):
        check_origin(calibration(), "c.json", None, "s.parquet")
