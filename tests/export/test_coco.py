import json

import cv2
import numpy as np
import pytest

from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.door.product import open_product
from cxrfactory.errors import CxrError
from cxrfactory.export.coco import export_coco
from cxrfactory.export.coco_table import export_coco_table

EVERYTHING = ChosenImagesConfig()
READERS = ("pycocotools", "faster_coco_eval")


@pytest.fixture(params=READERS)
def load(request, monkeypatch):
    """Function that loads a COCO file with a program that is not ours."""
    if request.param == "pycocotools":
        return pytest.importorskip("pycocotools.coco", reason="pycocotools reads what was written").COCO
    return pytest.importorskip("faster_coco_eval", reason="faster-coco-eval reads what was written").COCO


def test_every_mask_reads_back_pixel_for_pixel(product, tmp_path, load):
    opened = open_product(product)
    counts = export_coco(product, tmp_path / "out", EVERYTHING)
    assert sum(counts.values()) == len(opened)
    found = {}
    for release in counts:
        coco = load(str(tmp_path / "out" / f"{release}.json"))
        for image_id, record in coco.imgs.items():
            anns = coco.loadAnns(coco.getAnnIds(imgIds=[image_id]))
            masks = {coco.cats[ann["category_id"]]["name"]: coco.annToMask(ann) for ann in anns}
            found[release, record["image_id"]] = masks
            for ann in anns:
                rows, columns = np.nonzero(coco.annToMask(ann))
                box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
                assert (ann["bbox"], ann["area"], ann["iscrowd"]) == (box, len(rows), 0)
    for image in opened:
        masks = found.pop((image.release, image.image_id))
        assert sorted(masks) == sorted(name for name, mask in image.masks.items() if mask.any())
        for name, mask in masks.items():
            np.testing.assert_array_equal(mask, image.masks[name])
    assert not found


def test_file_names_lead_to_the_images(chexmask, radgenome, cxlseg, tmp_path):
    roots = {"chexmask": chexmask.parents[1] / "release", "radgenome": radgenome, "cxlseg": cxlseg}
    for name, folder in (("chexmask", chexmask), ("radgenome", radgenome), ("cxlseg", cxlseg)):
        for release in export_coco(folder, tmp_path / name, EVERYTHING):
            images = json.loads((tmp_path / name / f"{release}.json").read_text())["images"]
            for each in images:
                picture = cv2.imread(str(roots[name] / each["file_name"]), cv2.IMREAD_UNCHANGED)
                assert picture.shape == (each["height"], each["width"])


def test_pictures_are_written_beside_the_file(chexmask, tmp_path):
    export_coco(chexmask, tmp_path / "out", ChosenImagesConfig(images=["b"]), pictures=True)
    (record,) = json.loads((tmp_path / "out" / "demo.json").read_text())["images"]
    assert record["file_name"] == "images/demo/b.png"
    found = cv2.imread(str(tmp_path / "out" / record["file_name"]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(found, open_product(chexmask)["b"].image())


def test_nothing_that_exists_is_replaced_and_a_failure_leaves_nothing(chexmask, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(CxrError, match=r"folder exists and holds 'notes\.txt'; name a new folder"):
        export_coco(chexmask, tmp_path / "mine", EVERYTHING)
    with pytest.raises(CxrError, match="no image 'zz'"):
        export_coco(chexmask, tmp_path / "new", ChosenImagesConfig(images=["a", "zz"]))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_table_gives_the_masks_of_its_product(chexmask, tmp_path):
    (table,) = (chexmask / "OriginalResolution").glob("*.csv")
    (release,) = export_coco(chexmask, tmp_path / "product", EVERYTHING)
    counts = export_coco_table(table, tmp_path / "table", EVERYTHING)
    assert list(counts) == [table.stem]
    product, found = (
        json.loads((tmp_path / place).read_text()) for place in (f"product/{release}.json", f"table/{table.stem}.json")
    )
    assert found["annotations"] == product["annotations"]
    assert [each["name"] for each in found["categories"]] == [each["name"] for each in product["categories"]]
    some = ChosenImagesConfig(images=["b"], masks=["heart"])
    assert export_coco_table(table, tmp_path / "some", some) == {table.stem: 1}
    (one,) = json.loads((tmp_path / "some" / f"{table.stem}.json").read_text())["annotations"]
    assert one["category_id"] == next(each["id"] for each in found["categories"] if each["name"] == "heart")


def test_exchanged_columns_of_a_table_are_a_warning(tmp_path, caplog):
    table = tmp_path / "table.csv"
    rows = [f"{image_id},1 2,7 2,,4,8" for image_id in "abc"]
    table.write_text("\n".join(["image_id,Left Lung,Right Lung,Heart,Height,Width", *rows]) + "\n")
    export_coco_table(table, tmp_path / "out", EVERYTHING)
    assert "in 3 of 3 rows, the left lung lies on the left of the picture" in caplog.text


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"images": ["nobody"]}, "no image 'nobody'"),
        ({"masks": ["liver"]}, "has no mask 'liver'; found right_lung, left_lung, heart"),
        ({"releases": ["x"]}, "with --releases; that option is for products"),
    ],
)
def test_faults_of_a_choice_from_a_table_are_one_line(chexmask, tmp_path, choice, said):
    (table,) = (chexmask / "OriginalResolution").glob("*.csv")
    with pytest.raises(CxrError, match=said):
        export_coco_table(table, tmp_path / "out", ChosenImagesConfig(**choice))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["a,1 2,,,4,4", "b,2 1 9,,,4,4"], "table.csv: image 'b', column 'Left Lung': RLE: 3 numbers"),
        (["a,1 2,,,4,4", "b,,,,4,4", "a,1 2,,,4,4"], "table.csv: image 'a' has two rows; expected one"),
    ],
)
def test_a_wrong_row_of_a_table_is_named(tmp_path, rows, said):
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["image_id,Left Lung,Right Lung,Heart,Height,Width", *rows]) + "\n")
    with pytest.raises(CxrError, match=said):
        export_coco_table(table, tmp_path / "out", EVERYTHING)
    assert not (tmp_path / "out").exists()
