"""Each row of the Parquet tells where its line of the CSV starts, its cardiothoracic ratio and its uncertainty."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.products.chexmask import release as chexmask
from cxrfactory.tables.csv_rows import CsvRows, row_starts
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode

from .packed import package_chexmask, release


@pytest.mark.parametrize(("chunk", "group"), [(1, 1), (1, 3), (2, 3), (256, 512)])
@pytest.mark.parametrize("id_column", ["image_id", 'odd, "é"'])
def test_rows_start_where_they_say(tmp_path, monkeypatch, chunk, group, id_column):
    monkeypatch.setattr(chexmask, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(chexmask, "GROUP_ROWS", group)
    inputs = release(kept=("b", 'quoted "é",\nid', "a", "c")).write(tmp_path / "in")
    package_chexmask(tmp_path / "out", tmp_path / "part", "demo", "demo", id_column, **inputs)
    csv = tmp_path / "out" / "OriginalResolution" / "demo.csv"
    table = read_table(tmp_path / "out" / "Parquet" / "demo.parquet")
    assert len(table) == 4
    assert pq.ParquetFile(tmp_path / "out" / "Parquet" / "demo.parquet").num_row_groups == -(-4 // group)
    starts = row_starts(csv)
    assert table["csv_start"].tolist() == starts[:-1].tolist()
    rows = CsvRows(csv, np.append(table["csv_start"], csv.stat().st_size))
    assert [rows.row(place)[id_column] for place in range(4)] == table["image_id"].tolist()


def test_ratio_and_uncertainty_are_those_of_masks_and_deviations(tmp_path):
    made = release()
    for number, row in enumerate(made.landmarks):
        row["landmarks_std"] = np.tile(np.float32([3 * (number + 1), 4 * (number + 1)]), len(row["landmarks"]) // 2)
    inputs = made.write(tmp_path / "in")
    package_chexmask(tmp_path / "out", tmp_path / "part", "demo", "demo", "image_id", **inputs)
    table = read_table(tmp_path / "out" / "Parquet" / "demo.parquet").set_index("image_id")
    order = [row["image_id"] for row in made.landmarks]
    for image_id, row in table.iterrows():
        assert row["uncertainty"] == 5 * (order.index(image_id) + 1)
        masks = {
            organ: rle_decode(row[organ], row["original_height"], row["original_width"])
            for organ in ("right_lung", "left_lung", "heart")
        }
        expected = cardiothoracic_ratio(masks["right_lung"] | masks["left_lung"], masks["heart"])
        assert row["cardiothoracic_ratio"] == expected


def test_a_graph_without_a_heart_has_no_ratio(tmp_path):
    inputs = release(heart=False).write(tmp_path / "in")
    package_chexmask(tmp_path / "out", tmp_path / "part", "demo", "demo", "image_id", **inputs)
    assert read_table(tmp_path / "out" / "Parquet" / "demo.parquet")["cardiothoracic_ratio"].isna().all()
