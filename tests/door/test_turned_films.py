"""Films that their files hold turned or mirrored give the numbers of upright copies, and are exported and measured."""

import shutil
from xml.etree.ElementTree import parse

import cv2
import numpy as np
import pandas as pd
import pytest

import cxrfactory as cxr
from cxrfactory.config.export import ChosenImagesConfig, ShapesConfig
from cxrfactory.config.export_dicom import DicomExportConfig
from cxrfactory.config.measure import MeasureConfig
from cxrfactory.door.measured import measure_files
from cxrfactory.export.cvat import export_cvat
from cxrfactory.export.label_studio import export_label_studio, import_label_studio
from cxrfactory.export.nifti import export_nifti
from cxrfactory.export.nrrd import export_nrrd
from cxrfactory.imaging.turns import ORIENTATIONS, displayed, stored_points
from cxrfactory.tables.parquet import read_table
from tests.door.conftest import packed_product
from tests.export.dicom_films import film
from tests.export.test_annotation import annotated

TURNED = ORIENTATIONS[1:]
SIDEWAYS = ("FR", "HL")
BORDER = 0.03  # of the pixels of a mask


def measurements(target, output):
    measure_files([target], output, MeasureConfig())
    return pd.read_parquet(next(output.rglob("measurements*.parquet"))).set_index(["image_id", "measurement"])


def values(table):
    return table[["value", "low", "high", "excluded", "note"]]


@pytest.fixture(scope="module")
def upright(product, tmp_path_factory):
    return measurements(product, tmp_path_factory.mktemp("upright") / "out")


@pytest.mark.parametrize("letters", TURNED)
def test_every_number_of_a_row_is_that_of_the_upright_film(letters, product, tmp_path):
    found = read_table(packed_product(tmp_path, letters) / "Parquet" / "demo.parquet")
    expected = read_table(product / "Parquet" / "demo.parquet")
    geometry = {"original_height", "original_width", "crop_top", "crop_left", "crop_height", "crop_width"}
    same = [name for name in expected if name not in {*geometry, "orientation", "landmarks", "csv_start"}]
    organs = ["right_lung", "left_lung", "heart"]
    same = [name for name in same if name not in organs]
    assert "cardiothoracic_ratio" in same
    pd.testing.assert_frame_equal(found[same], expected[same])
    mine, theirs = cxr.open_product(tmp_path / "results" / "chexmask"), cxr.open_product(product)
    for image in mine:
        assert image.orientation == letters
        for organ, mask in image.masks.items():
            wanted = theirs[image.image_id].masks[organ]  # a contour's border pixels depend on its direction
            assert (displayed(mask, letters) != wanted).sum() < BORDER * wanted.sum()


@pytest.mark.parametrize("letters", TURNED)
def test_a_product_of_turned_films_is_measured_upright(letters, upright, tmp_path):
    found = measurements(packed_product(tmp_path / "run", letters), tmp_path / "out")
    pd.testing.assert_frame_equal(values(found), values(upright), rtol=BORDER)
    exact = ["ctr_columns", "ctr_rows", "heart_width", "thoracic_width", "right_lung_height", "ctr_landmarks"]
    assert found.loc[("a", exact), "value"].tolist() == upright.loc[("a", exact), "value"].tolist()
    key = ("a", "ctr_columns")
    there, here = (
        np.array([[each["x"], each["y"]] for each in table.loc[key, "points"]]) for table in (upright, found)
    )
    image = cxr.open_product(tmp_path / "run" / "results" / "chexmask")["a"]
    np.testing.assert_allclose(here, stored_points(there, letters, image.height, image.width), atol=1)


@pytest.mark.parametrize("letters", SIDEWAYS)
@pytest.mark.parametrize("export", [export_nifti, export_nrrd])
def test_exported_volumes_state_how_the_film_lies(export, letters, upright, tmp_path):
    export(packed_product(tmp_path / "run", letters), tmp_path / "masks", ChosenImagesConfig())
    found = measurements(tmp_path / "masks", tmp_path / "out")
    same = ["ctr_columns", "right_lung_height", "heart_width"]
    for name in [name for name in same if ("a", name) in upright.index]:
        assert found.loc[("a", name), "value"] == upright.loc[("a", name), "value"]
    assert ("a", "ctr_columns") in found.index


@pytest.mark.parametrize("letters", SIDEWAYS)
@pytest.mark.parametrize("shapes", ["masks", "polygons"])
def test_people_get_upright_pictures_and_their_masks_can_be_labelled(letters, shapes, product, tmp_path):
    run = packed_product(tmp_path / "run", letters)
    export_label_studio(run, tmp_path / "out", ChosenImagesConfig(), ShapesConfig(shapes=shapes))
    import_label_studio(annotated(tmp_path / "out"), tmp_path / "out", tmp_path / "back")
    upright = cxr.open_product(product)["a"].image()
    picture = cv2.imread(str(tmp_path / "back" / "images" / "demo" / "a.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(picture, upright)
    heart = cv2.imread(str(tmp_path / "back" / "masks" / "demo" / "a.heart.png"), cv2.IMREAD_UNCHANGED)
    stored = cxr.open_product(run)["a"].masks["heart"]
    np.testing.assert_array_equal(heart, 255 * displayed(stored, letters))


@pytest.mark.parametrize("letters", TURNED)
@pytest.mark.parametrize("shapes", ["masks", "polygons"])
def test_masks_in_cvat_lie_on_the_picture_that_people_see(letters, shapes, product, tmp_path):
    run = packed_product(tmp_path / "run", letters)
    export_cvat(run, tmp_path / "out", ChosenImagesConfig(), ShapesConfig(shapes=shapes))
    theirs, mine = cxr.open_product(product), cxr.open_product(run)
    for element in parse(tmp_path / "out" / "annotations.xml").iter("image"):
        picture = cv2.imread(str(tmp_path / "out" / "images" / element.get("name")), cv2.IMREAD_UNCHANGED)
        image_id = element.get("name").removeprefix("demo/").removesuffix(".png")
        np.testing.assert_array_equal(picture, theirs[image_id].image())
        assert picture.shape == (int(element.get("height")), int(element.get("width")))
        for organ, mask in mine[image_id].masks.items():
            found = np.zeros_like(picture)
            for each in element:
                if each.get("label") == organ:
                    found |= cvat_mask(each, picture.shape)
            np.testing.assert_array_equal(found, displayed(mask, letters))


def cvat_mask(element, shape):
    """What CVAT draws of a shape, by the documentation of its format."""
    found = np.zeros(shape, np.uint8)
    if element.tag == "mask":
        left, top, width, height = (int(element.get(name)) for name in ("left", "top", "width", "height"))
        runs = [int(each) for each in element.get("rle").split(",")]
        flat = np.repeat(np.arange(len(runs)) % 2, runs)
        found[top : top + height, left : left + width] = flat.reshape(height, width)
        return found
    vertices = [[float(number) - 0.5 for number in pair.split(",")] for pair in element.get("points").split(";")]
    return cv2.fillPoly(found, [np.rint(vertices).astype(np.int32)], 1)


@pytest.mark.parametrize("letters", SIDEWAYS)
def test_a_dicom_segmentation_states_how_the_film_lies(letters, upright, tmp_path):
    hd = pytest.importorskip("highdicom")
    from cxrfactory.export.dicom_folder import export_dicom

    product = packed_product(tmp_path / "run", letters)
    shape = cxr.open_product(product)["a"].image().shape
    for number, name in enumerate("abc"):
        made = film(number, np.full(shape, 9, np.uint16), PatientOrientation=list(letters), ImagerPixelSpacing=[1, 1])
        made.save_as(tmp_path / "run" / "release" / f"{name}.png", enforce_file_format=True)
    export_dicom(product, tmp_path / "masks", ChosenImagesConfig(), DicomExportConfig(with_measurements=True))
    ratio = upright.loc[("a", "ctr_columns"), "value"]
    for path in (tmp_path / "masks").rglob("*.sr.dcm"):
        (group,) = hd.sr.srread(str(path)).content.get_image_measurement_groups()
        (one,) = [each.value for each in group.get_measurements() if each.name.meaning == "Cardiothoracic ratio"]
        if path.name.startswith("a"):
            assert one == pytest.approx(ratio, abs=1e-6)
        path.unlink()
    shutil.rmtree(tmp_path / "run")
    found = measurements(tmp_path / "masks", tmp_path / "out")
    assert sorted(found.xs("ctr_columns", level=1)["value"]) == sorted(upright.xs("ctr_columns", level=1)["value"])
