from dataclasses import replace

import cv2
import numpy as np
import pytest

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.radiograph.intensity import Clahe, apply_clahe
from cxrfactory.imaging.radiograph.masked import Closing, cut_out, encode_jpeg, small_square
from cxrfactory.models import registry
from cxrfactory.products.cxlseg.shard import PICTURES, lung_finder, make_pictures
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import REJECTED
from cxrfactory.tables.weights import write_weights
from tests.models import stub_pixels

from .segmented import Release, radiograph, recipe, shards_of


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_picture_is_image_and_mask_before_jpeg_and_the_segmenter_sees_clahe():
    pixels, seen = radiograph(3), []

    def find(image):
        seen.append(image)
        return image > 120

    how = recipe(size=64, clahe=Clahe(2.0, 4), closing=Closing(5))
    made = make_pictures(pixels, find, how)
    plain = small_square(pixels, 64)
    shown = apply_clahe(plain, Clahe(2.0, 4))
    np.testing.assert_array_equal(seen[0], shown)
    mask = Closing(5).apply((shown > 120).astype(np.uint8))
    np.testing.assert_array_equal(decoded(made["mask_png"]), mask)
    np.testing.assert_array_equal(decoded(made["mask"]) >= 128, mask == 255)
    assert made["image"] == encode_jpeg(cut_out(plain, mask), 95)
    assert made["mask_share"] == (mask == 255).mean()
    enhanced = make_pictures(pixels, find, replace(how, enhanced=True, mask_png=False))
    assert enhanced["image"] == encode_jpeg(cut_out(shown, mask), 95)
    assert enhanced["mask_png"] is None


@pytest.mark.parametrize(
    ("find", "closing", "words"),
    [
        (lambda image: image > 255, Closing(), "finds no lung"),
        (lambda image: image >= 0, Closing(), "covers 100% of the picture; expected lungs, 80% at most"),
        (lambda image: np.arange(image.size).reshape(image.shape) == 900, Closing(3, 0, 1), "after its erosions"),
    ],
)
def test_image_without_a_lung_is_at_fault(find, closing, words):
    with pytest.raises(ImageError, match=words):
        make_pictures(radiograph(1), find, recipe(size=64, clahe=Clahe(2.0, 8), closing=closing))


def test_images_with_a_report_are_kept_or_rejected_with_a_reason(tmp_path):
    named = shards_of(Release().write(tmp_path), tmp_path / "shards", workers=2)
    made = read_table(named["pictures"][0], PICTURES)
    assert made["image_id"].tolist() == [f"i{number}" for number in range(7)]
    assert read_table(named["rejected"][0], REJECTED).to_dict("records") == [
        {"image_id": "lost", "path": "files/s2/lost.png", "stage": "cxlseg", "reason": "no such file"}
    ]
    for row in made.to_dict("records"):
        expected = small_square(radiograph(int(row["image_id"][1:])), 64)
        mask = decoded(row["mask_png"])
        np.testing.assert_array_equal(mask == 255, Closing(3).apply((expected >= 102).astype(np.uint8)) == 255)
        assert row["image"] == encode_jpeg(cut_out(expected, mask), 95)


def test_shards_and_workers_change_no_row(tmp_path):
    tables = Release().write(tmp_path)
    whole = read_table(shards_of(tables, tmp_path / "one")["pictures"][0])
    rows = {row["image_id"]: row for row in whole.to_dict("records")}
    found = {}
    for path in shards_of(tables, tmp_path / "three", 3, 2)["pictures"]:
        found |= {row["image_id"]: row for row in read_table(path).to_dict("records")}
    assert found == rows
    again = shards_of(tables, tmp_path / "again")
    assert again["pictures"][0].read_bytes() == (tmp_path / "one/0-of-1.parquet").read_bytes()


def test_segmenter_without_lungs_is_refused(tmp_path):
    path = tmp_path / "h.safetensors"
    write_weights(path, {"threshold": np.array(0.4, np.float32)}, stub_pixels.card(("heart",), (64, 64)))
    with pytest.raises(CxrError, match=r"a segmenter of .*heart.*expected one that finds right_lung, left_lung"):
        lung_finder(path)(np.zeros((64, 64), np.uint8))


@pytest.mark.parametrize(("shard", "workers", "words"), [(3, 1, "shard 3 of 3"), (0, 0, "0 workers")])
def test_impossible_shards_and_workers_are_refused(tmp_path, shard, workers, words):
    from cxrfactory.products.cxlseg.inputs import ReportTables
    from cxrfactory.products.cxlseg.shard import cxlseg_shard

    places = [ReportTables(tmp_path, tmp_path, tmp_path), tmp_path, tmp_path]
    with pytest.raises(CxrError, match=words):
        cxlseg_shard(*places, shard, 3, tmp_path / "o", tmp_path / "r", recipe(), workers=workers)
