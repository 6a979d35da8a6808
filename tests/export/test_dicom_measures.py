"""Measurements of masks in a DICOM SR: values, units, and the points on the image."""

import numpy as np
import pytest

import cxrfactory as cxr
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.export_dicom import DicomExportConfig
from cxrfactory.export.dicom_folder import export_dicom
from tests.export.dicom_films import dciodvfy_errors, run

hd = pytest.importorskip("highdicom")


@pytest.fixture(scope="module")
def exported(radgenome, tmp_path_factory):
    """Folder of reports of projected studies, whose pixel size is known."""
    folder = tmp_path_factory.mktemp("exported") / "out"
    options = DicomExportConfig(with_measurements=True, with_images=True)
    export_dicom(radgenome, folder, ChosenImagesConfig(), options)
    return folder


def reports(folder):
    return sorted(folder.rglob("*.sr.dcm"))


def measured(path):
    group = hd.sr.srread(str(path)).content.get_image_measurement_groups()[0]
    return {each.name.meaning: each for each in group.get_measurements()}


def points(measurement):
    """Points (x, y) of a measurement, with integers at pixel centres."""
    found = [item.value for item in measurement[0].ContentSequence if item.ValueType == "SCOORD"]
    return [np.asarray(each) - 0.5 for each in found]


def test_values_units_and_points_are_those_of_the_masks(radgenome, exported):
    product = cxr.open_product(radgenome)
    image = product["a1/PA"]
    (path,) = [each for each in reports(exported) if "a1" in str(each) and "PA" in str(each)]
    found = measured(path)
    columns = np.flatnonzero(image.masks["heart"].any(axis=0))
    width = found["Transverse cardiac width"]
    assert width.value == pytest.approx((np.ptp(columns) + 1) * image.pixel_mm, rel=1e-5)
    assert width.unit.value == "mm"
    (line,) = points(width)
    assert line[:, 0].tolist() == [columns[0] - 0.5, columns[-1] + 0.5]
    area = found["Area of the left lung"]
    assert (area.value, area.unit.value) == (pytest.approx(image.masks["left lung"].sum() * image.pixel_mm**2), "mm2")
    ratio = found["Cardiothoracic ratio"]
    lungs = image.masks["left lung"] | image.masks["right lung"]
    assert ratio.value == pytest.approx(cxr.cardiothoracic_ratio(lungs, image.masks["heart"]), abs=1e-6)
    assert ratio.unit.value == "{ratio}"
    assert len(points(ratio)) == 2  # the heart's width and the thorax's


def test_dciodvfy_finds_no_error_in_reports_with_points(exported):
    assert len(reports(exported)) == 3  # the lateral views of these studies have one lung, and nothing to report
    for path in reports(exported):
        assert dciodvfy_errors(path) == [], path.name


def test_dcmtk_reads_the_points(exported):
    code, said = run("dsrdump", reports(exported)[0])
    assert code == 0
    assert "SCOORD" in said
    assert "POLYLINE" in said
