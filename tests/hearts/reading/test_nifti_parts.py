"""NIfTI hearts in parts: one file a slice, one a time, or one for each of both."""

import pytest

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.heart import examine_heart, read_heart
from tests.hearts.reading import heart_files as files
from tests.hearts.reading.test_dicom import ES, assert_whole, refused

PLACES = range(files.SLICES)


@pytest.fixture(scope="module")
def stack():
    return files.volume()


def place(number):
    return files.stack_affine(files.sax(number))


@pytest.mark.parametrize("name", ["patient001_slice{:02d}", "sa_slc-{}", "P_SAX_Slice_{}"])
def test_one_file_a_slice(tmp_path, stack, name):
    for number in PLACES:
        files.nifti(tmp_path / "p" / f"{name.format(number + 1)}.nii.gz", stack[:, :, [number]], place(number))
    reading = examine_heart(tmp_path / "p")
    assert_whole(reading.views[0])
    assert_whole(reading.views[1], ES)
    assert reading.notes == ()


def test_the_place_of_a_slice_is_that_of_its_orientation_whatever_its_number(tmp_path, stack):
    for number in PLACES:
        name = f"slice{(number * 5 + 3) % 7:02d}.nii.gz"
        files.nifti(tmp_path / "p" / name, stack[:, :, [number]], place(number))
    assert_whole(read_heart(tmp_path / "p")[0])


def test_one_file_a_slice_and_time(tmp_path, stack):
    for number in PLACES:
        for time in range(6):
            name = f"p_slice{number + 1:02d}_frame{time + 1:02d}.nii.gz"
            files.nifti(tmp_path / "p" / name, stack[:, :, [number], time], place(number))
    (tmp_path / "p" / "Info.cfg").write_text("ED: 1\nES: 4\n")
    found = read_heart(tmp_path / "p")
    assert_whole(found[0])
    assert_whole(found[1], 3 / 6)


@pytest.mark.parametrize("name", ["frame{:02d}", "p_phase{}", "p_t{:02d}", "p-Time-{}"])
def test_one_file_a_time(tmp_path, stack, name):
    for time in range(6):
        files.nifti(tmp_path / "p" / f"{name.format(time)}.nii.gz", stack[..., time], files.stack_affine())
    assert_whole(read_heart(tmp_path / "p")[1], ES)


def test_a_whole_stack_wins_over_its_slices(tmp_path, stack):
    files.nifti(tmp_path / "p" / "p_4d.nii.gz", stack, files.stack_affine())
    files.nifti(tmp_path / "p" / "p_slice01.nii.gz", stack[:, :, [0]], place(0))
    reading = examine_heart(tmp_path / "p")
    assert_whole(reading.views[0])
    assert reading.notes == ("1 files of single slices beside a file of all slices left aside",)


def test_slices_that_cannot_be_placed(tmp_path, stack):
    for number in PLACES:
        one, name = stack[:, :, [number]], f"slice{number}.nii.gz"
        files.nifti(tmp_path / "none" / name, one, None)
        files.nifti(tmp_path / "same" / name, one, place(0))
        files.nifti(tmp_path / "flat" / name, one[:, :, 0], place(number))
        files.nifti(tmp_path / "times" / name, one[..., : 6 - number % 2], place(number))
    assert refused(tmp_path / "none") == (
        "slice0.nii.gz: one slice without its place (qform_code and sform_code are 0), so that nobody knows the "
        "distance of the slices; expected an orientation; write it to the header, or stack the slices into sa.nii.gz"
    )
    assert refused(tmp_path / "same") == (
        "same: 6 files of single slices, several at one place by their orientation; expected the place of each; write "
        "it to the headers, or stack the slices into sa.nii.gz"
    )
    assert refused(tmp_path / "flat") == (
        "slice0.nii.gz: 64 x 64 x 6 voxels; expected one slice, as its name says, with the axes x, y, 1, time"
    )
    assert refused(tmp_path / "times") == "times: 6 slices of different times; expected the same times of each"


def test_a_slice_alone_is_no_examination(tmp_path, stack):
    path = files.nifti(tmp_path / "patient001_slice01.nii.gz", stack[:, :, [0]], place(0))
    with pytest.raises(ImageError) as caught:
        read_heart(path)
    assert str(caught.value) == (
        "patient001_slice01.nii.gz: one slice by its name; expected the files of all slices in a folder of its own"
    )


def test_a_slice_of_several_voxels_across_is_named(tmp_path, stack):
    for number in (0, 2, 4):
        files.nifti(tmp_path / "p" / f"slice{number}.nii", stack[:, :, number : number + 2], place(number))
    assert "slice0.nii: 64 x 64 x 2 voxels; expected one slice" in refused(tmp_path / "p")


@pytest.mark.parametrize("folder", ["segmentations", "labelsTr", "Masks/by_hand"])
def test_label_files_in_a_folder_of_their_own(tmp_path, stack, folder):
    files.nifti(tmp_path / "p" / "heart.nii.gz", stack, files.stack_affine())
    for name in ("heart_ventricle_left", "heart_atrium_left"):
        files.nifti(tmp_path / "p" / folder / f"{name}.nii.gz", stack[..., 0], files.stack_affine())
    reading = examine_heart(tmp_path / "p")
    assert_whole(reading.views[0])
    assert reading.notes == ("2 label files left aside",)


def test_a_ct_is_named(tmp_path, stack):
    path = files.nifti(tmp_path / "ct.nii.gz", stack[..., 0].astype("i2") - 1024, files.stack_affine())
    found = "ct.nii.gz: grey values down to -964, as a CT has; "
    assert refused(path) == f"{found}expected cine MR; a CT is not read, with or without labels of the heart"
    wanted = "modality CT; expected cine MR; a CT is not read, with or without labels of the heart"
    images = files.write(tmp_path / "p", files.cine(files.sax(0), 1, Modality="CT"))
    assert refused(images) == f"p: DICOM file 1 of 6 by name: {wanted}"
