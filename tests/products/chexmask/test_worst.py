import csv

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.contact_sheet import LINE_PX
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.products.chexmask import worst
from cxrfactory.products.chexmask.release import product_files
from cxrfactory.products.chexmask.worst import GAP_PX, draw_worst, worst_rows
from cxrfactory.tables.calibration import write_scores
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import IMAGES

from .packed import SIZE, package_chexmask, release, score_row
from .test_estimates import ORIGIN, write_model

TILE = 64


def pack(folder, ids, heart=True, scores=None, calibration=None):
    made = release(ids, heart)
    if scores is not None:
        made.scores = scores
    inputs = made.write(folder / "in")
    for path in inputs["rca"]:
        write_scores(read_table(path), path, ORIGIN)
    names = {"dataset": "demo", "release": "Demo-CXR", "id_column": "dicom_id"}
    package_chexmask(**inputs, **names, output=folder / "out", part=folder / "part", calibration=calibration)
    return {"product": folder / "out", "part": folder / "part"}


def pictures(folder, ids, shards=1, size=SIZE):
    """Image shards of even grey, darker for later ids."""
    paths = []
    for shard in range(shards):
        rows = [
            {"image_id": name, "png": encode_png(np.full((size, size), 40 + 5 * place, np.uint8))}
            | Geometry(64, 48, 2, 0, 60, 47, size).as_row()
            for place, name in enumerate(sorted(ids))
            if shard_of(name, shards) == shard
        ]
        paths.append(folder / f"{shard}-of-{shards}.parquet")
        write_table(pd.DataFrame(rows, columns=IMAGES.names), paths[-1], IMAGES)
    return paths


def draw(made, images, folder, **options):
    ids = draw_worst(**made, images=images, picture=folder / "w.png", table=folder / "w.csv", tile=TILE, **options)
    with (folder / "w.csv").open() as stream:
        return ids, cv2.imread(str(folder / "w.png"))[..., ::-1], list(csv.DictReader(stream))


def test_lowest_first_and_equal_scores_by_id(tmp_path):
    ids = ["d", "b", "a", "c", "e"]
    scores = [score_row(name, mean) for name, mean in zip(ids, (0.5, 0.4, 0.5, 0.9, 0.5), strict=True)]
    found, _, rows = draw(pack(tmp_path, ids, scores=scores), pictures(tmp_path, ids), tmp_path, count=3, columns=2)
    assert found == ["b", "a", "d"]
    assert [(row["rank"], row["image_id"], row["dice_rca_mean"]) for row in rows] == [
        ("1", "b", "0.4"),
        ("2", "a", "0.5"),
        ("3", "d", "0.5"),
    ]


def test_list_says_which_organ_is_the_worse(tmp_path):
    ids = ["a", "b", "c"]
    scores = [score_row(name, 0.5) for name in ids]
    scores[0] |= {"lungs_mean": 0.4, "heart_mean": 0.6, "lungs_max": 0.9}
    scores[1] |= {"lungs_mean": 0.6, "heart_mean": 0.4}
    _, _, rows = draw(pack(tmp_path, ids, scores=scores), pictures(tmp_path, ids), tmp_path)
    assert [row["worst_organ"] for row in rows] == ["lungs", "heart", "lungs"]
    assert list(rows[0]) == ["rank", "image_id", "worst_organ", "dice_rca_mean", "dice_rca_max", "lungs_mean",
                             "lungs_max", "heart_mean", "heart_max", "typicality", "mirrored"]  # fmt: skip
    assert [rows[0][name] for name in ("lungs_mean", "lungs_max", "heart_mean")] == ["0.4", "0.9", "0.6"]


def test_tiles_show_the_right_image_with_its_own_contours(tmp_path):
    ids = ["a", "b", "c"]
    scores = [score_row(name, mean) for name, mean in zip(ids, (0.9, 0.4, 0.6), strict=True)]
    _, picture, _ = draw(pack(tmp_path, ids, scores=scores), pictures(tmp_path, ids), tmp_path, count=2, columns=2)
    heading, caption = 2 * LINE_PX + 6, 2 * LINE_PX + 6
    assert picture.shape == (heading + TILE + caption + GAP_PX, 2 * (TILE + GAP_PX), 3)
    tiles = picture[heading : heading + TILE]
    assert tiles[2, 2].tolist() == [45] * 3  # b
    assert tiles[2, TILE + GAP_PX + 2].tolist() == [50] * 3  # c
    # The landmarks of "b" in the frame of 32 px, drawn at twice the size.
    points = read_table(product_files(tmp_path / "out", "Demo-CXR")["parquet"])["landmarks_preprocessed"][1]
    x, y = ((points.reshape(-1, 2)[:44] + 0.5) * 2 - 0.5).round().astype(int).T
    near = tiles[y, x].astype(int)
    assert (near[:, 2] > near[:, 0]).mean() > 0.9  # right lung: blue
    coloured = (tiles[:, :TILE].max(axis=2).astype(int) - tiles[:, :TILE].min(axis=2)) > 10
    assert 0 < coloured.mean() < 0.25


def test_shards_do_not_change_a_byte(tmp_path, monkeypatch):
    ids = [f"image-{number:03d}" for number in range(40)]
    scores = [score_row(name, 0.5 + 0.01 * (number % 7)) for number, name in enumerate(ids)]
    made = pack(tmp_path, ids, scores=scores)
    seen = []
    for shards, batch in ((1, 4096), (3, 7)):
        monkeypatch.setattr(worst, "BATCH_ROWS", batch)
        folder = tmp_path / str(shards)
        found, _, _ = draw(made, pictures(folder, ids, shards)[::-1], folder)
        seen.append((found, (folder / "w.png").read_bytes(), (folder / "w.csv").read_bytes()))
    assert seen[0] == seen[1]
    slow = sorted((row["dice_rca_mean"], row["image_id"]) for row in scores)[:24]
    assert seen[0][0] == [name for _, name in slow]


def test_only_the_images_drawn_are_decoded(tmp_path, monkeypatch):
    ids = [f"image-{number:03d}" for number in range(40)]
    decoded = []
    true_decode = worst.decode_png
    monkeypatch.setattr(worst, "decode_png", lambda data: decoded.append(1) or true_decode(data))
    draw(pack(tmp_path, ids), pictures(tmp_path, ids, 3), tmp_path, count=5)
    assert len(decoded) == 5


def test_rejected_images_are_counted_in_the_heading(tmp_path, monkeypatch):
    said = []
    true_strip = worst.text_strip
    monkeypatch.setattr(worst, "text_strip", lambda lines, width: said.append(lines) or true_strip(lines, width))
    found, _, _ = draw(pack(tmp_path, ["a", "b"]), pictures(tmp_path, ["a", "b"]), tmp_path)
    heading = ["".join(text for text, _ in line) for line in said[-1]]
    assert found == ["a", "b"] or found == ["b", "a"]
    assert heading[0].startswith("Demo-CXR: lowest Dice RCA (Mean), 2 of 2 images kept.")
    assert heading[1] == "Not shown, because they were rejected: 1 at rca, 1 at preprocess."


def test_estimates_are_shown_where_the_product_has_them(tmp_path, monkeypatch):
    said = []
    true_strip = worst.text_strip
    monkeypatch.setattr(worst, "text_strip", lambda lines, width: said.append(lines) or true_strip(lines, width))
    made = pack(tmp_path, ["a", "b", "c"], calibration=write_model(tmp_path / "c.json"))
    _, picture, rows = draw(made, pictures(tmp_path, ["a", "b", "c"]), tmp_path)
    assert [float(rows[0][name]) for name in ("dice_estimate", "lungs_dice_low", "heart_dice_high")] == pytest.approx(
        [0.7, 0.6, 0.8]
    )
    caption = ["".join(text for text, _ in line) for line in said[0]]
    assert caption == ["1. a", "RCA 0.600: lungs 0.600, heart 0.600", "Dice estimate 0.700, 90%: 0.600 to 0.800"]
    assert picture.shape[0] == 2 * LINE_PX + 6 + TILE + 3 * LINE_PX + 6 + GAP_PX


def test_release_without_a_heart(tmp_path):
    made = pack(
        tmp_path, ["a", "b"], heart=False, calibration=write_model(tmp_path / "c.json", organs=("both", "lungs"))
    )
    _, _, rows = draw(made, pictures(tmp_path, ["a", "b"]), tmp_path)
    assert {row["worst_organ"] for row in rows} == {"lungs"}
    assert {row["heart_mean"] + row["heart_dice_low"] for row in rows} == {""}


def test_release_of_which_nothing_was_kept_has_a_heading_and_an_empty_list(tmp_path):
    found, picture, rows = draw(pack(tmp_path, [], scores=[]), pictures(tmp_path, []), tmp_path)
    assert found == rows == []
    assert picture.shape == (2 * LINE_PX + 6, 6 * (TILE + GAP_PX), 3)
    assert picture.any()


def test_images_that_no_shard_holds_are_named(tmp_path):
    made = pack(tmp_path, ["a", "b"])
    with pytest.raises(CxrError, match="1 images are in no image shard, first 'b'"):
        draw(made, pictures(tmp_path, ["a"]), tmp_path)
    assert not (tmp_path / "w.png").exists()


def test_pictures_of_another_size_are_refused(tmp_path):
    with pytest.raises(CxrError, match=r"image '.': picture of \(64, 64\), landmarks of a frame of 32 x 32"):
        draw(pack(tmp_path, ["a", "b"]), pictures(tmp_path, ["a", "b"], size=64), tmp_path)


def test_tables_at_fault_are_named(tmp_path):
    path = tmp_path / "p.parquet"
    with pytest.raises(CxrError, match="no such file; run the stage that makes it first"):
        worst_rows(path, 3)
    path.write_bytes(b"none")
    with pytest.raises(CxrError, match="not a readable Parquet"):
        worst_rows(path, 3)
    table = pq.read_table(product_files(pack(tmp_path, ["a"])["product"], "Demo-CXR")["parquet"])
    pq.write_table(table.drop_columns(["lungs_max"]), path)
    with pytest.raises(CxrError, match=r"columns \['lungs_max'\] are missing"):
        worst_rows(path, 3)
    with pytest.raises(CxrError, match="count 0"):
        draw_worst(tmp_path, tmp_path, [], path, path, count=0)
