import csv
import hashlib
import io

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cxrfactory.config import MeasureConfig
from cxrfactory.errors import CxrError
from cxrfactory.geometry.measurement import DEFINITIONS
from cxrfactory.measure import run
from cxrfactory.measure.items import Item, check_view
from cxrfactory.measure.run import measure
from cxrfactory.tables.rle import rle_encode
from cxrfactory.tables.sums import check_sums
from tests.measure.phantoms import HEIGHT, WIDTH, box, item

FILES = ["README.md", "SHA256SUMS", "definitions.csv", "images.parquet", "measurements.csv", "measurements.parquet",
         "rejected.csv", "summary.csv"]  # fmt: skip


def read(folder, name="measurements"):
    return pq.read_table(folder / f"{name}.parquet").to_pandas()


def sums(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def lateral(image_id, **changes):
    boxes = {"left lung": (20, 30, 99, 110), "right lung": (25, 30, 95, 110)}
    rles = {name: rle_encode(box(*corners)) for name, corners in boxes.items()}
    given = {"dataset": "demo", "image_id": image_id, "view": "LL", "height": HEIGHT, "width": WIDTH, "rles": rles}
    return Item(**{**given, **changes})


def test_a_row_names_value_points_structures_grade_and_interval(tmp_path):
    accounts = measure([item()], tmp_path / "out", MeasureConfig())
    assert str(accounts) == "read 1 images = 1 measured + 0 excluded + 0 rejected"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    table = read(tmp_path / "out").set_index("measurement")
    row = table.loc["ctr_columns"]
    assert (row["value"], row["unit"], row["grade"], row["near_cut"]) == (0.5, "ratio", "mild", True)
    assert [tuple(point.values()) for point in row["points"]] == [(49.5, 60), (109.5, 60), (19.5, 20), (139.5, 20)]
    assert list(row["structures"]) == ["heart", "right lung", "left lung"]
    assert row["low"] < 0.5 < row["high"]
    assert pd.isna(row["excluded"])
    scd = table.loc["scd"]
    assert pd.isna(scd["value"])
    assert scd["excluded"].endswith(".")
    assert (pd.isna(scd["grade"]), scd["near_cut"], len(scd["points"])) == (True, None, 0)


def test_each_measurement_of_the_view_has_one_row(tmp_path):
    measure([item("a"), lateral("b")], tmp_path / "out", MeasureConfig())
    table = read(tmp_path / "out")
    for image_id, view in (("a", "frontal"), ("b", "lateral")):
        names = table.loc[table["image_id"] == image_id, "measurement"].tolist()
        assert sorted(names) == sorted(name for name, each in DEFINITIONS.items() if each.views == (view,))


def test_two_views_of_one_study_give_the_volume_proxy_once(tmp_path):
    pair = [item("s/PA", group="s", spacing_mm=(0.5, 0.5)), lateral("s/LL", group="s", spacing_mm=(0.5, 0.5))]
    alone = [item("t/PA", group="t"), lateral("x")]
    other = [item("u/PA", group="u", spacing_mm=(0.5, 0.5)), lateral("u/LL", group="u", spacing_mm=(0.6, 0.6))]
    measure([*pair, *alone, *other], tmp_path / "out", MeasureConfig())
    table = read(tmp_path / "out")
    (row,) = table[table["measurement"] == "lung_volume_proxy"].to_dict("records")
    assert (row["image_id"], row["view"], row["unit"]) == ("s", "PA+LL", "mm3")
    frontal, side = 2 * 80 * 40, 80 * 81
    assert row["value"] == pytest.approx(frontal * side / 80 * 0.5**3)


def test_bytes_do_not_depend_on_the_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "IMAGES_AT_A_TIME", 3)
    items = [item(f"i{number:02d}") for number in range(10)] + [item("bad", rles={"heart": "1 99999999"})]
    for workers in (1, 2):
        measure(items, tmp_path / str(workers), MeasureConfig(samples=4), workers)
    assert sums(tmp_path / "1") == sums(tmp_path / "2")
    assert read(tmp_path / "1", "images")["image_id"].tolist() == [f"i{number:02d}" for number in range(10)]


def test_row_groups_hold_a_fixed_number_of_images(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "IMAGES_AT_A_TIME", 2)
    monkeypatch.setattr(run, "GROUP_IMAGES", 4)
    monkeypatch.setattr(run, "MEASURED_IMAGES", 2)
    measure([item(f"i{number}") for number in range(9)], tmp_path / "out", MeasureConfig(samples=0))
    file = pq.ParquetFile(tmp_path / "out/images.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [4, 4, 1]
    rows = pq.ParquetFile(tmp_path / "out/measurements.parquet")
    each = len(read(tmp_path / "out")) // 9
    groups = [rows.metadata.row_group(group).num_rows for group in range(rows.num_row_groups)]
    assert groups == [2 * each, 2 * each, 2 * each, 2 * each, each]


def test_images_name_the_place_of_their_measurements(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "IMAGES_AT_A_TIME", 2)
    pair = [item("s/PA", group="s"), lateral("s/LL", group="s")]  # a row of both views follows
    bad = item("bad", rles={"heart": "1 99999999"})
    measure([item("a"), bad, *pair, lateral("z")], tmp_path / "out", MeasureConfig(samples=0))
    rows, images = read(tmp_path / "out"), read(tmp_path / "out", "images")
    assert images["image_id"].tolist() == ["a", "s/PA", "s/LL", "z"]
    for row in images.to_dict("records"):
        count = row["measured"] + row["excluded"]
        mine = rows.iloc[row["first_row"] : row["first_row"] + count]
        assert mine["image_id"].tolist() == [row["image_id"]] * count
        assert (rows["image_id"] == row["image_id"]).sum() == count


def test_the_csv_holds_the_rows_of_the_parquet(tmp_path):
    measure([item("a,b"), lateral("b")], tmp_path / "out", MeasureConfig())
    table = read(tmp_path / "out")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/measurements.csv").read_text())))
    assert list(rows[0]) == list(table.columns)
    assert len(rows) == len(table)
    for row, (_, stored) in zip(rows, table.iterrows(), strict=True):
        assert (row["image_id"], row["measurement"]) == (stored["image_id"], stored["measurement"])
        assert row["value"] == ("" if np.isnan(stored["value"]) else repr(stored["value"]))
        assert row["near_cut"] == {None: "", True: "true", False: "false"}[stored["near_cut"]]
        points = [[float(each) for each in point.split(",")] for point in row["points"].split()]
        assert points == [[pytest.approx(value, rel=1e-5) for value in point.values()] for point in stored["points"]]
        assert row["structures"] == "|".join(stored["structures"])


def test_without_csv_there_is_none(tmp_path):
    measure([item()], tmp_path / "out", MeasureConfig(csv=False))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [n for n in FILES if n != "measurements.csv"]
    assert "measurements.csv" not in (tmp_path / "out/README.md").read_text()


def test_images_are_measured_excluded_or_rejected(tmp_path):
    items = [
        item("whole"),
        item("empty", rles={"heart": ""}, landmarks=None, spread=None),
        item("beyond", rles={"heart": f"{HEIGHT * WIDTH} 2"}),
        item("letters", rles={"heart": "one two"}),
        item("fault", fault="masks of different sizes"),
    ]
    accounts = measure(items, tmp_path / "out", MeasureConfig())
    assert (accounts.read, accounts.measured, accounts.excluded, accounts.rejected) == (5, 1, 1, 3)
    rows = list(csv.DictReader((tmp_path / "out/rejected.csv").open()))
    assert [row["image_id"] for row in rows] == ["beyond", "letters", "fault"]
    assert f"the run leaves the mask of {HEIGHT} x {WIDTH}" in rows[0]["reason"]
    assert all("\n" not in row["reason"] for row in rows)


def test_nothing_that_can_be_measured_is_one_line_and_leaves_nothing(tmp_path):
    with pytest.raises(CxrError, match=r"no image can be measured, 1 rejected; first a: RLE: number 2 is '99999999'"):
        measure([item(rles={"heart": "1 99999999"})], tmp_path / "out", MeasureConfig())
    with pytest.raises(CxrError, match="no image can be measured, 0 rejected"):
        measure([], tmp_path / "out", MeasureConfig())
    assert not [path for path in tmp_path.iterdir() if path.name != "out" or any(path.iterdir())]


def test_flags_of_an_image_are_null_where_masks_do_not_decide(tmp_path):
    touching = item("cut", rles={**item().rles, "left_lung": rle_encode(box(20, 100, 99, WIDTH - 1))})
    measure([item("a"), touching], tmp_path / "out", MeasureConfig())
    table = read(tmp_path / "out", "images").set_index("image_id")
    assert table.loc["a", ["rotated", "clipped", "poor_inspiration"]].tolist() == [None, False, None]
    assert table.loc["cut", "clipped"]
    assert "80 pixels of the left lung" in table.loc["cut", "flag_reasons"][0]
    assert table.loc["a", "measured"] + table.loc["a", "excluded"] == sum(
        each.views == ("frontal",) for each in DEFINITIONS.values()
    )


def test_the_summary_counts_means_and_grades(tmp_path):
    wide = {**item().rles, "heart": rle_encode(box(60, 40, 95, 119))}  # 80 / 120
    measure([item("a"), item("b", rles=wide)], tmp_path / "out", MeasureConfig())
    rows = list(csv.DictReader((tmp_path / "out/summary.csv").open()))
    found = next(row for row in rows if row["measurement"] == "ctr_columns")
    assert (found["measured"], found["excluded"]) == ("2", "0")
    assert float(found["mean"]) == pytest.approx(7 / 12, abs=1e-4)
    assert float(found["sd"]) == pytest.approx(np.std([1 / 2, 2 / 3], ddof=1), abs=1e-4)
    assert [found[each] for each in ("min", "max", "mild", "severe", "near_cut")] == ["0.5000", "0.6667", "1", "1", "1"]
    assert found["negative"] == found["moderate"] == "0"


def test_definitions_name_every_measurement_with_its_source_and_cuts(tmp_path):
    measure([item()], tmp_path / "out", MeasureConfig(ctr_source="a | b"))
    rows = {row["measurement"]: row for row in csv.DictReader((tmp_path / "out/definitions.csv").open())}
    assert set(rows) == set(DEFINITIONS)
    assert all(row["sentence"] and row["source"] for row in rows.values())
    assert (rows["ctr_rows"]["mild"], rows["ctr_rows"]["cuts_source"]) == ("0.5", "a | b")
    assert rows["heart_width"]["mild"] == ""


def test_checksums_hold_and_an_earlier_run_is_replaced(tmp_path):
    measure([item("a"), item("b")], tmp_path / "out", MeasureConfig())
    assert check_sums(tmp_path / "out/SHA256SUMS") == len(FILES) - 1
    measure([item("a")], tmp_path / "out", MeasureConfig())
    assert len(read(tmp_path / "out", "images")) == 1


def test_a_folder_of_other_files_is_not_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(CxrError, match="holds no measurements of an earlier run; name another folder"):
        measure([item()], tmp_path, MeasureConfig())
    with pytest.raises(CxrError, match="holds no measurements"):
        measure([item()], tmp_path / "thesis.tex", MeasureConfig())
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_an_unknown_view_is_refused():
    assert check_view("LL", "a") == "LL"
    with pytest.raises(CxrError, match="a: view 'RAO'; expected one of frontal, PA, AP, LL"):
        check_view("RAO", "a")
