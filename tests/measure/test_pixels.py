import pydicom
import pytest
from pydicom.dataset import FileMetaDataset

from cxrfactory.config import MeasureConfig
from cxrfactory.measure.one import measure_items
from cxrfactory.measure.pixels import pixel_mm, stated_mm
from tests.measure.phantoms import item


def dicom(path, **elements):
    """Write a header without pixels."""
    header = pydicom.Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = pydicom.uid.DigitalXRayImageStorageForPresentation
    header.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    for name, value in elements.items():
        setattr(header, name, value)
    header.save_as(path, enforce_file_format=True)
    return path


def values(one):
    return {row["measurement"]: (row["value"], row["unit"]) for row in measure_items([one], MeasureConfig()).rows}


def test_lengths_and_areas_are_in_mm_only_where_the_size_is_stated():
    plain, sized = values(item()), values(item(spacing_mm=(0.5, 0.5)))
    assert (plain["heart_width"], sized["heart_width"]) == ((60.0, "px"), (30.0, "mm"))
    assert (plain["right_lung_area"], sized["right_lung_area"]) == ((3200.0, "px2"), (800.0, "mm2"))
    for name, (value, unit) in plain.items():
        if unit in ("ratio", "degree", "count"):
            assert sized[name] == (value, unit)
        elif value is not None:
            power = {"px": 1, "px2": 2}[unit]
            assert sized[name] == (pytest.approx(value * 0.5**power), unit.replace("px", "mm"))


def test_the_interval_is_in_mm_as_well():
    (sized,) = [
        row
        for row in measure_items([item(spacing_mm=(0.5, 0.5))], MeasureConfig()).rows
        if row["measurement"] == "heart_width"
    ]
    assert 29 < sized["low"] < 30 < sized["high"] < 31


@pytest.mark.parametrize(
    ("elements", "stated"),
    [
        ({"PixelSpacing": [0.14, 0.14]}, (0.14, 0.14)),
        ({"PixelSpacing": [0.14, 0.14], "ImagerPixelSpacing": [0.2, 0.2]}, (0.14, 0.14)),
        ({"ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2)),
        ({"NominalScannedPixelSpacing": [0.3, 0.3]}, (0.3, 0.3)),
        ({"PixelSpacing": [0, 0]}, None),
        ({"Rows": 7}, None),
    ],
)
def test_a_header_states_the_size_of_its_pixels(tmp_path, elements, stated):
    assert stated_mm(dicom(tmp_path / "a.dcm", **elements)) == stated


def test_pictures_missing_and_damaged_files_state_none(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"no film")
    assert stated_mm(tmp_path / "a.dcm") is None
    assert stated_mm(tmp_path / "none.dcm") is None
    assert stated_mm(dicom(tmp_path / "b.png", PixelSpacing=[0.1, 0.1])) is None


def test_the_products_size_goes_before_the_header(tmp_path):
    film = dicom(tmp_path / "a.dcm", PixelSpacing=[0.14, 0.14])
    assert pixel_mm(item(film=film)) == 0.14
    assert pixel_mm(item(film=film, spacing_mm=(0.7, 0.7))) == 0.7


def test_pixels_that_are_not_square_are_refused():
    made = measure_items([item(spacing_mm=(0.2, 0.3)), item("b")], MeasureConfig())
    reason = "pixels of 0.2 x 0.3 mm; expected square ones, because angles are measured"
    assert made.rejected == [("demo", "a", reason)]
    assert [row["image_id"] for row in made.images] == ["b"]
