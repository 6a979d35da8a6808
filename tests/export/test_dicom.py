import csv
import shutil
import sys

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner

import cxrfactory as cxr
from cxrfactory.cli.application import build_app
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.export_dicom import DicomExportConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.screening import AS_STORED
from tests.export.dicom_films import (
    SPACING_MM,
    dciodvfy_errors,
    dcmqi_masks,
    film,
    run,
    with_dicom_films,
)

hd = pytest.importorskip("highdicom")
from cxrfactory.export.colours import colour_of  # noqa: E402
from cxrfactory.export.dicom_folder import export_dicom  # noqa: E402
from cxrfactory.export.dicom_source import NO_DATE  # noqa: E402

MODES = ["de-identified", "for-archive"]
PERSONAL = ("DOE", "MRN", "GENERAL HOSPITAL", "ROOM 1", "19500102", "20200304", "REF^DR", "1.2.3.")


@pytest.fixture(scope="module")
def dicom(chexmask, tmp_path_factory):
    """Folder of a product whose films are DICOM."""
    return with_dicom_films(chexmask, tmp_path_factory.mktemp("dicom") / "run")


@pytest.fixture(scope="module")
def exported(dicom, tmp_path_factory):
    """Folder of an export of all images, with images and measurements, in each mode."""
    folder = tmp_path_factory.mktemp("exported")
    for mode in MODES:
        options = DicomExportConfig(mode=mode, with_images=True, with_measurements=True)
        assert export_dicom(dicom, folder / mode, ChosenImagesConfig(), options) == 3
    return folder


def rows(folder):
    with (folder / "index.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("mode", MODES)
def test_highdicom_reads_back_masks_names_codes_and_colours(dicom, exported, mode):
    for image in cxr.open_product(dicom):
        seg = hd.seg.segread(str(exported / mode / "demo" / f"{image.image_id}.seg.dcm"))
        assert seg.SegmentationType == "BINARY"
        for number, (frame, (name, mask)) in enumerate(zip(seg.pixel_array, image.masks.items(), strict=True), 1):
            np.testing.assert_array_equal(frame, mask)
            segment = seg.get_segment_description(number)
            kind = segment.SegmentedPropertyTypeCodeSequence[0]
            assert segment.SegmentLabel == name.replace("_", " ")
            assert segment.SegmentAlgorithmType == "AUTOMATIC"
            parameters = segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
            assert parameters == f"weights_sha256={'ab' * 32}"
            value = segment.RecommendedDisplayCIELabValue
            assert hd.color.CIELabColor.from_dicom_value(value).to_rgb(clip=True) == colour_of(name)
            assert kind.CodeValue == {"heart": "80891009"}.get(name, "39607008")
            if name != "heart":
                side = kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning
                assert side == name.split("_")[0].capitalize()
        overlap = seg.pixel_array.astype(int).sum(axis=0).max()
        assert overlap > 1  # the heart overlaps a lung


@pytest.mark.parametrize("mode", MODES)
def test_the_index_names_objects_that_refer_to_the_image(exported, mode):
    for row in rows(exported / mode):
        image, seg, told = (
            pydicom.dcmread(exported / mode / row[name]) for name in ("image", "segmentation", "report")
        )
        assert image.SOPInstanceUID == row["image_uid"]
        assert (seg.SOPInstanceUID, told.SOPInstanceUID) == (row["segmentation_uid"], row["report_uid"])
        referenced = seg.ReferencedSeriesSequence[0]
        assert referenced.SeriesInstanceUID == image.SeriesInstanceUID
        assert referenced.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
        evidence = told.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
        assert [each.ReferencedSOPInstanceUID for each in evidence] == [image.SOPInstanceUID]
        assert len({each.StudyInstanceUID for each in (image, seg, told)}) == 1
        assert "FrameOfReferenceUID" not in seg  # the plane claims no place in the patient


def test_for_archive_keeps_patient_study_and_uids(dicom, exported):
    for number, name in enumerate("abc"):
        original = film(number)
        copied = exported / "for-archive" / "demo" / f"{name}.dcm"
        assert copied.read_bytes() == (dicom.parents[1] / "release" / f"{name}.png").read_bytes()
        for kind in ("seg", "sr"):
            made = pydicom.dcmread(exported / "for-archive" / "demo" / f"{name}.{kind}.dcm")
            for field in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
                          "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"):  # fmt: skip
                assert made[field].value == original[field].value, field
            assert made.SOPInstanceUID != original.SOPInstanceUID
            assert made.SeriesInstanceUID != original.SeriesInstanceUID
        seg = pydicom.dcmread(exported / "for-archive" / "demo" / f"{name}.seg.dcm")
        assert seg.PatientOrientation == ["L", "F"]


def test_de_identified_takes_nothing_but_spacing_and_pixels(dicom, exported):
    dates = []
    for path in sorted((exported / "de-identified").rglob("*.dcm")):
        found = pydicom.dcmread(path)
        found.walk(lambda _, element: dates.append(element) if element.VR in ("DA", "DT", "TM") else None)
        text = path.read_bytes()
        assert [word for word in PERSONAL if word.encode() in text] == [], path
        assert found.PatientIdentityRemoved == "YES" or found.Modality == "SR"
        assert (found.PatientName, found.PatientID) == ("", path.name.split(".")[0])
    assert {element.value for element in dates} <= {"", NO_DATE, "000000", f"{NO_DATE}000000"}
    for name in "abc":
        image = pydicom.dcmread(exported / "de-identified" / "demo" / f"{name}.dcm")
        stored = cxr.read_radiograph(dicom.parents[1] / "release" / f"{name}.png", checks=AS_STORED).pixels
        np.testing.assert_array_equal(image.pixel_array, stored)
        assert [float(each) for each in image.PixelSpacing] == [float(each) for each in SPACING_MM]


def test_measurements_are_the_products(dicom, exported):
    for image in cxr.open_product(dicom):
        told = hd.sr.srread(str(exported / "for-archive" / "demo" / f"{image.image_id}.sr.dcm"))
        group = told.content.get_image_measurement_groups()[0]
        found = {each.name.meaning: each.value for each in group.get_measurements()}
        masks = image.masks
        lungs = (masks["left_lung"] | masks["right_lung"]).astype(bool)
        ratio = cxr.cardiothoracic_ratio(lungs, masks["heart"].astype(bool))
        assert found.pop("Cardiothoracic ratio") == pytest.approx(ratio, abs=1e-6)
        assert found.pop("Dice by reverse classification accuracy") == pytest.approx(image.scores["dice_rca_mean"])
        assert found == {}  # this product has no estimate of Dice


def test_the_same_product_gives_the_same_bytes(dicom, exported, tmp_path):
    for mode in MODES:
        options = DicomExportConfig(mode=mode, with_images=True, with_measurements=True)
        export_dicom(dicom, tmp_path / mode, ChosenImagesConfig(images=["b"]), options)
        for path in (tmp_path / mode / "demo").iterdir():
            assert path.read_bytes() == (exported / mode / "demo" / path.name).read_bytes()


@pytest.mark.parametrize("mode", MODES)
def test_dciodvfy_finds_no_error(exported, mode):
    for path in sorted((exported / mode).rglob("*.dcm")):
        if mode == "de-identified" or path.stem.endswith((".seg", ".sr")):
            assert dciodvfy_errors(path) == [], path.name


def test_dcmtk_reads_the_report(exported):
    code, said = run("dsrdump", exported / "de-identified" / "demo" / "a.sr.dcm")
    assert code == 0
    assert '"Cardiothoracic ratio")=' in said
    assert "IMAGE" in said


@pytest.mark.parametrize("mode", MODES)
def test_dcmqi_gives_back_the_masks(dicom, exported, mode, tmp_path):
    image = cxr.open_product(dicom)["a"]
    found, volume = dcmqi_masks(exported / mode / "demo" / "a.seg.dcm", tmp_path / "q")
    assert list(found) == [name.replace("_", " ") for name in image.masks]
    for name, mask in image.masks.items():
        np.testing.assert_array_equal(found[name.replace("_", " ")], mask)
    assert volume.GetSpacing() == (float(SPACING_MM[1]), float(SPACING_MM[0]), 1.0)


def test_every_product_can_be_exported(product, tmp_path):
    options = DicomExportConfig(with_images=True, with_measurements=True)
    opened = cxr.open_product(product)
    images = [each for each in opened if any(mask.any() for mask in each.masks.values())]
    assert export_dicom(product, tmp_path / "out", ChosenImagesConfig(), options) == len(images)
    index = {(row["release"], row["image_id"]): row for row in rows(tmp_path / "out")}
    for image in images:
        row = index[image.release, image.image_id]
        seg = hd.seg.segread(str(tmp_path / "out" / row["segmentation"]))
        masks = {name: mask for name, mask in image.masks.items() if mask.any()}
        for frame, mask in zip(seg.pixel_array.reshape(-1, image.height, image.width), masks.values(), strict=True):
            np.testing.assert_array_equal(frame, mask)
        film_made = pydicom.dcmread(tmp_path / "out" / row["image"])
        np.testing.assert_array_equal(film_made.pixel_array.shape, (image.height, image.width))
        assert dciodvfy_errors(tmp_path / "out" / row["segmentation"]) == []
    if opened.kind == "radgenome":
        assert float(film_made.PixelSpacing[0]) == pytest.approx(image.pixel_mm)
        studies = {pydicom.dcmread(tmp_path / "out" / row["image"]).StudyInstanceUID for row in index.values()}
        assert len(studies) == len({image.group_id for image in images})


def test_without_the_films_only_the_spacing_is_missing(dicom, exported, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(dicom, alone)
    export_dicom(alone, tmp_path / "out", ChosenImagesConfig(images=["a"]))
    made, known = (
        hd.seg.segread(str(folder / "demo" / "a.seg.dcm")) for folder in (tmp_path / "out", exported / "de-identified")
    )
    assert made.SOPInstanceUID == known.SOPInstanceUID
    np.testing.assert_array_equal(made.pixel_array, known.pixel_array)
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [1, 1]


def test_faults_are_one_line(chexmask, tmp_path):
    archive = DicomExportConfig(mode="for-archive")
    with pytest.raises(CxrError, match=r"a: a\.png is not DICOM, so no archive holds its study; use --mode de-ident"):
        export_dicom(chexmask, tmp_path / "out", ChosenImagesConfig(images=["a"]), archive)
    changed = with_dicom_films(chexmask, tmp_path / "run")
    films = changed.parents[1] / "release"
    for fields, said in (
        ({"SeriesInstanceUID": ""}, "its DICOM file has no SeriesInstanceUID; an archive cannot place"),
        ({"Rows": 64}, r"DICOM of \(64, 96\) pixels; the masks have \(128, 96\)"),
    ):
        film(0, **fields).save_as(films / "a.png", enforce_file_format=True)
        with pytest.raises(CxrError, match=said):
            export_dicom(changed, tmp_path / "out", ChosenImagesConfig(images=["a"]), archive)
    film(0, BurnedInAnnotation="YES").save_as(films / "a.png", enforce_file_format=True)
    with pytest.raises(CxrError, match=r"^a: burnt-in annotation: .* may name the patient; leave this image out"):
        export_dicom(changed, tmp_path / "out", ChosenImagesConfig(images=["a"]), DicomExportConfig(with_images=True))
    assert not (tmp_path / "out").exists()


def test_values_that_the_standard_forbids_do_not_stop_an_archive(chexmask, tmp_path):
    changed = with_dicom_films(chexmask, tmp_path / "run")
    odd = film(0, PatientSex="W")
    del odd.AccessionNumber, odd.ReferringPhysicianName, odd.PatientBirthDate
    odd.save_as(changed.parents[1] / "release" / "a.png", enforce_file_format=True)
    options = DicomExportConfig(mode="for-archive", with_measurements=True)
    export_dicom(changed, tmp_path / "out", ChosenImagesConfig(images=["a"]), options)
    made = tmp_path / "out" / "demo" / "a.seg.dcm"
    assert (pydicom.dcmread(made).PatientName, pydicom.dcmread(made).PatientSex) == ("DOE^0", "")
    assert dciodvfy_errors(made) == dciodvfy_errors(tmp_path / "out" / "demo" / "a.sr.dcm") == []


def test_names_of_other_character_sets_stay(chexmask, tmp_path):
    changed = with_dicom_films(chexmask, tmp_path / "run")
    for charset, name in (("ISO_IR 100", "MÜLLER^ÅSA"), ("ISO_IR 144", "Иванов^Пётр")):
        film(0, SpecificCharacterSet=charset, PatientName=name).save_as(
            changed.parents[1] / "release" / "a.png", enforce_file_format=True
        )
        options = DicomExportConfig(mode="for-archive", with_measurements=True)
        export_dicom(changed, tmp_path / charset, ChosenImagesConfig(images=["a"]), options)
        for kind in ("seg", "sr"):
            assert pydicom.dcmread(tmp_path / charset / "demo" / f"a.{kind}.dcm").PatientName == name


def test_without_highdicom_the_command_says_what_to_install(dicom, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    words = ["export", "dicom-seg", str(dicom), "--output", str(tmp_path / "out")]
    with pytest.raises(
        CxrError, match=r'^DICOM exports need highdicom; install it: pip install "cxrfactory\[dicom\]"$'
    ):
        CliRunner().invoke(build_app(), words, catch_exceptions=False)
    assert not (tmp_path / "out").exists()
