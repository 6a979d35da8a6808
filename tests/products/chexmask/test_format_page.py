"""docs/chexmask-format.md and the schema of the product name the same columns, in one order and with one type."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

from cxrfactory.products.chexmask.rows import product_schema
from cxrfactory.tables.chexmask import PUBLISHED_COLUMNS
from cxrfactory.tables.chexmask_columns import PARQUET_NAMES
from cxrfactory.tables.schemas import EVIDENCE

PAGE = (Path(__file__).parents[3] / "docs" / "chexmask-format.md").read_text(encoding="utf-8")
TYPES = {
    "text": pa.string(),
    "float64": pa.float64(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "int8": pa.int8(),
    "boolean": pa.bool_(),
    "list of float32": pa.list_(pa.float32()),
    "list of text": pa.list_(pa.string()),
    "list of structs": EVIDENCE,
}


def table(heading):
    """Cells of the first table under a heading, without its header."""
    part = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def names(cell):
    return re.findall("`([^`]+)`", cell)


@pytest.mark.parametrize(
    ("schema", "marks"),
    [
        (product_schema(False), ()),
        (product_schema(True), ("*with a calibration:*",)),
        (product_schema(False, True), ("*with a calibration:*", "*with a quality calibration:*")),
    ],
    ids=["none", "rca", "quality"],
)
def test_every_column_of_the_parquet_is_described_with_its_type_and_name(schema, marks):
    described = []
    for columns, kind, frame, text in table("Columns of the Parquet"):
        mark = re.match(r"\*with [^*]*\*", text)
        if mark is not None and mark.group() not in marks:
            continue
        shown = names(columns) if frame == "same" else names(frame)
        described += [(*pair, TYPES[kind]) for pair in zip(names(columns), shown, strict=True)]
    assert described == [(field.name, PARQUET_NAMES.get(field.name, field.name), field.type) for field in schema]


def test_the_parts_of_the_evidence_are_described():
    (text,) = [row[3] for row in table("Columns of the Parquet") if row[0] == "`evidence`"]
    parts = [name for name in names(text) if name != "lungs"]
    assert parts == [field.name for field in EVIDENCE.value_type]


def test_every_column_of_the_csv_is_described():
    described = [name for row in table("Columns of the CSV files")[1:] for name in names(row[0])]
    assert described == list(PUBLISHED_COLUMNS)
