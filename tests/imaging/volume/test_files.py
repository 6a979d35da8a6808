"""Volume files as stored: compression, damage, memory, what counts as no orientation."""

import gzip
import tracemalloc

import nibabel as nib
import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.ct import read_ct
from cxrfactory.imaging.volume.files import StoredVolume, placed_affine, read_stored, read_stored_frames, volume_suffix
from cxrfactory.imaging.volume.orientation import VolumeLayout
from tests.imaging import ct_files


@pytest.fixture
def plain(tmp_path):
    """An uncompressed NIfTI file of 48 KB, and what it holds."""
    values, affine = ct_files.stored(ct_files.chest((40, 30, 20)), (0, 1, 2), (False, False, False))
    return ct_files.write_nifti(tmp_path / "ct.nii", values, affine), values


def test_values_affine_and_scaling_are_as_stored(tmp_path):
    values, affine = ct_files.stored(ct_files.chest(), (1, 2, 0), (True, False, True))
    stored = read_stored(ct_files.write_nifti(tmp_path / "ct.nii.gz", values, affine, 2, -1000))
    np.testing.assert_array_equal(stored.values, values)
    np.testing.assert_allclose(stored.affine, affine, atol=1e-4)
    assert (stored.slope, stored.intercept, stored.lacking) == (2, -1000, "")


def test_gzip_of_several_streams_is_one_file(plain):
    path, values = plain
    data, packed = path.read_bytes(), path.with_name("ct.nii.gz")
    packed.write_bytes(b"".join(gzip.compress(data[k : k + 20_000]) for k in range(0, len(data), 20_000)))
    np.testing.assert_array_equal(read_stored(packed).values, values)


@pytest.mark.parametrize("lost", [1, 8, 9, 9_000])
def test_truncated_gzip(plain, lost):
    path, _ = plain
    packed = path.with_name("ct.nii.gz")
    packed.write_bytes(gzip.compress(path.read_bytes())[:-lost])
    with pytest.raises(ImageError, match=r"^ct\.nii\.gz: not a readable NIfTI volume \(the compressed file ends early"):
        read_stored(packed)


def test_broken_checksum(plain):
    path, _ = plain
    data = bytearray(gzip.compress(path.read_bytes()))
    data[-8] ^= 1
    packed = path.with_name("ct.nii.gz")
    packed.write_bytes(data)
    with pytest.raises(ImageError, match=r"not a readable NIfTI volume \(.*incorrect data check"):
        read_stored(packed)


def test_short_uncompressed_file(plain):
    path, _ = plain
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ImageError, match=r"^ct\.nii: not a readable NIfTI volume \(the file ends before its voxels do"):
        read_stored(path)


def test_placed_affine_prefers_the_layout():
    stored, layout = StoredVolume(np.zeros((1, 1, 1)), None, "no reason"), VolumeLayout((1, 2, 3), "RAS")
    np.testing.assert_array_equal(placed_affine(stored, layout, "ct"), np.diag([1, 2, 3, 1]))
    with pytest.raises(ImageError, match=r"ct: a volume without an orientation \(no reason\)"):
        placed_affine(stored, None, "ct")


def test_suffixes(tmp_path):
    assert volume_suffix(tmp_path / "Rib.left.NII.GZ") == ".nii.gz"
    assert volume_suffix(tmp_path / "ct.gz") is None


def test_reading_a_usual_ct_holds_it_once(tmp_path):
    values = np.zeros((128, 128, 256), np.int16)
    values[:64] = -1000
    affine = np.diag([-0.7, -0.7, 1.0, 1.0])
    affine[:3, 3] = (44, 45, -300)
    path = ct_files.write_nifti(tmp_path / "ct.nii.gz", values, affine)
    read_ct(path)  # imports
    tracemalloc.start()
    read_ct(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A few copies of the pieces of 1 MB that gzip is read in, but no second volume.
    assert peak < 1.5 * values.nbytes


def test_volume_over_time_keeps_its_fourth_axis(tmp_path):
    values = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    affine = np.array([[2.0, 0, 0, -7], [0, 3, 0, 5], [0, 0, 8, 1], [0, 0, 0, 1]])
    image = nib.Nifti1Image(values, affine)
    image.header["pixdim"][4] = 40
    image.header.set_xyzt_units("mm", "msec")
    image.to_filename(tmp_path / "cine.nii.gz")
    frames = read_stored_frames(tmp_path / "cine.nii.gz")
    np.testing.assert_array_equal(frames.volume.values, values)
    np.testing.assert_allclose(frames.volume.affine, affine)
    assert (frames.spacing_mm, frames.step, frames.unit) == ((2.0, 3.0, 8.0), 40.0, "msec")
    image = nib.Nifti1Image(values[:, :, :, None], affine)
    image.header["pixdim"][5] = 30
    image.to_filename(tmp_path / "fifth.nii")
    fifth = read_stored_frames(tmp_path / "fifth.nii")
    np.testing.assert_array_equal(fifth.volume.values, values)
    assert fifth.step == 30
    nib.Nifti1Image(values[..., 0], affine).to_filename(tmp_path / "still.nii")
    assert read_stored_frames(tmp_path / "still.nii").volume.values.shape == (2, 3, 4, 1)
    with pytest.raises(ImageError, match="2 x 3 x 4 x 5 voxels; expected one volume of 3 dimensions"):
        read_stored(tmp_path / "cine.nii.gz")
