"""Measurements behind the page: found for each row, moved into its frame, and shown as a product of their own."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.browse.mapped import Mapped
from cxrfactory.browse.measures import Measures
from cxrfactory.browse.same_images import same_images
from cxrfactory.browse.start import build_application
from cxrfactory.config.measure import MeasureConfig
from cxrfactory.errors import CxrError
from cxrfactory.measure.run import measure
from cxrfactory.products.browsed import Index
from cxrfactory.products.browsed_columns import text_column
from cxrfactory.tables.rle import rle_decode
from tests.browse.conftest import Client
from tests.browse.measured_products import rows
from tests.browse.page_products import KEPT
from tests.measure.phantoms import HEIGHT, WIDTH, item

FILMS = sum(KEPT.values())


@pytest.fixture
def open_client(results, tmp_path):
    """Open a target of the results as the command does."""

    def opened(name, folder=None, given=None, images=True):
        target = (folder or results[0]) / name
        made = build_application(
            target, [], results[1] if images else None, tmp_path / "verdicts.jsonl", measured=given
        )
        return Client(*made)

    return opened


def indexed(*names, dataset="demo"):
    words = [dataset] * len(names) if isinstance(dataset, str) else dataset
    return Index(pa.array(names, pa.string()), text_column("dataset", "dataset", pa.array(words, pa.string())), {})


def test_a_row_has_the_measurements_that_lie_beside_the_product(results, open_client):
    client = open_client("chexmask")
    assert client.json("product")["measurements"]["ctr_rows"]["title"].startswith("Cardiothoracic ratio")
    stored = {}
    for row in rows(results[0] / "measure"):
        stored.setdefault((row["dataset"], row["image_id"]), []).append(row)
    for key in range(0, FILMS, 9):
        row = client.json(f"row/{key}")
        expected = stored[row["dataset"], row["image_id"]]
        assert [each["measurement"] for each in row["measurements"]] == [each["measurement"] for each in expected]
        for one, wanted in zip(row["measurements"], expected, strict=True):
            assert one["points"] == [[point["x"], point["y"]] for point in wanted["points"]]
            names = ("value", "unit", "low", "high", "grade", "near_cut", "excluded", "note")
            assert [one[name] for name in names] == [wanted[name] for name in names]


def test_the_points_of_a_width_are_the_outer_edges_of_the_mask_in_the_same_frame(open_client):
    row = open_client("chexmask").json("row/0")
    width = next(each for each in row["measurements"] if each["measurement"] == "heart_width")
    mask = rle_decode(row["masks"]["heart"], row["height"], row["width"])
    columns = np.flatnonzero(mask.any(axis=0))
    assert [x for x, _ in width["points"]] == [columns[0] - 0.5, columns[-1] + 0.5]
    assert width["value"] == len(columns)
    assert all(mask[int(y), int(x + (0.5 if x < width["points"][1][0] else -0.5))] for x, y in width["points"])


def test_points_are_moved_into_a_frame_of_the_same_proportions(tmp_path):
    measure([item()], tmp_path / "measure", MeasureConfig(samples=0))
    found = Measures(tmp_path / "measure", indexed("a", "b"), Mapped())
    same, twice, other = (
        found.of(0, *shape) for shape in ((HEIGHT, WIDTH), (2 * HEIGHT, 2 * WIDTH), (HEIGHT, 2 * WIDTH))
    )
    name = [each["measurement"] for each in same].index("heart_width")
    assert same[name]["points"] == [(49.5, 60), (109.5, 60)]
    assert twice[name]["points"] == [(99.5, 120.5), (219.5, 120.5)]  # edges of pixels stay edges, centres centres
    assert (other[name]["points"], other[name]["value"]) == ([], 60)
    assert found.of(1, HEIGHT, WIDTH) is None
    assert found.found() == 1
    found.close()


def test_images_are_the_same_by_dataset_and_id():
    theirs = indexed("a", "b", "a", "c", dataset=["x", "x", "y", "y"])
    mine = indexed("c", "a", "b", "a", "a", dataset=["y", "y", "y", "x", "z"])
    assert same_images(mine, theirs).tolist() == [3, 2, -1, 0, -1]
    assert same_images(indexed("b", "q"), indexed("a", "b", dataset="other")).tolist() == [1, -1]
    assert same_images(indexed(), theirs).tolist() == []
    assert same_images(mine, indexed()).tolist() == [-1] * 5


def test_a_folder_of_measurements_is_named_or_refused(results, open_client, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(results[0] / "chexmask", alone / "chexmask")
    assert "measurements" not in open_client("chexmask", alone).json("row/0")
    given = open_client("chexmask", alone, results[0] / "measure")
    assert given.json("row/0")["measurements"]
    measure([item("elsewhere")], tmp_path / "other", MeasureConfig(samples=0))
    with pytest.raises(CxrError, match=rf"holds none of the {FILMS} images of .*; measure it first"):
        open_client("chexmask", alone, tmp_path / "other")
    with pytest.raises(CxrError, match=r"--measure .*: holds no measurements"):
        open_client("chexmask", alone, tmp_path)


def test_measurements_of_other_images_beside_a_product_are_not_shown(results, open_client, tmp_path):
    shutil.copytree(results[0] / "chexmask", tmp_path / "chexmask")
    measure([item("elsewhere")], tmp_path / "measure", MeasureConfig(samples=0))
    row = open_client("chexmask", tmp_path).json("row/0")
    assert "measurements" not in row
    assert "measurements_fault" not in row


def test_tables_of_an_earlier_version_or_of_different_runs_are_told(results, open_client, tmp_path):
    shutil.copytree(results[0] / "chexmask", tmp_path / "chexmask")
    shutil.copytree(results[0] / "measure", tmp_path / "measure")
    table = pq.read_table(tmp_path / "measure/images.parquet")
    places = pa.array([place + 1 for place in table["first_row"].to_pylist()])
    moved = table.set_column(table.schema.names.index("first_row"), "first_row", places)
    pq.write_table(moved, tmp_path / "measure/images.parquet")
    row = open_client("chexmask", tmp_path).json("row/0")
    assert "its tables are of different runs" in row["measurements_fault"]
    assert row["masks"]
    pq.write_table(table.drop_columns(["first_row"]), tmp_path / "measure/images.parquet")
    row = open_client("chexmask", tmp_path).json("row/0")
    assert "no column 'first_row'" in row["measurements_fault"]
    assert str(tmp_path) not in row["measurements_fault"]
    with pytest.raises(CxrError, match="no column 'first_row'"):
        open_client("chexmask", tmp_path, tmp_path / "measure")


def test_the_folder_of_measurements_has_a_row_for_each_image_and_its_values_as_columns(results, open_client):
    client = open_client("measure")
    found, images = client.json("product"), rows(results[0] / "measure", "images")
    assert (found["kind"], found["rows"], found["sort"]) == (
        "measure",
        len(images),
        {"column": "ctr_rows", "ascending": False},
    )
    assert found["images_known"]
    shown = client.json("rows", limit=500)["rows"]
    ratios = [row["values"]["ctr_rows"] for row in shown if row["values"]["ctr_rows"] is not None]
    assert ratios == sorted(ratios, reverse=True)
    assert len(ratios) >= FILMS
    stored = {(row["dataset"], row["image_id"], row["measurement"]): row for row in rows(results[0] / "measure")}
    for row in shown:
        for name, column in (("ctr_rows", "ctr_rows"), ("heart_width", "heart_width_px"), ("scd", "scd")):
            wanted = stored.get((row["dataset"], row["image_id"], name), {"value": None, "grade": None, "unit": ""})
            value = wanted["value"] if wanted["unit"] != "mm" else None
            assert row["values"].get(column) == (None if value is None else pytest.approx(value, rel=1e-6))
            if column != "heart_width_px":
                assert row["values"].get(f"{name}_grade") == wanted["grade"]
    severe = client.json("rows", filter={"values": {"ctr_rows_grade": ["severe"]}})["total"]
    assert severe == sum(each["grade"] == "severe" for each in stored.values() if each["measurement"] == "ctr_rows")


def test_a_measured_image_shows_masks_and_radiograph_of_the_product_that_holds_it(open_client):
    client, films = open_client("measure"), open_client("chexmask")
    theirs = {row["image_id"]: row["key"] for row in films.json("rows", limit=500)["rows"]}
    shown = client.json("rows", limit=500)["rows"]
    assert any(row["image_id"] not in theirs for row in shown[::5])
    for row in shown[::5]:
        mine = client.json(f"row/{row['key']}")
        assert mine["measurements"]
        if row["image_id"] in theirs:
            other = films.json(f"row/{theirs[row['image_id']]}")
            assert (mine["masks"], mine["height"]) == (other["masks"], other["height"])
            assert client.json("outlines", keys=row["key"])[str(row["key"])]["organs"]
        elif mine["pair"] is not None:
            pair = client.json(f"row/{mine['pair']}")
            assert pair["image_id"].rsplit("/")[0] == row["image_id"].rsplit("/")[0]
            assert pair["pair"] == row["key"]
    (mine,) = (row["key"] for row in client.json("rows", filter={"search": "alpha-000"})["rows"])
    assert client.get(f"image/{mine}").content == films.get(f"image/{theirs['alpha-000']}").content


def test_measurements_without_their_product_are_shown_on_grey_or_on_films_by_their_ids(results, open_client, tmp_path):
    shutil.copytree(results[0] / "measure", tmp_path / "measure")
    client = open_client("measure", tmp_path, images=False)
    key = next(row["key"] for row in client.json("rows", limit=500)["rows"] if row["image_id"] == "alpha-000")
    row = client.json(f"row/{key}")
    assert (row["masks"], row["height"], row["width"]) == ({}, 64, 48)
    answer = client.get(f"image/{key}")
    assert (answer.status_code, "name a folder of radiographs" in answer.json()["reason"]) == (404, True)
    assert client.json("outlines", keys=key)[str(key)]["organs"] == {}
    assert open_client("measure", tmp_path).get(f"image/{key}").status_code == 200
