"""Reading CTs: every axis order, dtype and scaling; every refusal by name."""

import gzip

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.volume.ct import _to_hu, read_ct
from cxrfactory.imaging.volume.orientation import VolumeLayout
from tests.imaging import ct_files
from tests.imaging.volume.test_orientation import turn

WRITERS = {
    ".nii": ct_files.write_nifti,
    ".nii.gz": ct_files.write_nifti,
    ".mha": ct_files.write_itk,
    ".mhd": ct_files.write_itk,
    ".nrrd": ct_files.write_itk,
    ".nhdr": ct_files.write_itk,
}


def check(volume, hu=None):
    np.testing.assert_array_equal(volume.values, ct_files.chest() if hu is None else hu)
    assert volume.values.flags.c_contiguous
    np.testing.assert_allclose(volume.spacing_mm, ct_files.SPACING_MM, atol=1e-6)
    np.testing.assert_allclose(volume.origin_mm, ct_files.ORIGIN_MM, atol=1e-4)


@pytest.mark.parametrize("suffix", [".nii", ".mha"])
def test_all_48_axis_orders_and_flips_are_one_volume(tmp_path, suffix):
    first = None
    for order, flipped in ct_files.ORDERS:
        values, affine = ct_files.stored(ct_files.chest(), order, flipped)
        volume = read_ct(WRITERS[suffix](tmp_path / f"ct{suffix}", values, affine))
        check(volume)
        assert volume.notes == ()
        first = first or volume
        assert volume.spacing_mm == first.spacing_mm


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_formats_and_dtypes(tmp_path, suffix, dtype):
    values, affine = ct_files.stored(ct_files.chest(dtype=dtype), (0, 1, 2), (True, True, False))
    volume = read_ct(WRITERS[suffix](tmp_path / f"ct{suffix}", values, affine))
    check(volume)
    assert volume.values.dtype == (np.int16 if np.issubdtype(dtype, np.integer) else np.float32)


def test_compressed_metaimage_and_big_endian_nifti(tmp_path):
    values, affine = ct_files.stored(ct_files.chest(), (2, 0, 1), (True, False, False))
    check(read_ct(ct_files.write_itk(tmp_path / "ct.mha", values, affine, compress=True)))
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(np.int16)
    image = nib.Nifti1Image(values, affine, header)
    image.to_filename(tmp_path / "ct.nii")
    assert nib.load(tmp_path / "ct.nii").header.endianness == ">"
    check(read_ct(tmp_path / "ct.nii"))


def test_a_trailing_dimension_of_one_is_dropped(tmp_path):
    values, affine = ct_files.stored(ct_files.chest(), (0, 1, 2), (False, False, False))
    check(read_ct(ct_files.write_nifti(tmp_path / "ct.nii", values[..., None], affine)))
    image = sitk.JoinSeries(sitk.ReadImage(str(ct_files.write_itk(tmp_path / "three.mha", values, affine))))
    sitk.WriteImage(image, str(tmp_path / "four.mha"))
    check(read_ct(tmp_path / "four.mha"))


@pytest.mark.parametrize(("order", "flipped"), ct_files.ORDERS)
def test_a_layout_stands_in_for_a_missing_orientation(tmp_path, order, flipped):
    values, _ = ct_files.stored(ct_files.chest(), order, flipped)
    path = ct_files.write_nifti(tmp_path / "ct.nii.gz", values, np.eye(4))
    steps = np.array(ct_files.SPACING_MM[::-1])[np.argsort(order)]
    volume = read_ct(path, VolumeLayout(tuple(steps), ct_files.layout_axes(order, flipped)))
    np.testing.assert_array_equal(volume.values, ct_files.chest())
    assert volume.spacing_mm == ct_files.SPACING_MM
    assert "are the config's, not the file's" in volume.notes[0]


def test_oblique_ct_is_resampled_with_a_note(tmp_path):
    affine = np.eye(4)
    affine[:3, :3] = turn(8, 2) @ np.diag([1.0, 1.0, 2.0])
    x, y, z = np.meshgrid(np.arange(40), np.arange(30), np.arange(20), indexing="ij")
    points = np.stack([x, y, z], axis=-1) @ affine[:3, :3].T
    values = np.rint(points @ [9.0, -6.0, 4.0] - 300).astype(np.int16)
    volume = read_ct(ct_files.write_nifti(tmp_path / "ct.nii", values, affine))
    assert volume.notes == ("oblique by 8.00 degrees: CT resampled (linear) onto the anatomical axes",)
    assert volume.values.dtype == np.int16
    middle = tuple(n // 2 for n in volume.values.shape)
    point = np.array(volume.origin_mm) + np.array(middle[::-1]) * volume.spacing_mm[::-1]
    assert abs(volume.values[middle] - (point @ [9.0, -6.0, 4.0] - 300)) <= 1
    affine[:3, :3] = turn(0.05, 2) @ np.diag([1.0, 1.0, 2.0])
    assert read_ct(ct_files.write_nifti(tmp_path / "ct.nii", values, affine)).notes == ()


@given(
    stored=st.lists(st.integers(0, 65535), min_size=1, max_size=8),
    dtype=st.sampled_from([np.uint16, np.int16, np.int32, np.float32]),
    slope=st.sampled_from([1, 2, -1, 0.5]),
    intercept=st.sampled_from([0, -1024, 1000, -33000, 0.25]),
)
def test_rescaling_in_place_equals_the_plain_formula(stored, dtype, slope, intercept):
    values = np.array(stored).astype(dtype)
    expected = values.astype(np.float64) * slope + intercept
    if expected.min() > -200 or expected.max() < -200:
        with pytest.raises(ImageError, match="does not look like HU"):
            _to_hu(values, slope, intercept)
        return
    whole = dtype != np.float32 and slope != 0.5 and intercept not in (0.25, -33000)
    fits = expected.min() >= -32768 and expected.max() <= 32767
    hu = _to_hu(values.copy(), slope, intercept)
    assert hu.dtype == (np.int16 if whole and fits else np.float32)
    np.testing.assert_array_equal(hu, expected.astype(np.float32))


def test_nifti_scaling_is_applied(tmp_path):
    raw = (ct_files.chest().astype(np.int32) + 1024).astype(np.uint16)
    values, affine = ct_files.stored(raw, (0, 1, 2), (True, True, False))
    volume = read_ct(ct_files.write_nifti(tmp_path / "ct.nii.gz", values, affine, 1, -1024))
    assert volume.values.dtype == np.int16
    check(volume)


def nifti(path, change=lambda values, affine: (values, affine)):
    values, affine = ct_files.stored(ct_files.chest(), (0, 1, 2), (False, False, False))
    return ct_files.write_nifti(path, *change(values, affine))


def no_codes(path):
    values, affine = ct_files.stored(ct_files.chest(), (0, 1, 2), (False, False, False))
    image = nib.Nifti1Image(values, affine)
    image.set_qform(affine, 0)
    image.set_sform(affine, 0)
    image.to_filename(path)


def sheared(values, affine):
    affine[1, 2] = affine[2, 2] * np.tan(np.radians(15))
    return values, affine


def with_voxel(number):
    def change(values, affine):
        values = values.astype(np.float32)
        values[1, 1, 1] = number
        return values, affine

    return change


def in_metres(path):
    values, affine = ct_files.stored(ct_files.chest(), (0, 1, 2), (False, False, False))
    image = nib.Nifti1Image(values, affine)
    image.header.set_xyzt_units("meter")
    image.to_filename(path)


def cut_plain(path):
    plain = path.with_name("plain.nii")
    path.write_bytes(gzip.compress(nifti(plain).read_bytes()[:-10]))


def wrong_checksum(path):
    data = bytearray(nifti(path).read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(bytes(data))


COLOUR = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])

REFUSALS = {
    "codes": (no_codes, r"without an orientation \(qform_code and sform_code are 0\); expected an affine"),
    "identity": (
        lambda p: nifti(p, lambda v, a: (v, np.eye(4))),
        r"without an orientation \(its affine is the identity",
    ),
    "sheared": (lambda p: nifti(p, sheared), r"sheared by 15\.00 degrees \(a gantry tilt"),
    "two volumes": (lambda p: nifti(p, lambda v, a: (np.stack([v, v], -1), a)), "4 x 5 x 6 x 2 voxels; expected one"),
    "flat": (lambda p: nifti(p, lambda v, a: (v[:, :, 0], a)), "4 x 5 voxels; expected one volume of 3"),
    "nan": (lambda p: nifti(p, with_voxel(np.nan)), "1 voxels are NaN or infinite"),
    "infinite": (lambda p: nifti(p, with_voxel(-np.inf)), "1 voxels are NaN or infinite"),
    "shifted": (lambda p: nifti(p, lambda v, a: (v + 1000, a)), "from 0 to 1190, as if shifted.*not look like HU"),
    "normalised": (
        lambda p: nifti(p, lambda v, a: (v.astype(np.float32) / 1000, a)),
        "from -1 to 0.19.*not look like HU",
    ),
    "air": (lambda p: nifti(p, lambda v, a: (np.full_like(v, -1000), a)), "from -1000 to -1000.*not look like HU"),
    "complex": (lambda p: nifti(p, lambda v, a: (v.astype(np.complex64), a)), "type complex64"),
    "colour": (lambda p: nifti(p, lambda v, a: (np.zeros(v.shape, COLOUR), a)), "expected single real"),
    "metres": (in_metres, "spacing in meters; expected mm"),
    "voxels missing": (cut_plain, "not a readable NIfTI volume .*ends early"),
    "checksum": (wrong_checksum, "not a readable NIfTI volume"),
    "text": (lambda p: p.write_text("no volume"), "not a readable NIfTI volume"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_nifti_refusals_name_file_and_fault(tmp_path, make, reason):
    path = tmp_path / "bad.nii.gz"
    make(path)
    with pytest.raises(ImageError, match=rf"^bad\.nii\.gz: .*{reason}") as caught:
        read_ct(path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(ImageError, match=r"none\.nii: no such file"):
        read_ct(tmp_path / "none.nii")
    (tmp_path / "ct.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"ct\.png: not a volume file by its name; expected \.nii\.gz"):
        read_ct(tmp_path / "ct.png")


def test_itk_files_without_orientation(tmp_path):
    values, affine = ct_files.stored(ct_files.chest(), (0, 1, 2), (False, False, False))
    for suffix, line, reason in (
        (".nrrd", b"space: left-posterior-superior", "names no patient space"),
        (".mha", b"TransformMatrix", "holds no TransformMatrix"),
    ):
        path = ct_files.write_itk(tmp_path / f"ct{suffix}", values, affine)
        data = path.read_bytes()
        assert line in data
        # A comment in NRRD, an unknown key in MetaImage: the readers pass over both.
        path.write_bytes(data.replace(line, b"space dimension: 3" if suffix == ".nrrd" else b"TransformMatrax"))
        with pytest.raises(ImageError, match=rf"ct\{suffix}: a volume without an orientation .*{reason}"):
            read_ct(path)
    path = ct_files.write_itk(tmp_path / "ct.mha", values, np.diag([-1.0, -1.0, 1.0, 1.0]))
    with pytest.raises(ImageError, match="its affine is the identity"):
        read_ct(path)


def test_damaged_and_layered_itk_files(tmp_path):
    (tmp_path / "ct.mha").write_text("ObjectType = Image\n")
    with pytest.raises(ImageError, match=r"ct\.mha: not a readable volume") as caught:
        read_ct(tmp_path / "ct.mha")
    assert "\n" not in str(caught.value)
    layered = sitk.GetImageFromArray(np.zeros((3, 4, 5, 2), np.int16), isVector=True)
    layered.SetSpacing((1, 1, 2))
    sitk.WriteImage(layered, str(tmp_path / "layers.nrrd"))
    with pytest.raises(ImageError, match=r"layers\.nrrd: 2 numbers a voxel; expected one"):
        read_ct(tmp_path / "layers.nrrd")


def test_a_layout_for_dicom_is_refused(tmp_path):
    with pytest.raises(CxrError, match="a DICOM series, which states its own"):
        read_ct(tmp_path, VolumeLayout((1, 1, 1), "RAS"))


@pytest.mark.parametrize(("step", "plausible"), [(5.0, True), (1.3, True), (0.5, False), (16.0, True), (22.0, False)])
def test_a_body_too_small_or_too_large_for_a_chest_is_refused_unless_the_config_says_its_spacing(
    tmp_path, step, plausible
):
    hu = np.full((52, 60, 4), -1000, np.int16)
    hu[1:51, 2:58] = 40
    path = ct_files.write_nifti(tmp_path / "ct.nii.gz", hu, np.diag([step, step, step, 1.0]))
    image = nib.load(path)
    image.affine[:3, 3] = 7
    nib.save(nib.Nifti1Image(hu, image.affine), path)
    if plausible:
        assert read_ct(path).notes == ()
        return
    with pytest.raises(ImageError, match=f"the body is {50 * step:.0f} mm wide and {56 * step:.0f} mm deep"):
        read_ct(path)
    notes = read_ct(path, VolumeLayout((step, step, step), "RAS")).notes
    assert "probably not in mm" in notes[1]
