import cv2
import numpy as np
import pytest

import cxrfactory as cxr
from cxrfactory.browse.opening import open_browsed
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.infer import AnatomyConfig, SegmentConfig
from cxrfactory.export.coco import export_coco
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.infer.anatomy.run import segment_anatomy
from tests.models.stub_structures import film, use_bands, write_bands

NAMES = ["right lung", "left lung", "heart", "pacemaker"]
BOXES = {1: (24, 16, 96, 48), 2: (24, 72, 96, 112), 3: (60, 50, 90, 70)}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    use_bands(monkeypatch)
    for module in ("imaging.radiograph.prepare", "infer.anatomy.film"):  # the stub needs the grey values of the files
        monkeypatch.setattr(f"cxrfactory.{module}.to_uint8", lambda pixels, padding=None: pixels)
    weights = write_bands(tmp_path / "w.safetensors", NAMES, 128)
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "a.png"), film(BOXES, 128))
    cv2.imwrite(str(tmp_path / "in" / "b.png"), film({1: BOXES[1]}, 128))
    settings = SegmentConfig(device="cpu", check_orientation=False)
    recipe = Preparation(size=128, remove_borders=False)
    segment_anatomy([tmp_path / "in"], weights, tmp_path / "out", settings, AnatomyConfig(all=True), recipe)
    return tmp_path / "out"


def test_a_film_is_found_by_its_id_with_masks_confidence_and_picture(folder):
    product = cxr.open_product(folder)
    assert (product.kind, len(product), "c.png" in product) == ("anatomy", 2, False)
    found = product["a.png"]
    assert np.array_equal(found.masks["heart"], (film(BOXES, 128) == 60).astype(np.uint8))
    assert set(found.confidence) == {"right lung", "left lung", "heart", "lung"}
    assert set(found.validated.values()) == {None}
    assert np.array_equal(found.image(), film(BOXES, 128))
    assert [(each.number, each.group) for each in product.structures() if each.name == "pacemaker"] == [
        (1001, "outside the taxonomy")
    ]


def test_the_browser_shows_films_with_panels_and_what_is_not_to_be_trusted(folder):
    shown = open_browsed(folder, {}, None)
    assert (shown.kind, len(shown.index), shown.worst) == ("anatomy", 2, ("confidence", True))
    assert [each["name"] for each in shown.tree] == ["lungs", "heart and vessels", "others"]
    assert shown.shown == ["left lung", "right lung", "heart"]
    detail = shown.detail(0)
    assert (detail.height, detail.width, set(detail.masks)) == (128, 128, {"right lung", "left lung", "heart", "lung"})
    assert dict(detail.text)["Not validated on real films"] == "right lung, left lung, heart, lung"
    assert set(shown.outlines(0).organs) == {"left lung", "right lung", "heart"}
    assert set(shown.outlines(1, ["right lung"]).organs) == {"right lung"}
    assert np.array_equal(shown.picture(1, "image"), film({1: BOXES[1]}, 128))
    shown.close()


def test_coco_files_hold_the_masks_by_an_independent_reader(folder, tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    assert export_coco(folder, tmp_path / "coco", ChosenImagesConfig()) == {"films": 2}
    read = coco.COCO(str(tmp_path / "coco" / "films.json"))
    names = {each["id"]: each["name"] for each in read.loadCats(read.getCatIds())}
    masks = {names[each["category_id"]]: read.annToMask(each) for each in read.loadAnns(read.getAnnIds(imgIds=[1]))}
    assert set(masks) == {"right lung", "left lung", "heart", "lung"}
    assert np.array_equal(masks["heart"], (film(BOXES, 128) == 60).astype(np.uint8))
