"""`croissant.json`, validated and read record by record by mlcroissant, and compared with the files themselves."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.products.chexmask.described import COLUMNS
from cxrfactory.products.croissant import CROISSANT, croissant_text, has_type, node_name
from cxrfactory.products.described import DescribedTable, Description
from cxrfactory.tables.parquet import write_arrow

from .conftest import KINDS, judged_table

SETS = {
    "chexmask": {"index": 6, "1.0": 3, "no": 3},
    "radgenome": {"alpha": 4, "beta": 2, "studies": 3, "masks": 30, "regions": 12},
    "cxlseg": {"Demo": 7},
}


def same(theirs, ours):
    if ours is None:
        return theirs is None or theirs != theirs
    if isinstance(ours, list):
        return len(theirs) == len(ours) and all(map(same, theirs, ours))
    return theirs == (ours.encode() if isinstance(ours, str) else ours)  # text comes as bytes


@pytest.mark.parametrize("kind", KINDS)
def test_mlcroissant_validates_it_and_loads_every_record(closed, kind):
    mlcroissant = pytest.importorskip("mlcroissant", reason="python -m pip install -e '.[test]'")
    folder = closed[kind]
    document = json.loads((folder / CROISSANT).read_text())
    dataset = mlcroissant.Dataset(jsonld=str(folder / CROISSANT))
    assert dataset.metadata.ctx.issues.errors == set()
    # The two recommended keys name a publication, which a product does not have.
    assert all("citeAs" in text or "datePublished" in text for text in dataset.metadata.ctx.issues.warnings)
    patterns = {each["@id"]: each["includes"] for each in document["distribution"]}
    assert all(any(folder.glob(pattern)) for found in patterns.values() for pattern in found)
    assert {each["name"]: None for each in document["recordSet"]}.keys() == SETS[kind].keys()
    for records in document["recordSet"]:
        paths = patterns[records["field"][0]["source"]["fileSet"]["@id"]]
        tables = [pq.read_table(folder / path) for path in sorted(paths)]
        names = {each["@id"]: each["name"] for each in records["field"]}
        assert list(names.values()) == [each.name for each in tables[0].schema if has_type(each.type)]
        loaded = list(dataset.records(records["@id"]))
        rows = [row for table in tables for row in table.to_pylist()]
        assert len(loaded) == len(rows) == SETS[kind][records["name"]]
        for theirs, ours in zip(loaded, rows, strict=True):
            for identifier, name in names.items():
                assert same(theirs[identifier], ours[name]), identifier


def test_flags_and_empty_cells_load(tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant", reason="python -m pip install -e '.[test]'")
    table = judged_table()
    write_arrow(table, tmp_path / "R.parquet")
    release = DescribedTable("R", "p.", {"train": "R.parquet"}, table.schema, 2)
    (tmp_path / CROISSANT).write_text(croissant_text(Description("T", "S.", "kind", [release], COLUMNS)))
    loaded = list(mlcroissant.Dataset(jsonld=str(tmp_path / CROISSANT)).records("R"))
    for theirs, ours in zip(loaded, table.to_pylist(), strict=True):
        assert len(theirs) == len(ours) - 1  # without evidence
        for name, value in ours.items():
            assert name == "evidence" or same(theirs[f"R/{name}"], value), name


def test_node_names_have_no_white_space_and_types_follow_the_columns():
    schema = pa.schema(
        [
            pa.field("a b", pa.string()),
            pa.field("points", pa.list_(pa.float32())),
            pa.field("many", pa.list_(pa.struct([pa.field("x", pa.int32())]))),
            pa.field("yes", pa.bool_()),
        ]
    )
    table = DescribedTable("St. Mary's", "p.", {"train": "m.parquet"}, schema, 1)
    columns = {"a b": "A.", "points": "P.", "many": "M.", "yes": "Y."}
    document = json.loads(croissant_text(Description("T", "S.", "kind", [table], columns)))
    assert node_name("St. Mary's") == "St._Mary_s"
    (records,) = document["recordSet"]
    assert records["name"] == "St. Mary's"
    found = {each["@id"]: (each["dataType"], each.get("isArray"), each.get("arrayShape")) for each in records["field"]}
    assert found == {
        "St._Mary_s/a_b": ("sc:Text", None, None),
        "St._Mary_s/points": ("cr:Float32", True, "-1"),
        "St._Mary_s/yes": ("sc:Boolean", None, None),
    }
    identifiers = [each["@id"] for each in (*document["distribution"], *document["recordSet"], *records["field"])]
    assert len(set(identifiers)) == len(identifiers)
    assert not any(" " in each for each in identifiers)
