"""Rows of one case and frame."""

import pandas as pd

from cxrfactory.products.hearts.frame_rows import frame_rows
from tests.products.hearts.packed import pack, shards_of


def test_only_the_rows_of_the_case_and_frame_come_with_the_asked_columns(tmp_path):
    product = pack(tmp_path, shards_of(tmp_path))
    found = pd.concat(frame_rows(product / "slices.parquet", "b", "ES", ["view", "slice"]))
    assert list(found.columns) == ["case_id", "frame", "view", "slice"]
    assert set(found["case_id"] + found["frame"]) == {"bES"}
    planes = sorted(zip(found["view"], found["slice"], strict=True))
    assert planes == [("4ch", 0), *(("sax", number) for number in range(7))]
    assert list(frame_rows(product / "slices.parquet", "no such case", "ED", ["view"])) == []
