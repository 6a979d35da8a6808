"""Releases in the layouts of hospitals, full of marks; what the layouts name (ids, paths, views, findings) has none."""

import csv
import gzip
import io
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from tests.drr.conftest import NAMES, SPACING_MM, volumes
from tests.privacy.broken import broken_radiographs
from tests.privacy.headers import ct_slice, file_bytes, radiograph
from tests.privacy.marks import mark
from tests.privacy.pictures import chest, jpeg, png

GOOD = 4


def dicom_chest(number: int) -> bytes:
    """A readable DICOM radiograph; only the first has every field, which takes a second to make."""
    return file_bytes(radiograph(chest(number).astype(np.uint16) * 16, full=number == 0))


def _table(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    text = stream.getvalue().encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def vindr(root: Path) -> None:
    """VinDr-CXR: good and broken DICOM files; the readers' names are marks."""
    files = {f"good{number}": dicom_chest(number) for number in range(GOOD)} | broken_radiographs()
    (root / "train").mkdir(parents=True)
    for name, data in files.items():
        (root / "train" / f"{name}.dicom").write_bytes(data)
    ids = [*files, "absent"]
    rows = [{"image_id": name, "rad_id": mark(), "class_name": "Nodule/Mass", "note": mark()} for name in ids]
    _table(root / "train.csv", rows)


def candid(root: Path) -> None:
    """CANDID-PTX: the file name's second part and the report are marks."""
    rows = []
    (root / "dataset").mkdir(parents=True)
    for number in range(2):
        uid = f"1.2.3.{number}"
        (root / "dataset" / uid).write_bytes(dicom_chest(number + 1))
        name = f"P{number}_{mark()}_{mark('DA')}"
        rows.append({"SOPInstanceUID": uid, "EncodedPixels": "-1", "Report": mark(), "filename": name})
    _table(root / "Pneumothorax_reports.csv", rows)


def indiana(root: Path) -> None:
    """Indiana University: PNG and JPEG with metadata, a table of DICOM headers, XML reports with authors."""
    rows = []
    (root / "images").mkdir(parents=True)
    (root / "reports").mkdir()
    for number in range(GOOD):
        name = f"CXR{number}_IM-0001-1001"
        picture = (png if number % 2 else jpeg)(chest(number))
        (root / "images" / f"{name}.png").write_bytes(picture if number < GOOD - 1 else picture[:900])
        # Fifty years apart: the age leaves, the dates do not.
        rows.append(
            {"imageid": name, "Patient ID": f"P{number}", "Patient's Sex": "F", "View Position": "PA",
             "Patient's Birth Date": "10660512", "Study Date": "11160512", "Patient's Name": mark(),
             "Accession Number": mark(), "Institution Name": mark(), "Referring Physician's Name": mark()}
        )  # fmt: skip
        (root / "reports" / f"{number}.xml").write_text(_report(number))
    (root / "reports" / "broken.xml").write_text(f"<eCitation><note>{mark()}</note><uId id='CXR9'/>")
    (root / "reports" / "label.xml").write_text(_report(8).replace('Label="FINDINGS"', f'Label="{mark()}"'))
    _table(root / "nlmcxr_dicom_metadata.csv.gz", rows)


def _report(number: int) -> str:
    return (
        f'<eCitation><meta id="{mark()}"/><uId id="CXR{number}"/><IUXRId id="{mark()}"/>'
        f"<Author>{mark('PN')}</Author><Date>{mark('DA')}</Date><!-- {mark()} -->"
        f'<AbstractText Label="FINDINGS">The lungs are clear.</AbstractText><AbstractText Label="IMPRESSION">'
        f"No acute disease.</AbstractText><parentImage id='{mark()}'><caption>{mark()}</caption></parentImage>"
        "</eCitation>"
    )


def tables_alone(root: Path) -> list[str]:
    """Tables of the other layouts, with marks in every column that is no manifest's; returns the layouts."""
    other = {
        "Report": mark(),
        "StudyTime": mark("TM"),
        "AccessionNumber": mark(),
        "Comment": f"{mark('PN')} {mark('DA')}",
    }
    path = "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg"
    rows = {
        "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz": {
            "dicom_id": "a", "subject_id": "10000032", "study_id": "50414267", "ViewPosition": "PA",
            "PerformedProcedureStepDescription": mark(), "StudyDate": mark("DA"),
            "ViewCodeSequence_CodeMeaning": mark()},
        "chexpert/train.csv": {
            "Path": path, "Sex": "Female", "Age": "68", "Frontal/Lateral": "Frontal", "AP/PA": "AP", "No Finding": "",
            "Edema": "1.0"},
        "padchest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv": {
            "ImageID": "a.png", "ImageDir": "0", "StudyDate_DICOM": "11160512", "StudyID": "s1", "PatientID": "p1",
            "PatientBirth": "1066", "PatientSex_DICOM": "F", "Projection": "PA", "Labels": "['normal']"},
        "chestx-ray8/Data_Entry_2017.csv": {
            "Image Index": "00000001_000.png", "Finding Labels": "No Finding", "Follow-up #": "0", "Patient ID": "1",
            "Patient Age": "058Y", "Patient Gender": "M", "View Position": "PA"},
    }  # fmt: skip
    for name, row in rows.items():
        _table(root / name, [row | other])
    return [name.split("/")[0] for name in rows]


def scans(root: Path) -> None:
    """CT studies as DICOM, NIfTI, NRRD and MetaImage with marks in their headers; some of each are broken."""
    hu, labels = volumes()
    for study in ("dicom", "dicom-gap", "dicom-modality", "dicom-cut", "nifti", "nrrd", "mha", "nifti-bad",
                  "nrrd-bad", "mha-bad", "burnt-in"):  # fmt: skip
        folder = root / "labels"
        folder.mkdir(parents=True, exist_ok=True)
        nib.save(_nifti(labels), folder / f"{study}.nii.gz")
    (root / "names.csv").write_text(NAMES)
    _series(root / "ct" / "dicom", hu)
    _series(root / "ct" / "dicom-gap", hu, keep=[0, 1, 2, 6, 7])
    _series(root / "ct" / "dicom-modality", hu, Modality=mark())
    _series(root / "ct" / "burnt-in", hu, BurnedInAnnotation="YES")
    _series(root / "ct" / "dicom-cut", hu)
    cut = sorted((root / "ct" / "dicom-cut").iterdir())[1]
    cut.write_bytes(cut.read_bytes()[:-300])
    for study, broken in (("nifti", False), ("nifti-bad", True)):
        (root / "ct" / study).mkdir()
        (root / "ct" / study / "volume.nii").write_bytes(_nifti_bytes(hu, broken))
    for study, suffix in (("nrrd", ".nrrd"), ("mha", ".mha")):
        image = sitk.GetImageFromArray(hu.transpose(2, 1, 0))
        image.SetSpacing(SPACING_MM)
        image.SetOrigin((10.0, -5.0, 7.0))  # LPS
        image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
        for key in ("PatientName", "ITK_FileNotes", "0010|0010", "InstitutionName"):
            image.SetMetaData(key, mark())
        for name in (study, f"{study}-bad"):
            (root / "ct" / name).mkdir()
            sitk.WriteImage(image, str(root / "ct" / name / f"volume{suffix}"))
        path = root / "ct" / f"{study}-bad" / f"volume{suffix}"
        data = path.read_bytes()
        old = b"dimension: 3" if study == "nrrd" else b"NDims = 3"
        path.write_bytes(data.replace(old, old[:-1] + mark().encode()))


def _nifti(values: np.ndarray) -> nib.Nifti1Image:
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = (-10, 5, 7)
    image = nib.Nifti1Image(values, affine)
    for field in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[field] = mark()
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", mark().encode()))
    return image


def _nifti_bytes(values: np.ndarray, broken: bool) -> bytes:
    data = bytearray(_nifti(values).to_bytes())
    if broken:
        data[70:72] = (1234).to_bytes(2, "little")  # datatype
    return bytes(data)


def _series(folder: Path, hu: np.ndarray, keep: list[int] | None = None, **fields: str) -> None:
    """Slices [z] of a volume [x, y, z], each named after the patient."""
    folder.mkdir(parents=True)
    for z in range(hu.shape[2]) if keep is None else keep:
        dataset = ct_slice(
            np.ascontiguousarray(hu[:, :, z].T), 7 + z * SPACING_MM[2], full=z == 0 and folder.name == "dicom"
        )
        for name, value in fields.items():
            setattr(dataset, name, value)
        (folder / f"{z:02d}-{mark()}.dcm").write_bytes(file_bytes(dataset))
