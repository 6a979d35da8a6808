"""A root one folder too high: the message names the folder to give."""

import pytest

from cxrfactory.hearts.reading.folder import read_hearts
from tests.hearts.reading import heart_files as files

STACK = files.volume(2)


def reasons(root):
    return [each.reason for each in read_hearts(root)]


def case(folder, name):
    files.nifti(folder / name / f"{name}_sa.nii.gz", STACK, files.stack_affine())


def test_nifti_above_the_folders_of_examinations(tmp_path):
    for name in ("001", "002"):
        case(tmp_path / "set" / "dataset", name)
    advice = "2 short-axis files; expected one examination; each has a folder of its own: give dataset as root"
    assert reasons(tmp_path / "set") == [f"dataset: {advice}"]


def test_nifti_in_two_sets_of_folders(tmp_path):
    for name in ("Labeled/A", "Labeled/B", "Unlabeled/C"):
        folder, _, last = name.partition("/")
        case(tmp_path / "set" / "Training" / folder, last)
    assert reasons(tmp_path / "set") == [
        "Training: 3 short-axis files; expected one examination; each has a folder of its own: give Training/Labeled "
        "or Training/Unlabeled as root"
    ]


def test_files_in_one_folder_are_not_examinations_of_their_own(tmp_path):
    for name in ("a", "b"):
        files.nifti(tmp_path / "set" / "p" / f"{name}.nii.gz", STACK, files.stack_affine())
    (reason,) = reasons(tmp_path / "set")
    assert reason.startswith("p: 2 files may be the short-axis stack; expected one a case; call it sa.nii.gz")


@pytest.mark.parametrize(("differs", "what"), [("patient", "2 patients; expected one patient"),
                                               ("study", "2 examinations; expected one examination")])  # fmt: skip
def test_dicom_above_the_folders_of_examinations(tmp_path, differs, what):
    for number in (1, 2):
        images = files.cine(files.sax(0), 10, **{differs: number})
        files.write(tmp_path / "set" / "train" / "train" / str(number) / "study" / "sax_10", images)
    assert reasons(tmp_path / "set") == [
        f"train: images of {what}; each has a folder of its own: give train/train as root"
    ]


def test_dicom_of_two_patients_in_one_folder(tmp_path):
    for number in (1, 2):
        images = files.cine(files.sax(0), 10, patient=number)
        files.write(tmp_path / "set" / "p", images, f"{number}_{{:04d}}.dcm".format)
    assert reasons(tmp_path / "set") == ["p: images of 2 patients; expected one patient; put each into a folder"]
