"""Labels onto the CT's grid: many in one volume, one a file, and what is refused."""

import numpy as np
import pytest

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.volume.ct import read_ct
from cxrfactory.imaging.volume.grid import Grid, resample_nearest
from cxrfactory.imaging.volume.label_volume import open_labels
from cxrfactory.imaging.volume.orientation import VolumeLayout
from tests.imaging import ct_files
from tests.imaging.volume.test_orientation import turn

SHAPE = (6, 5, 4)
GRID = Grid(SHAPE, ct_files.SPACING_MM, ct_files.ORIGIN_MM)
NAMES = {7: "heart", 1: "spleen", 300: "rib_left_1"}


def labels(dtype=np.uint8, values=(0, 1, 7)):
    return np.random.default_rng(1).choice(values, SHAPE).astype(dtype)


def write(path, canonical, affine=None, order=(0, 1, 2), flipped=(True, True, False), **scaling):
    return ct_files.write_nifti(path, *ct_files.stored(canonical, order, flipped, affine), **scaling)


def shifted(x=0.0, y=0.0, z=0.0):
    affine = ct_files.canonical_affine()
    affine[:3, 3] += (x, y, z)
    return affine


def test_all_48_axis_orders_and_flips_are_one_label_volume(tmp_path):
    for order, flipped in ct_files.ORDERS:
        found = open_labels(write(tmp_path / "m.nii", labels(), None, order, flipped), GRID, NAMES)
        np.testing.assert_array_equal(found.values, labels())
        assert found.values.flags.c_contiguous
        assert found.notes == ()
        assert list(found.names.items()) == [(1, "spleen"), (7, "heart"), (300, "rib_left_1")]
        assert found.present == (1, 7)


@pytest.mark.parametrize(
    ("stored", "largest", "smallest"),
    [(np.int16, 7, np.uint8), (np.float32, 7, np.uint8), (np.uint16, 300, np.uint16), (np.float64, 300, np.uint16)],
)
def test_labels_take_the_smallest_unsigned_dtype(tmp_path, stored, largest, smallest):
    values = labels(stored, (0, 1, largest))
    found = open_labels(write(tmp_path / "m.nii.gz", values), GRID, NAMES)
    np.testing.assert_array_equal(found.values, values)
    assert found.values.dtype == smallest


def test_scaled_labels_are_whole_again(tmp_path):
    # What nibabel writes when a mask of 0.0 and 1.0 is saved under an 8-bit header.
    path = write(tmp_path / "m.nii", labels(values=(0, 255)), slope=1 / 255, intercept=0)
    np.testing.assert_array_equal(open_labels(path, GRID, NAMES).values, labels(values=(0, 1)))


def test_without_names_structures_are_called_by_value(tmp_path):
    found = open_labels(write(tmp_path / "m.nii", labels()), GRID)
    assert found.names == {1: "label_1", 7: "label_7"}
    assert found.notes == ("labels without a name table, named by their value",)


def test_empty_labels_are_fine(tmp_path):
    found = open_labels(write(tmp_path / "m.nii", np.zeros(SHAPE, np.uint8)), GRID, NAMES)
    assert found.present == ()
    assert not found.values.any()


def test_another_grid_is_resampled_with_a_note(tmp_path):
    fine = Grid((12, 10, 8), tuple(s / 2 for s in GRID.spacing_mm), ct_files.ORIGIN_MM)
    values = np.random.default_rng(2).choice([0, 1, 7], fine.shape).astype(np.uint8)
    found = open_labels(write(tmp_path / "m.nii", values, fine.affine()), GRID, NAMES)
    np.testing.assert_array_equal(found.values, values[::2, ::2, ::2])
    assert found.notes == ("labels resampled (nearest) onto the CT's grid",)


def test_headers_rounded_to_single_precision_are_one_grid(tmp_path):
    found = open_labels(write(tmp_path / "m.nii", labels(), shifted(x=0.005)), GRID, NAMES)
    assert found.notes == ()


def test_labels_of_an_oblique_ct_follow_it(tmp_path):
    shape = (14, 16, 18)
    affine = np.eye(4)
    affine[:3, :3] = turn(9, 2) @ np.diag([1.0, 1.2, 2.0])
    hu = ct_files.chest(shape)
    marks = (hu > 0).astype(np.uint8)
    ct = read_ct(write(tmp_path / "ct.nii", hu, affine))
    found = open_labels(write(tmp_path / "m.nii", marks, affine, (1, 2, 0), (False, True, True)), ct, {1: "heart"})
    assert found.values.shape == ct.values.shape
    # Through the file only single precision is lost; so nearly all voxels agree, ties apart.
    expected = resample_nearest(marks, affine, ct.grid)
    assert (found.values != expected).mean() < 1e-3
    assert found.values.sum() > 0.9 * marks.sum()


def test_a_layout_places_ct_and_labels_alike(tmp_path):
    layout = VolumeLayout((2.5, 1.25, 0.75), "SPL")
    stored = (2, 1, 0), (True, True, False)
    hu, _ = ct_files.stored(ct_files.chest(), *stored)
    values, _ = ct_files.stored(labels(), *stored)
    ct = read_ct(ct_files.write_nifti(tmp_path / "ct.nii", hu, np.eye(4)), layout)
    np.testing.assert_array_equal(ct.values, ct_files.chest())
    path = ct_files.write_nifti(tmp_path / "m.nii", values, np.eye(4))
    found = open_labels(path, ct, NAMES, layout)
    np.testing.assert_array_equal(found.values, labels())
    assert found.notes == ("labels: spacing 2.5 x 1.25 x 0.75 mm and axes SPL are the config's, not the file's",)
    with pytest.raises(ImageError, match=r"^m\.nii: a volume without an orientation"):
        open_labels(path, ct, NAMES)


REFUSALS = {
    "not whole": (np.full(SHAPE, 0.5, np.float32), None, "labels that are not whole"),
    "nan": (np.full(SHAPE, np.nan, np.float32), None, "not finite"),
    "negative": (np.full(SHAPE, -1, np.int16), None, "labels from -1 to -1; expected none below 0"),
    "large": (np.full(SHAPE, 65536, np.int32), None, "labels up to 65536; expected at most 65535"),
    "unnamed": (np.full(SHAPE, 9, np.uint8), None, r"1 label values are not in the name table \(9\)"),
    "apart": (np.zeros(SHAPE, np.uint8), shifted(z=100), "do not overlap the CT at all"),
    "sheared": (labels(), ct_files.canonical_affine() + np.eye(4, k=1) * [[0], [0.5], [0], [0]], "sheared by"),
    "beyond": (np.ones(SHAPE, np.uint8), shifted(x=1.6), "labels reach 1.6 voxels beyond the CT"),
}


@pytest.mark.parametrize(("values", "affine", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals_name_file_and_fault(tmp_path, values, affine, reason):
    path = write(tmp_path / "m.nii", values, affine)
    with pytest.raises(ImageError, match=rf"^m\.nii: .*{reason}"):
        open_labels(path, GRID, NAMES)


def test_one_voxel_beyond_is_allowed(tmp_path):
    found = open_labels(write(tmp_path / "m.nii", np.ones(SHAPE, np.uint8), shifted(x=0.75)), GRID, NAMES)
    assert not found.values[:, :, 0].any()
    assert found.values[:, :, 1:].all()


def test_labelled_voxels_count_not_the_box(tmp_path):
    # Labels of a larger scan are fine as long as what they mark lies in the CT.
    values = np.zeros((20, 5, 4), np.uint8)
    values[3] = 1
    found = open_labels(write(tmp_path / "m.nii", values), GRID, NAMES)
    np.testing.assert_array_equal(found.values, values[:6])


def folder_of(tmp_path, **volumes):
    folder = tmp_path / "seg"
    folder.mkdir()
    for name, values in volumes.items():
        write(folder / f"{name}.nii.gz", values)
    return folder


def test_a_folder_is_read_one_sorted_name_at_a_time(tmp_path):
    folder = folder_of(tmp_path, spleen=labels(values=(0, 1)), heart=labels(np.float64, (0, 255)), lung=labels() * 0)
    (folder / "statistics.json").write_text("{}")
    found = open_labels(folder, GRID)
    assert found.names == ("heart", "lung", "spleen")
    assert len(found) == 3
    aside = "left aside beside the label volumes: 1 other files"
    assert found.notes == (aside,)
    for _ in range(2):  # a second time is the same
        read = dict(found)
        assert list(read) == ["heart", "lung", "spleen"]
        np.testing.assert_array_equal(read["heart"], labels(values=(0, 1)))
        np.testing.assert_array_equal(read["spleen"], labels(values=(0, 1)))
        assert not read["lung"].any()
        assert all(values.dtype == np.uint8 and values.flags.c_contiguous for values in read.values())
        assert found.notes == (
            aside,
            "1 of 3 label volumes mark their structure with 255, not 1",
        )


def test_a_folder_reads_lazily(tmp_path):
    folder = folder_of(tmp_path, a=labels(values=(0, 1)))
    (folder / "b.nii.gz").write_text("broken")
    volumes = iter(open_labels(folder, GRID))
    assert next(volumes)[0] == "a"
    with pytest.raises(ImageError, match=r"^seg/b\.nii\.gz: not a readable NIfTI volume"):
        next(volumes)


def test_a_folder_on_another_grid(tmp_path):
    folder = tmp_path / "seg"
    folder.mkdir()
    values = np.repeat(labels(values=(0, 1)), 2, axis=0)
    fine = Grid((12, 5, 4), (1.25, 1.25, 0.75), (-40.5, 30.25, -700.0))
    write(folder / "heart.nii", values, fine.affine())
    found = open_labels(folder, GRID)
    ((_, resampled),) = found
    np.testing.assert_array_equal(resampled, labels(values=(0, 1)))
    assert found.notes == ("1 of 1 label volumes resampled (nearest) onto the CT's grid",)


def test_folder_refusals(tmp_path):
    folder = folder_of(tmp_path, heart=labels(values=(0, 1, 2)))
    with pytest.raises(ImageError, match=r"seg/heart\.nii\.gz: a binary label volume with several values"):
        list(open_labels(folder, GRID))
    with pytest.raises(CxrError, match="seg: a folder of binary volumes is named by its files"):
        open_labels(folder, GRID, NAMES)
    write(folder / "heart.nii", labels())
    with pytest.raises(CxrError, match=r"seg: 'heart' comes twice, as heart\.nii and heart\.nii\.gz"):
        open_labels(folder, GRID)
    (tmp_path / "none").mkdir()
    with pytest.raises(CxrError, match="none: no label volume in the folder"):
        open_labels(tmp_path / "none", GRID)
    with pytest.raises(ImageError, match=r"missing\.nii: no such file"):
        open_labels(tmp_path / "missing.nii", GRID, NAMES)
