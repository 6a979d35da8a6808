"""Releases as they arrive: in batches, by wget, as PNG mirrors, in part, with the tables above, beside or below."""

import logging
from types import SimpleNamespace

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.ingest.manifest import read_manifest
from cxrfactory.workflow.plan import Plan
from tests.reported import Case

KIND = "releases in the folders in which they arrive"
SOURCE = "MIT-LCP/mimic-code#1284, download pages and mirrors of the releases"

CHEXPERT = "Path,Sex,Age,Frontal/Lateral,AP/PA,Edema\n{}"
CHEXPERT_ROW = "{},Female,50,Frontal,AP,1\n"
BATCH = "CheXpert-v1.0 batch {} ({})"
FIRST, LAST = BATCH.format(1, "validate & csv"), BATCH.format(3, "train 2")
MIMIC = "dicom_id,subject_id,study_id,ViewPosition\naa,10000032,50000001,PA\nbb,11000032,50000002,AP\n"
P10, P11 = "p10/p10000032/s50000001/aa.jpg", "p11/p11000032/s50000002/bb.jpg"
METADATA = "mimic-cxr-2.0.0-metadata.csv"
VINDR = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\nabc,No finding,14,R1,,,,\n"
VINDR_LABELS = "image_id,rad_id,Edema\nabc,R1,0\n"
NIH = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position\n1_0.png,Edema,1,58,M,PA\n"
PADCHEST = (
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,Projection,Labels\n"
    "0,a.png,13,20140915,s1,p1,1930,F,PA,['normal']\n"
)
PADCHEST_TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
CANDID = "SOPInstanceUID,filename,EncodedPixels\n1.2.3,P1_1.dcm,-1\n"
INDIANA = (
    "imageid,Patient ID,Patient's Sex,Patient's Birth Date,Study Date,View Position\n"
    "CXR12_IM-0345-1001,1,F,19500101,20100101,PA\n"
)
PROJECTIONS = "uid,filename,projection\n1,1_IM-0001-4001.dcm.png,Frontal\n1,1_IM-0001-3001.dcm.png,Lateral\n"
PLUS = "path_to_image,frontal_lateral,ap_pa,age,sex,report\ntrain/patient1/study1/view1_frontal.jpg,Frontal,PA,50,M,x\n"


def chexpert(*paths):
    return CHEXPERT.format("".join(map(CHEXPERT_ROW.format, paths)))


ONE, TWO, VALID = (f"patient{n}/study1/view1_frontal.jpg" for n in ("00001", "30000", "64541"))
BOTH = chexpert(f"CheXpert-v1.0/train/{ONE}", f"CheXpert-v1.0/train/{TWO}")
BARE = chexpert(f"train/{ONE}", f"train/{TWO}")
SMALL = chexpert(f"CheXpert-v1.0-small/train/{ONE}", f"CheXpert-v1.0-small/train/{TWO}")
BATCHES = (f"{BATCH.format(2, 'train 1')}/{ONE}", f"{LAST}/{TWO}")

# Name: layout, tables by path, images; every image is in the manifest, in the order of the ids.
FOUND = {
    "CheXpert, batches": ("chexpert", {f"{FIRST}/train.csv": BOTH}, BATCHES),
    "CheXpert, batches in a download": (
        "chexpert", {f"u20210408/{FIRST}/train.csv": BOTH}, tuple(f"u20210408/{each}" for each in BATCHES),
    ),
    "CheXpert, batches and the validation": (
        "chexpert",
        {f"{FIRST}/train.csv": BOTH, f"{FIRST}/valid.csv": chexpert(f"CheXpert-v1.0/valid/{VALID}")},
        (*BATCHES, f"{FIRST}/valid/{VALID}"),
    ),
    "CheXpert, table above batches": ("chexpert", {"train.csv": BOTH}, BATCHES),
    "CheXpert, paths without the archive": ("chexpert", {"train.csv": BARE}, BATCHES),
    "CheXpert, batches put together": ("chexpert", {f"{FIRST}/train.csv": BOTH}, (f"train/{ONE}", f"train/{TWO}")),
    "CheXpert, patients in the root": ("chexpert", {"train.csv": BOTH}, (ONE, TWO)),
    "CheXpert, as archived": (
        "chexpert", {"CheXpert-v1.0/train.csv": BOTH}, (f"CheXpert-v1.0/train/{ONE}", f"CheXpert-v1.0/train/{TWO}"),
    ),
    "CheXpert, root is the archive": ("chexpert", {"train.csv": BOTH}, (f"train/{ONE}", f"train/{TWO}")),
    "CheXpert, small": (
        "chexpert",
        {"archive/CheXpert-v1.0-small/train.csv": SMALL},
        tuple(f"archive/CheXpert-v1.0-small/train/{each}" for each in (ONE, TWO)),
    ),
    "CheXpert, val": ("chexpert", {"val.csv": chexpert(f"CheXpert-v1.0/valid/{VALID}")}, (f"val/{VALID}",)),
    "CheXpert, labels of CheXbert": ("chexpert", {"train_cheXbert.csv": BOTH}, (f"train/{ONE}", f"train/{TWO}")),
    "CheXpert Plus": (
        "chexpert", {"df_chexpert_plus_240401.csv": PLUS}, ("PNG/train/patient1/study1/view1_frontal.png",),
    ),
    "VinDr as PNG": ("vindr-cxr", {"train.csv": VINDR}, ("train/abc.png",)),
    "VinDr as JPEG": ("vindr-cxr", {"train.csv": VINDR}, ("train/abc.jpg",)),
    "VinDr, challenge": ("vindr-cxr", {"train.csv": VINDR}, ("train/abc.dicom",)),
    "VinDr, .dcm in one folder": ("vindr-cxr", {"train.csv": VINDR}, ("abc.dcm",)),
    "VinDr, images": ("vindr-cxr", {"annotations/image_labels_train.csv": VINDR_LABELS}, ("images/abc.png",)),
    "VinDr, sizes of the test set": ("vindr-cxr", {"test.csv": "image_id,width,height\nabc,1,1\n"}, ("test/abc.png",)),
    "VinDr by wget": (
        "vindr-cxr",
        {"physionet.org/files/vindr-cxr/1.0.0/annotations/image_labels_train.csv": VINDR_LABELS},
        ("physionet.org/files/vindr-cxr/1.0.0/train/abc.dicom",),
    ),
    "MIMIC by wget": (
        "mimic-cxr-jpg",
        {f"physionet.org/files/mimic-cxr-jpg/2.0.0/{METADATA}": MIMIC},
        tuple(f"physionet.org/files/mimic-cxr-jpg/2.0.0/files/{each}" for each in (P10, P11)),
    ),
    "MIMIC, root above the download": (
        "mimic-cxr-jpg",
        {f"data/physionet.org/files/mimic-cxr-jpg/2.0.0/{METADATA}": MIMIC},
        tuple(f"data/physionet.org/files/mimic-cxr-jpg/2.0.0/files/{each}" for each in (P10, P11)),
    ),
    "MIMIC, a bucket": (
        "mimic-cxr-jpg",
        {f"mimic-cxr-jpg-2.0.0.physionet.org/{METADATA}": MIMIC},
        tuple(f"mimic-cxr-jpg-2.0.0.physionet.org/files/{each}" for each in (P10, P11)),
    ),
    "MIMIC 2.1.0": (
        "mimic-cxr-jpg", {"mimic-cxr-2.1.0-metadata.csv": MIMIC}, tuple(f"files/{each}" for each in (P10, P11)),
    ),
    "MIMIC without the level files": ("mimic-cxr-jpg", {METADATA: MIMIC}, (P10, P11)),
    "MIMIC, images below": (
        "mimic-cxr-jpg", {METADATA: MIMIC}, tuple(f"jpg/2.0.0/files/{each}" for each in (P10, P11)),
    ),
    "MIMIC, tables beside": (
        "mimic-cxr-jpg", {f"tables/{METADATA}": MIMIC}, tuple(f"files/{each}" for each in (P10, P11)),
    ),
    "MIMIC, ids as floats": (
        "mimic-cxr-jpg",
        {METADATA: MIMIC.replace("10000032,50000001", "10000032.0,50000001.0")},
        tuple(f"files/{each}" for each in (P10, P11)),
    ),
    "NIH, twelve folders": ("chestx-ray8", {"Data_Entry_2017.csv": NIH}, ("images_001/images/1_0.png",)),
    "NIH, a mirror": ("chestx-ray8", {"archive/Data_Entry_2017.csv": NIH}, ("archive/images_002/images/1_0.png",)),
    "NIH, the sample": ("chestx-ray8", {"sample/sample_labels.csv": NIH}, ("sample/images/1_0.png",)),
    "NIH, the sample, nested": ("chestx-ray8", {"sample_labels.csv": NIH}, ("sample/images/1_0.png",)),
    "PadChest, archives as folders": ("padchest", {PADCHEST_TABLE: PADCHEST}, ("13/a.png",)),
    "PadChest, unpacked into themselves": ("padchest", {PADCHEST_TABLE: PADCHEST}, ("13/13/a.png",)),
    "PadChest, archives in a folder": ("padchest", {PADCHEST_TABLE: PADCHEST}, ("images/13/a.png",)),
    "PadChest, the sample": ("padchest", {"chest_x_ray_images_labels_sample.csv": PADCHEST}, ("sample/a.png",)),
    "PadChest, archive numbers as floats": (
        "padchest", {PADCHEST_TABLE: PADCHEST.replace(",13,", ",13.0,")}, ("13/a.png",),
    ),
    "CANDID-PTX": ("candid-ptx", {"Pneumothorax_reports.csv": CANDID}, ("dataset/1.2.3.dcm",)),
    "CANDID-PTX in a folder": (
        "candid-ptx", {"candid_ptx/Pneumothorax_reports.csv": CANDID}, ("candid_ptx/chest_radiographs/1.2.3.jpg",),
    ),
    "Indiana, PNG archive": (
        "indiana-cxr", {"nlmcxr_dicom_metadata.csv": INDIANA}, ("NLMCXR_png/CXR12_IM-0345-1001.png",),
    ),
    "Indiana, DICOM archive": (
        "indiana-cxr", {"nlmcxr_dicom_metadata.csv": INDIANA}, ("NLMCXR_dcm/12/12_IM-0345-1001.dcm",),
    ),
    "Indiana, a mirror": (
        "indiana-cxr", {"indiana_projections.csv": PROJECTIONS}, ("images/images_normalized/1_IM-0001-4001.dcm.png",),
    ),
}  # fmt: skip


def make(folder, tables, images=()):
    for name, text in (tables | dict.fromkeys(images, "image")).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def of_workflow(layout, folder):
    plan = Plan.of({"datasets": {layout: {"root": str(folder)}}, "infer": {"weights": "pretrained"}})
    return plan.releases.tables(SimpleNamespace(dataset=layout))


def found(layout, tables, images):
    def run(folder):
        make(folder, tables, images)
        assert set(of_workflow(layout, folder)) == {str(folder / name) for name in tables}
        manifest = read_manifest(layout, folder, check_files=True)
        kept = manifest[manifest["included"]]
        assert kept["path"].tolist() == list(images)
        assert read_manifest(layout, folder).loc[manifest["included"], "path"].tolist() == list(images)

    return run


def refused(layout, tables, root, words):
    """One line tells what to move, of the command and of the workflow."""

    def run(folder):
        make(folder, tables)
        (folder / root).mkdir(parents=True, exist_ok=True)
        for give in (read_manifest, of_workflow):
            with pytest.raises(CxrError) as error:
                give(layout, folder / root)
            line = str(error.value)
            assert all(word.format(folder=folder) in line for word in words), line
            assert "\n" not in line

    return run


def reported(layout, tables, images, root, level, words):
    """The log says what is missing, with an example of a place."""

    def run(folder):
        make(folder, tables, images)
        log, said = logging.getLogger("cxrfactory"), []
        handler = logging.Handler()
        handler.emit = lambda record: said.append((record.levelname, record.getMessage()))
        level_before = log.level
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        try:
            read_manifest(layout, folder / root)
        finally:
            log.setLevel(level_before)
            log.removeHandler(handler)
        lines = [line for name, line in said if name == level]
        assert any(all(word.format(folder=folder) in line for word in words) for line in lines), said

    return run


def counted(folder):
    make(folder, {METADATA: MIMIC}, [f"files/{P10}"])
    manifest = read_manifest("mimic-cxr-jpg", folder, check_files=True)
    assert manifest["included"].tolist() == [True, False]
    assert manifest["exclusion_reason"][1] == f"file is missing: files/{P11}"


def no_folder_of_images_is_entered(folder):
    """A table in a folder of many entries, or in that of a patient, is no release's."""
    make(folder, {f"many/x/{METADATA}": MIMIC, f"p10/{METADATA}": MIMIC})
    for number in range(1001):
        (folder / f"many/{number}.jpg").touch()
    with pytest.raises(CxrError, match="no table of mimic-cxr-jpg here"):
        read_manifest("mimic-cxr-jpg", folder)


def one_table_by_two_names(folder):
    """A link to the folder of a version is no second release; a link to a folder above ends."""
    make(folder, {f"a/2.0.0/{METADATA}": MIMIC}, [f"a/2.0.0/files/{P10}"])
    (folder / "a/latest").symlink_to("2.0.0")
    (folder / "a/up").symlink_to("..")
    manifest = read_manifest("mimic-cxr-jpg", folder, check_files=True)
    assert manifest["path"][0] == f"a/2.0.0/files/{P10}"


def another_releases_table(folder):
    """``train.csv`` of another release is passed over in the search below the root."""
    make(folder, {"a/train.csv": "id,label\n1,2\n", "b/train.csv": VINDR}, ["b/train/abc.png"])
    assert read_manifest("vindr-cxr", folder)["path"].tolist() == ["b/train/abc.png"]


MISSING = "1 of 2 image files that were looked at are no usable files (file is missing: "
CASES = [
    *(Case(name, "right", found(*rest)) for name, rest in FOUND.items()),
    Case("a table of another release below", "right", another_releases_table),
    Case("links to the folder of the table", "right", one_table_by_two_names),
    Case("several places", "refused", refused(
        "mimic-cxr-jpg", {f"a/{METADATA}": MIMIC, f"b/c/{METADATA}": MIMIC}, "",
        ["2 folders hold a table of mimic-cxr-jpg: a, b/c; point root at one of them"],
    )),
    Case("two versions by wget", "refused", refused(
        "mimic-cxr-jpg",
        {f"physionet.org/files/mimic-cxr-jpg/2.{n}.0/mimic-cxr-2.{n}.0-metadata.csv.gz": "x" for n in (0, 1)}, "",
        ["physionet.org/files/mimic-cxr-jpg/2.0.0, physionet.org/files/mimic-cxr-jpg/2.1.0"],
    )),
    Case("root below the table", "refused", refused(
        "mimic-cxr-jpg", {METADATA: MIMIC}, "files/p10", ["there is one in {folder}", "root"],
    )),
    Case("root beside the table", "refused", refused(
        "chexpert", {f"{FIRST}/train.csv": BOTH}, LAST, ["there is one in {folder}"],
    )),
    Case("root is the folder of images", "refused", refused(
        "vindr-cxr", {"annotations/image_labels_train.csv": VINDR_LABELS}, "train", ["there is one in {folder}"],
    )),
    Case("braces in the table's folder", "refused", refused(
        "mimic-cxr-jpg", {f"a{{b}}/{METADATA}": MIMIC}, "", ["a{{b}}", "rename the folder"],
    )),
    Case("folders of images", "right", no_folder_of_images_is_entered),
    Case("a part of the release", "reported", reported(
        "mimic-cxr-jpg", {METADATA: MIMIC}, [f"files/{P10}"], "", "WARNING", [MISSING + "{folder}/files/" + P11],
    )),
    Case("a part of the release, checked", "right", counted),
    Case("images beside the root", "reported", reported(
        "chexpert", {f"{FIRST}/train.csv": BOTH}, BATCHES, FIRST, "WARNING", ["expected the root {folder}"],
    )),
    Case("the folder below is named", "reported", reported(
        "mimic-cxr-jpg", {f"x/{METADATA}": MIMIC}, [f"x/files/{P10}"], "", "INFO", ["the tables are in {folder}/x"],
    )),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
