import os
import shutil
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

import cxrfactory as cxr
from cxrfactory.imaging.drawing.masks import draw_masks
from cxrfactory.imaging.radiograph.intensity import to_uint8
from cxrfactory.models import registry
from cxrfactory.tables.parquet import read_table
from tests.products.cxlseg import segmented
from tests.products.radgenome import projected
from tests.products.radgenome.test_pack import pack as pack_projections

from .conftest import HEIGHT, WIDTH, picture


def test_rows_are_the_tables_rows(product):
    opened = cxr.open_product(product)
    table = cxr.read_chexmask(product / "OriginalResolution" / "demo.csv").set_index("image_id")
    stored = read_table(product / "Parquet" / "demo.parquet").set_index("image_id")
    assert len(opened) == len(table) == len(list(opened))
    for row in opened:
        expected = table.loc[row.image_id]
        assert (row.height, row.width, row.release) == (expected["Height"], expected["Width"], "demo")
        for organ, column in (("left_lung", "Left Lung"), ("right_lung", "Right Lung"), ("heart", "Heart")):
            np.testing.assert_array_equal(row.masks[organ], cxr.rle_decode(expected[column], HEIGHT, WIDTH))
        np.testing.assert_array_equal(np.rint(np.concatenate(list(row.landmarks.values()))), expected["Landmarks"])
        assert row.scores["dice_rca_mean"] == expected["Dice RCA (Mean)"]
        # A deviation of 0.5 px of the preprocessed frame, in pixels of the original one.
        assert {float(value) for points in row.uncertainty.values() for value in points.ravel()} == {0.5 * 120 / 32}
        assert len(stored.loc[row.image_id, "landmarks"]) == 2 * sum(len(points) for points in row.landmarks.values())


def test_one_row_by_its_id_is_the_same_as_on_the_way(product):
    opened = cxr.open_product(product)
    for row in opened:
        alone = opened[row.image_id]
        assert (alone.image_id, alone.scores, alone.facts) == (row.image_id, row.scores, row.facts)
        for organ, mask in row.masks.items():
            np.testing.assert_array_equal(alone.masks[organ], mask)
    assert "a" in opened
    assert "side" not in opened
    with pytest.raises(cxr.CxrError, match=r"no image 'side'; rejected\.csv and excluded\.csv say"):
        opened["side"]


def test_accounts_are_those_of_the_manifest(product):
    accounts = cxr.open_product(product).accounts
    assert list(accounts) == ["demo"]
    found = accounts["demo"]
    assert (found.kept, found.excluded, found.rejected) == (3, 2, 2)
    assert found.rows == len(read_table(product.parent / "manifest" / "demo.parquet"))


def test_radiograph_and_overlay_come_from_the_releases_folder(product):
    row = cxr.open_product(product)["b"]
    expected = picture(HEIGHT, WIDTH, 1)
    np.testing.assert_array_equal(row.image(), to_uint8(expected))
    assert row.overlay().shape == (HEIGHT, WIDTH, 3)
    grey = np.repeat(row.image()[..., None], 3, axis=2)
    both, one = (int((row.overlay(names) != grey).any(axis=2).sum()) for names in (None, ["heart"]))
    assert 0 < one < both
    with pytest.raises(cxr.CxrError, match=r"b: no contour of \['liver'\]; found right_lung"):
        row.overlay(["liver"])


def test_without_the_releases_folder_masks_are_there_and_the_picture_is_not(product, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(product, moved)
    row = cxr.open_product(moved)["a"]
    assert row.masks["heart"].any()
    with pytest.raises(cxr.CxrError, match=r"^a: the folder of demo is not known; name it: open_product"):
        row.overlay()
    root, manifests = product.parents[1] / "release", product.parent / "manifest"
    row = cxr.open_product(moved, roots={"demo": root}, manifests=manifests)["a"]
    assert row.overlay().shape == (HEIGHT, WIDTH, 3)


def test_an_image_that_was_exchanged_is_noticed(product, tmp_path):
    shutil.copytree(product.parents[1] / "release", tmp_path / "release")
    cv2.imwrite(str(tmp_path / "release" / "a.png"), picture(WIDTH, HEIGHT))
    row = cxr.open_product(product, roots={"demo": tmp_path / "release"})["a"]
    with pytest.raises(cxr.CxrError, match=r"\(96, 128\) pixels; its row says \(128, 96\)"):
        row.image()


def test_faults_of_the_call_are_one_line(product, tmp_path):
    (tmp_path / "t.csv").touch()
    with pytest.raises(cxr.CxrError, match=r"t.csv: a file; .* works with 'browse', 'measure' and 'export coco'"):
        cxr.open_product(tmp_path / "t.csv")
    (tmp_path / "t.csv").unlink()
    with pytest.raises(cxr.CxrError, match="no such folder; expected a finished product"):
        cxr.open_product(tmp_path / "nowhere")
    with pytest.raises(cxr.CxrError, match="not a product by its files; expected one of"):
        cxr.open_product(tmp_path)
    with pytest.raises(cxr.CxrError, match=r"roots: no dataset 'other' in .*; found demo"):
        cxr.open_product(product, roots={"other": tmp_path})
    with pytest.raises(cxr.CxrError, match=r"roots: demo: .*no such folder"):
        cxr.open_product(product, roots={"demo": tmp_path / "nowhere"})


def test_one_id_in_two_releases_is_told(product, tmp_path):
    both = tmp_path / "both"
    shutil.copytree(product, both)
    shutil.copy(both / "Parquet" / "demo.parquet", both / "Parquet" / "other.parquet")
    opened = cxr.open_product(both)
    assert len(opened) == 6
    with pytest.raises(cxr.CxrError, match="image 'a' is in demo, other"):
        opened["a"]
    assert [row.release for row in opened.find("a")] == ["demo", "other"]


@pytest.fixture
def projections(tmp_path):
    """A finished product of projected studies."""
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    pack_projections(projected.projected(), tmp_path, config=tmp_path / "config.yaml")
    return tmp_path / "out"


def test_projected_images_have_pictures_masks_and_regions(projections):
    opened = cxr.open_product(projections)
    assert len(opened) == 6
    rows = {row.image_id: row for row in opened}
    assert list(rows) == [f"{study}/{view}" for study in ("a1", "a2", "b1") for view in ("PA", "LL")]
    row = opened["a2/PA"]
    expected = projected.structures(1)["PA"]
    for name, mask in row.masks.items():
        np.testing.assert_array_equal(mask, expected[name][3])
        np.testing.assert_array_equal(mask, rows["a2/PA"].masks[name])
        np.testing.assert_array_equal(mask, row.mask(name))
    folder = projections / "images" / "alpha" / "a2"
    np.testing.assert_array_equal(row.image(), cv2.imread(str(folder / "PA.png"), cv2.IMREAD_UNCHANGED))
    np.testing.assert_array_equal(row.physical(), cv2.imread(str(folder / "PA_16.png"), cv2.IMREAD_UNCHANGED))
    assert row.physical().dtype == np.uint16
    assert row.overlay(["heart"]).shape == (projected.SIZE, projected.SIZE, 3)
    assert (row.pixel_mm, row.facts["patient_id"]) == (1.5, "p1")
    assert opened.find("a2/XX") == opened.find("none/PA") == []
    accounts = {name: (each.kept, each.excluded, each.rejected) for name, each in opened.accounts.items()}
    assert accounts == {"alpha": (2, 1, 0), "beta": (1, 0, 1)}


def test_lung_images_have_mask_report_labels_and_split(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
    tables = segmented.Release().write(tmp_path)
    segmented.pack(tables, segmented.shards_of(tables, tmp_path / "shards"), tmp_path)
    # As closing the product puts it together.
    whole = tmp_path / "whole"
    shutil.copytree(tmp_path / "product", whole / "demo")
    for name in ("rejected.csv", "excluded.csv"):
        shutil.copy(tmp_path / "part" / name, whole / name)
    opened = cxr.open_product(whole)
    assert len(opened) == len(list(opened)) == 7
    row = opened["i3"]
    assert (row.height, row.width) == row.image().shape == row.masks["lungs"].shape == (segmented.SIZE,) * 2
    assert row.report == 'Report 3, "clear".'
    assert set(row.labels.values()) == {None}
    assert row.split in ("train", "validate", "test")
    # What is left of the picture lies inside the mask; JPEG blurs the border.
    assert row.image()[row.masks["lungs"] == 1].mean() > 10 * row.image()[row.masks["lungs"] == 0].mean()
    accounts = opened.accounts
    assert sum(each.kept for each in accounts.values()) == 7
    assert sum(each.rows for each in accounts.values()) == len(segmented.Release().manifest)


def test_masks_are_painted_in_colours_of_their_own():
    image = np.full((4, 6), 100, np.uint8)
    left, right = np.zeros((4, 6), np.uint8), np.zeros((4, 6), np.uint8)
    left[:, :2], right[:, 4:] = 1, 255
    painted = draw_masks(image, {"left": left, "right": right})
    assert (painted[:, 2:4] == 100).all()
    assert len({tuple(painted[0, column]) for column in (0, 2, 5)}) == 3
    assert (image == 100).all()
    with pytest.raises(cxr.CxrError, match=r"mask of odd of shape \(3, 6\)"):
        draw_masks(image, {"odd": left[:3]})


@pytest.mark.parametrize(
    "text", ["", "- a\n", "datasets: 3\n", "datasets:\n  demo: 3\n", "datasets:\n  1: {root: 2}\n"]
)
def test_a_config_of_any_content_leaves_the_masks_readable(product, tmp_path, text):
    odd = tmp_path / "results" / "product"
    shutil.copytree(product, odd)
    (odd / "config.yaml").write_text(text)
    opened = cxr.open_product(odd)
    assert opened["a"].masks["heart"].any()
    assert opened.accounts["demo"].rows == 7
    (odd / "config.yaml").write_text("a: [")
    with pytest.raises(cxr.CxrError, match=r"config\.yaml: not readable as YAML"):
        cxr.open_product(odd)


def finished(name):
    """Folder of a product of a finished run of the default config, which CXRFACTORY_RESULTS names."""
    results = os.environ.get("CXRFACTORY_RESULTS")
    if not results or not (Path(results) / name).is_dir():
        pytest.skip(f"CXRFACTORY_RESULTS names no folder with a finished {name}")
    return Path(results) / name


def test_the_door_gives_the_numbers_of_the_workflow():
    """Landmarks, masks and RCA scores of a run, to the bit, from its weights, references and radiographs."""
    folder = finished("chexmask")
    opened, results = cxr.open_product(folder), folder.parent
    reference = results / "rca" / "reference.parquet"
    if not reference.is_file():
        pytest.skip(f"{reference} is not there")
    weights = results / "train" / "segmenter.safetensors"
    segmenter = cxr.Segmenter(weights, references=reference, device="cpu", check_orientation=False)
    for row in islice(opened, 0, None, 20):
        found = segmenter.segment(opened.sources[row.release].path_of(row.image_id), row.image_id)
        assert found.quality.dice_rca_mean == row.scores["dice_rca_mean"]
        assert found.quality.dice_rca_max == row.scores["dice_rca_max"]
        assert found.quality.typicality == row.scores["typicality"]
        for organ, points in row.landmarks.items():
            np.testing.assert_array_equal(found.landmarks[organ], points)
            np.testing.assert_array_equal(found.masks[organ], row.masks[organ])
            np.testing.assert_array_equal(found.uncertainty[organ], row.uncertainty[organ])


@pytest.mark.parametrize("name", ["chexmask", "radgenome", "cxlseg"])
def test_products_of_a_run(name):
    opened = cxr.open_product(finished(name))
    assert opened.kind == name
    row = next(iter(opened))
    assert row.masks
    shape = next(iter(row.masks.values())).shape
    assert row.image().shape == shape == (row.height, row.width)
    assert len(pd.unique(pd.Series([each.image_id for each in opened]))) == len(opened)
