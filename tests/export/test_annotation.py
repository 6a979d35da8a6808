"""Out to Label Studio and CVAT, and back: masks come back pixel for pixel, as a folder that label masks reads."""

import csv
import json
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config.export import ChosenImagesConfig, ShapesConfig
from cxrfactory.door.product import open_product
from cxrfactory.errors import CxrError
from cxrfactory.export.cvat import export_cvat, import_cvat
from cxrfactory.export.label_studio import export_label_studio, import_label_studio
from cxrfactory.export.shapes import polygons_of
from cxrfactory.labelling.mask_table import read_mask_rows
from tests.export.readers import brush_alpha, cvat_mask

EVERYTHING = ChosenImagesConfig()


def annotated(folder, change=lambda tasks: tasks):
    """Export of Label Studio in which a reader accepted all predictions."""
    tasks = json.loads((folder / "tasks.json").read_text())
    done = [
        {
            "id": place,
            "data": task["data"],
            "annotations": [{"completed_by": 1, "result": task["predictions"][0]["result"]}],
        }
        for place, task in enumerate(tasks)
    ]
    path = folder.parent / "export.json"
    path.write_text(json.dumps(change(done)))
    return path


def check_masks(folder, product, expected=None):
    """Compare a folder of masks with the product's masks."""
    opened = open_product(product)
    with (folder / "table.csv").open(newline="") as stream:
        rows = {row["image_id"]: row for row in csv.DictReader(stream)}
    assert set(rows) == (expected or {image.image_id for image in opened})
    for image_id, row in rows.items():
        image = opened[image_id]
        found = {name.removeprefix("mask_"): path for name, path in row.items() if name.startswith("mask_") and path}
        kept = {name: mask for name, mask in image.masks.items() if mask.any()}
        assert set(found) == {name.replace(" ", "_") for name in kept}
        for name, mask in kept.items():
            stored = cv2.imread(str(folder / found[name.replace(" ", "_")]), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(stored, 255 * mask)
        picture = cv2.imread(str(folder / row["file"]), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(picture, image.image())


@pytest.mark.parametrize("shapes", ["masks", "polygons"])
def test_label_studio_and_back(product, tmp_path, shapes):
    assert export_label_studio(product, tmp_path / "out", EVERYTHING, ShapesConfig(shapes=shapes)) == len(
        open_product(product)
    )
    export = annotated(tmp_path / "out")
    counts = import_label_studio(export, tmp_path / "out", tmp_path / "back")
    assert counts["rejected"] == 0
    check_masks(tmp_path / "back", product)


@pytest.mark.parametrize("shapes", ["masks", "polygons"])
def test_cvat_and_back(product, tmp_path, shapes):
    assert export_cvat(product, tmp_path / "out", EVERYTHING, ShapesConfig(shapes=shapes)) == len(open_product(product))
    counts = import_cvat(tmp_path / "out" / "annotations.xml", tmp_path / "out", tmp_path / "back")
    assert counts["rejected"] == 0
    check_masks(tmp_path / "back", product)


def test_tasks_are_those_that_label_studio_reads(chexmask, tmp_path):
    choice = ChosenImagesConfig(images=["b"], masks=["heart"])
    export_label_studio(chexmask, tmp_path / "out", choice, ShapesConfig(), prefix="https://studio/files/")
    (task,) = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert task["data"]["image"] == "https://studio/files/images/demo/b.png"
    (region,) = task["predictions"][0]["result"]
    image = open_product(chexmask)["b"]
    assert (region["original_height"], region["original_width"]) == (image.height, image.width)
    assert (region["from_name"], region["type"], region["value"]["format"]) == ("mask", "brushlabels", "rle")
    alpha = brush_alpha(region["value"]["rle"], image.height, image.width)
    np.testing.assert_array_equal(alpha, 255 * image.masks["heart"])
    view = ET.parse(tmp_path / "out" / "labelling.xml").getroot()
    assert [child.tag for child in view] == ["Image", "BrushLabels", "PolygonLabels"]
    assert [label.get("value") for label in view[1]] == ["heart"]


def test_xml_is_that_which_cvat_reads(chexmask, tmp_path):
    export_cvat(chexmask, tmp_path / "out", ChosenImagesConfig(images=["b"], masks=["heart"]), ShapesConfig())
    root = ET.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert root.find("version").text == "1.1"
    (element,) = root.findall("image")
    image = open_product(chexmask)["b"]
    assert (element.get("name"), element.get("width"), element.get("height")) == ("demo/b.png", "96", "128")
    (mask,) = element
    box = [int(mask.get(name)) for name in ("left", "top", "width", "height")]
    found = cvat_mask(mask.get("rle"), *box, (image.height, image.width))
    np.testing.assert_array_equal(found, image.masks["heart"])
    (label,) = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert label == {"name": "heart", "color": "#d55e00", "type": "any", "attributes": []}


def test_polygons_are_the_contours_with_few_vertices(chexmask):
    image = open_product(chexmask)["a"]
    nodes = landmark_graph("lungs-heart").slices
    for organ, mask in image.masks.items():
        (points,) = polygons_of(image, organ, mask)
        assert len(points) == nodes[organ].stop - nodes[organ].start
    holed = image.masks["heart"]
    rows, columns = np.nonzero(holed)
    holed[int(rows.mean()), int(columns.mean())] = 0
    assert polygons_of(image, "heart", holed) is None


def test_corrections_come_back_and_unusable_tasks_are_named(chexmask, tmp_path):
    export_label_studio(chexmask, tmp_path / "out", EVERYTHING, ShapesConfig(shapes="polygons"))

    def change(tasks):
        heart = next(
            each for each in tasks[0]["annotations"][0]["result"] if each["value"]["polygonlabels"] == ["heart"]
        )
        size = {"x": heart["original_width"], "y": heart["original_height"]}
        corners = [(10, 20), (30, 20), (30, 40.4), (10, 40)]
        heart["value"]["points"] = [[100 * (x + 0.5) / size["x"], 100 * (y + 0.5) / size["y"]] for x, y in corners]
        tasks[1]["annotations"][0]["was_cancelled"] = True
        tasks[2]["annotations"][0]["result"][0]["type"] = "keypointlabels"
        return tasks

    counts = import_label_studio(annotated(tmp_path / "out", change), tmp_path / "out", tmp_path / "back")
    assert counts == {"kept": 1, "rejected": 2}
    heart = cv2.imread(str(tmp_path / "back" / "masks" / "demo" / "a.heart.png"), cv2.IMREAD_UNCHANGED)
    expected = np.zeros_like(heart)
    expected[20:41, 10:31] = 255
    np.testing.assert_array_equal(heart, expected)
    rejected = (tmp_path / "back" / "rejected.csv").read_text().splitlines()
    assert rejected == [
        "image_id,reason",
        "b,skipped by the reader",
        "c,region of type 'keypointlabels'; expected brushes and polygons",
    ]
    rows = read_mask_rows(tmp_path / "back" / "table.csv", landmark_graph("lungs-heart"), {}, {})
    assert [(row.image_id, row.image, sorted(row.masks)) for row in rows] == [
        ("a", "images/demo/a.png", ["heart", "left_lung", "right_lung"])
    ]


def test_what_is_no_mask_does_not_reject_an_image_and_unfinished_polygons_do(chexmask, tmp_path):
    export_label_studio(chexmask, tmp_path / "out", EVERYTHING, ShapesConfig(shapes="polygons"))

    def change(tasks):
        answer = {"type": "choices", "from_name": "q", "to_name": "image", "value": {"choices": ["bad"]}}
        relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
        tasks[0]["annotations"][0]["result"] += [answer, relation]
        tasks[1]["annotations"][0]["result"][0]["value"]["points"][2:] = []
        return tasks

    export = annotated(tmp_path / "out", change)
    export.write_bytes(b"\xef\xbb\xbf" + export.read_bytes())  # a byte order mark, as editors of Windows write it
    counts = import_label_studio(export, tmp_path / "out", tmp_path / "back")
    assert counts == {"kept": 2, "rejected": 1}
    check_masks(tmp_path / "back", chexmask, {"a", "c"})
    rejected = (tmp_path / "back" / "rejected.csv").read_text().splitlines()
    assert rejected[1:] == ["b,polygon of 2 points; expected 3 or more: finish or delete it"]


def test_names_of_cvat_may_lack_or_have_folders(chexmask, tmp_path):
    export_cvat(chexmask, tmp_path / "out", EVERYTHING, ShapesConfig())
    text = (tmp_path / "out" / "annotations.xml").read_text()
    text = text.replace('name="demo/a.png"', 'name="a.png"').replace(
        'name="demo/b.png"', 'name="job/images/demo/b.png"'
    )
    (tmp_path / "changed.xml").write_text(text)
    import_cvat(tmp_path / "changed.xml", tmp_path / "out", tmp_path / "back")
    check_masks(tmp_path / "back", chexmask)
    (tmp_path / "changed.xml").write_text(text.replace('name="a.png"', 'name="z.png"'))
    with pytest.raises(CxrError, match=r"images\.csv: 0 images fit the name 'z\.png'; expected one"):
        import_cvat(tmp_path / "changed.xml", tmp_path / "out", tmp_path / "other")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html></html>", "not an export of CVAT"),
        ("<annotations><image", "not readable as XML"),
        (
            '<annotations><image name="demo/a.png" width="96" height="128"><box label="heart"/></image></annotations>',
            "none of 1 images can be used, first 'a': shape 'box'; expected masks and polygons",
        ),
        (
            '<annotations><image name="demo/a.png" width="90" height="128"/></annotations>',
            "first 'a': image of 128 x 90 pixels; its picture has 128 x 96",
        ),
        (
            '<annotations><image name="demo/a.png" width="96" height="128"><polygon label="heart" points="1,2;x"/>'
            "</image></annotations>",
            "polygon with points '1,2;x'; expected x,y;x,y",
        ),
    ],
)
def test_faults_of_an_xml_are_one_line(chexmask, tmp_path, text, said):
    export_cvat(chexmask, tmp_path / "out", ChosenImagesConfig(images=["a"]), ShapesConfig())
    (tmp_path / "bad.xml").write_text(text)
    with pytest.raises(CxrError, match=said) as error:
        import_cvat(tmp_path / "bad.xml", tmp_path / "out", tmp_path / "back")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "back").exists()
