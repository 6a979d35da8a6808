"""The head of a product's card, read by the real `datasets` without a network: every row as the file has it."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from cxrfactory.products.card_yaml import features, front_matter, load_section
from cxrfactory.products.chexmask.described import COLUMNS as CHEXMASK_COLUMNS
from cxrfactory.products.chexmask.index import index_schema
from cxrfactory.products.chexmask.rows import product_schema
from cxrfactory.products.cxlseg.described import COLUMNS as LUNG_COLUMNS
from cxrfactory.products.cxlseg.described import JOINED
from cxrfactory.products.described import PICTURE, DescribedTable, Description, free_name
from cxrfactory.products.radgenome.described import COLUMNS as ANATOMY_COLUMNS
from cxrfactory.products.radgenome.described import IMAGES
from cxrfactory.products.radgenome.masks import PRODUCT_MASKS, REGIONS
from cxrfactory.tables.parquet import write_arrow

from .conftest import KINDS, close_chexmask, judged_table

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
os.environ.update(OFFLINE)  # read when the library is imported


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    library = pytest.importorskip("datasets", reason="python -m pip install -e '.[test]'")
    library.disable_progress_bars()
    library.config.HF_DATASETS_CACHE = tmp_path_factory.mktemp("cache")
    return library


def head_of(folder):
    text = (folder / "README.md").read_text()
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("\n---\n")[0])


def same(ours, theirs):
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs or (ours != ours and theirs != theirs)  # NaN


def check_rows(path, loaded):
    """Compare the loaded rows with the file's, pictures pixel by pixel; return the number of pictures."""
    rows = pq.read_table(path).to_pylist()
    assert len(loaded) == len(rows)
    pictures = 0
    for ours, theirs in zip(rows, loaded, strict=True):
        for name, value in ours.items():
            if not name.endswith(PICTURE):
                assert same(value, theirs[name]), name
            elif value is None:
                assert theirs[name.removesuffix(PICTURE)] is None
            else:
                with Image.open(path.parent / value) as picture:
                    np.testing.assert_array_equal(np.asarray(theirs[name.removesuffix(PICTURE)]), np.asarray(picture))
                pictures += 1
    return pictures


@pytest.mark.parametrize(
    ("kind", "names", "pictures"),
    [
        ("chexmask", ["index", "1.0", "no"], 0),
        ("radgenome", ["alpha", "beta"], 3 * 2 * 4),
        ("cxlseg", ["Demo"], 7 * 2),
    ],
)
def test_every_config_of_a_product_loads_with_its_types_and_values(datasets, closed, kind, names, pictures):
    folder = closed[kind]
    head = head_of(folder)
    assert datasets.get_dataset_config_names(str(folder)) == names
    assert [each["config_name"] for each in head["dataset_info"]] == names
    seen = 0
    for config, info in zip(head["configs"], head["dataset_info"], strict=True):
        loaded = datasets.load_dataset(str(folder), config["config_name"])
        assert list(loaded) == [each["split"] for each in config["data_files"]]
        for each in config["data_files"]:
            path = each["path"] if isinstance(each["path"], str) else each["path"][0]
            rows = loaded[each["split"]]
            assert rows.features._to_yaml_list() == info["features"]
            seen += check_rows(folder / path, rows)
    assert seen == pictures


def test_flags_and_evidence_load_with_their_types_and_values(datasets, tmp_path):
    table = judged_table()
    write_arrow(table, tmp_path / "R.parquet")
    release = DescribedTable("R", "p.", {"train": "R.parquet"}, table.schema, 2)
    (tmp_path / "README.md").write_text(front_matter(Description("T", "S.", "kind", [release], CHEXMASK_COLUMNS)))
    rows = datasets.load_dataset(str(tmp_path), "R")["train"]
    assert check_rows(tmp_path / "R.parquet", rows) == 0
    assert rows[0]["evidence"][0]["organ"] == "heart"
    assert rows.features._to_yaml_list() == features(table.schema)


@pytest.mark.parametrize("kind", KINDS)
def test_the_card_loads_what_it_says(datasets, closed, kind):
    text = (closed[kind] / "README.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("load_dataset(")]
    assert len(lines) == len(head_of(closed[kind])["configs"]) + (3 if kind == "radgenome" else 0)
    for line in lines:
        call, _, note = line.replace(f"path/to/{kind}", str(closed[kind])).partition("  # ")
        loaded = eval(call, {"load_dataset": datasets.load_dataset})  # a line that the card shows
        assert f"{sum(map(len, loaded.values()))} rows" == note


def test_a_split_streams_too(datasets, closed):
    rows = datasets.load_dataset(str(closed["cxlseg"]), "Demo", split="train", streaming=True)
    first = next(iter(rows))
    assert first["image"].size == first["mask"].size == (64, 64)
    assert set(np.unique(np.asarray(first["mask"]))) == {0, 255}  # the lossless mask


def test_the_index_has_all_rows_without_masks_and_landmarks(closed):
    folder = closed["chexmask"]
    index = pq.read_table(folder / "index.parquet")
    assert index["release"].to_pylist() == ["1.0"] * 3 + ["no"] * 3
    assert index["image_id"].to_pylist() == ["a", "b", "c"] * 2
    assert not {"left_lung", "right_lung", "heart"} & set(index.column_names)
    assert not any(pa.types.is_nested(field.type) for field in index.schema)
    for release in ("1.0", "no"):
        table = pq.read_table(folder / f"Parquet/{release}.parquet")
        mine = index.filter(pa.compute.equal(index["release"], release))
        for name in index.column_names[1:]:
            assert mine[name].to_pylist() == table[name].to_pylist()
    schema = index_schema({"a": product_schema(False), "b": product_schema(False, True)})
    assert schema.field("flag_reasons").type == pa.list_(pa.string())
    assert "evidence" not in schema.names


@pytest.mark.parametrize(
    "schema", [product_schema(True), product_schema(False, True), PRODUCT_MASKS, REGIONS, IMAGES, JOINED]
)
def test_types_are_written_as_the_library_writes_them(datasets, schema):
    theirs = datasets.Features.from_arrow_schema(schema)
    for name in [name for name in theirs if name.endswith(PICTURE)]:
        theirs = datasets.Features(
            {key.removesuffix(PICTURE) if key == name else key: datasets.Image() if key == name else value
             for key, value in theirs.items()}
        )  # fmt: skip
    assert features(schema) == theirs._to_yaml_list()


@pytest.mark.parametrize(
    ("schemas", "columns"),
    [
        ([product_schema(True), product_schema(False, True)], CHEXMASK_COLUMNS),
        ([PRODUCT_MASKS, REGIONS, IMAGES], ANATOMY_COLUMNS),
        ([JOINED], LUNG_COLUMNS),
    ],
)
def test_every_column_has_a_sentence(schemas, columns):
    for schema in schemas:
        assert set(schema.names) <= set(columns)
    assert all(text.endswith(".") for text in columns.values())


HOSTILE = ["yes", "null", "1e3", "0x1F", "2024-01-01", "~", "- a", "a: b", "St. Mary's #1, [x] & {y}", "ä 'b'", "=",
           "%a", "@a", "!!python/none", "a\nb", "\u2028", "?"]  # fmt: skip


def described(*tables):
    return Description("T", "S.", "kind", tables, {"x": "X."})


def test_hostile_names_stay_names():
    schema = pa.schema([pa.field("x", pa.int64())])
    tables = [DescribedTable(name, "p.", {"train": f"{name}.parquet"}, schema, 5) for name in HOSTILE]
    text = front_matter(described(*tables))
    head = yaml.safe_load(text.removeprefix("---\n").split("\n---\n")[0])
    assert [each["config_name"] for each in head["configs"]] == HOSTILE
    assert [each["data_files"][0]["path"] for each in head["configs"]] == [f"{name}.parquet" for name in HOSTILE]


def test_a_name_with_quotes_and_spaces_loads(datasets, tmp_path):
    name = "St. Mary's #1, [x] & {y}"
    schema = pa.schema([pa.field("x", pa.int64())])
    write_arrow(pa.table({"x": [1, 2]}, schema), tmp_path / "a b'c.parquet")
    table = DescribedTable(name, "p.", {"train": "a b'c.parquet"}, schema, 2)
    (tmp_path / "README.md").write_text(front_matter(described(table)))
    assert datasets.load_dataset(str(tmp_path), name)["train"]["x"][:] == [1, 2]


def test_tables_without_rows_are_left_out():
    schema = pa.schema([pa.field("x", pa.int64())])
    none, some = (DescribedTable(name, "p.", {"train": f"{name}.parquet"}, schema, rows)
                  for name, rows in (("none", 0), ("some", 2_500)))  # fmt: skip
    head = yaml.safe_load(front_matter(described(none, some)).split("\n---\n")[0])
    assert [each["config_name"] for each in head["configs"]] == ["some"]
    assert head["size_categories"] == ["1K<n<10K"]
    empty = described(none)
    assert "configs" not in yaml.safe_load(front_matter(empty).split("\n---\n")[0])
    assert load_section(empty) == ""


def test_a_release_may_be_called_index(datasets, tmp_path):
    assert free_name("index", ["_index", "index"]) == "__index"
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    folder = close_chexmask(tmp_path, ("index",))
    assert datasets.get_dataset_config_names(str(folder)) == ["_index", "index"]
    assert "landmarks" in datasets.load_dataset(str(folder), "index")["train"].features
