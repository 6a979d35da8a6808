"""NIfTI hearts: the layouts of public data sets, and what is refused in one line."""

import struct

import nibabel as nib
import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.heart import examine_heart, read_heart
from cxrfactory.hearts.reading.rules import HeartRules
from tests.hearts.reading import heart_files as files
from tests.hearts.reading.test_dicom import ES, assert_whole, refused


@pytest.fixture(scope="module")
def stack():
    return files.volume()


def lax_nifti(path, view, phases, **settings):
    values = np.stack([files.image(files.VIEWS[view], phase) for phase in phases])
    values = values.transpose(2, 1, 0)[:, :, None, :]
    affine = files.stack_affine(files.VIEWS[view], 8 * np.cross(*files.VIEWS[view][1:]))
    return files.nifti(path, values[..., 0] if len(phases) == 1 else values, affine, **settings)


def test_one_file_over_time(tmp_path, stack):
    path = files.nifti(tmp_path / "subject_sa.nii.gz", stack, files.stack_affine())
    reading = examine_heart(path)
    assert [views.frame for views in reading.views] == ["ED", "ES"]
    assert_whole(reading.views[0])
    assert_whole(reading.views[1], ES)
    assert reading.views[0].case_id == "subject_sa"
    assert reading.views[0].short_axis[0].thickness_mm == pytest.approx(files.STEP_MM)


@pytest.mark.parametrize("turned", ["apex first", "left-handed", "slices first"])
def test_any_order_of_axes_gives_the_same_planes(tmp_path, stack, turned):
    affine = files.stack_affine()
    if turned == "apex first":
        stack, affine = stack[:, :, ::-1], affine @ flip(2, stack.shape[2])
    elif turned == "left-handed":
        stack, affine = stack[:, ::-1], affine @ flip(1, stack.shape[1])
    else:
        stack, affine = stack.transpose(2, 0, 1, 3), affine[:, [2, 0, 1, 3]]
    found = read_heart(files.nifti(tmp_path / "sa.nii", stack, affine))[0]
    if turned != "left-handed":
        assert_whole(found)
    for number, plane in enumerate(found.short_axis):
        # The grey value at a position is the phantom's, whatever the order of the file.
        points = plane.positions_mm(*np.meshgrid(np.arange(64.0), np.arange(64.0)))
        # Positions on the border of a shape may fall on its other side.
        agree = np.abs(plane.pixels - files.grey(points, 0.0)) < 2
        assert agree.mean() > 0.99, number


def flip(axis, length):
    matrix = np.eye(4)
    matrix[axis, axis], matrix[axis, 3] = -1, length - 1
    return matrix


def test_uk_biobank_names_with_long_axis_files(tmp_path, stack):
    files.nifti(tmp_path / "1" / "sa.nii.gz", stack, files.stack_affine())
    for view in ("2ch", "4ch"):
        lax_nifti(tmp_path / "1" / f"la_{view}.nii.gz", view, files.phases(9))
    files.nifti(tmp_path / "1" / "label_sa_ED.nii.gz", stack[..., 0], files.stack_affine())
    reading = examine_heart(tmp_path / "1")
    assert_whole(reading.views[0])
    assert set(reading.views[0].long_axis) == {"2ch", "4ch"}
    # 3 of 9 is the same phase as 2 of 6.
    np.testing.assert_array_equal(reading.views[1].long_axis["2ch"].pixels, files.image(files.VIEWS["2ch"], 3 / 9))
    assert "1 label files left aside" in reading.notes


def test_files_that_programs_leave_beside_uk_biobank_images(tmp_path, stack):
    files.nifti(tmp_path / "1" / "sa.nii.gz", stack, files.stack_affine())
    lax_nifti(tmp_path / "1" / "la_4ch.nii.gz", "4ch", files.phases(6))
    lax_nifti(tmp_path / "1" / "la_3ch.nii.gz", "3ch", files.phases(6))
    for name in ("ao", "t1map", "seg_ao", "seg4_la_4ch", "sa_pred", "seg_sa", "sa_ED", "sa_crop", "other", "flow_mag"):
        files.nifti(tmp_path / "1" / f"{name}.nii.gz", stack[..., 1], files.stack_affine())
    lax_nifti(tmp_path / "1" / "lvot.nii.gz", "2ch", files.phases(6))
    reading = examine_heart(tmp_path / "1")
    assert_whole(reading.views[0])
    assert set(reading.views[0].long_axis) == {"3ch", "4ch"}
    assert reading.notes == (
        "4 label files left aside",
        "2 NIfTI files left aside, beside a file of exactly that view's name",
        "3 NIfTI files left aside, which by their names are no cine of the heart",
        "1 NIfTI files left aside, whose names say no view, beside a file of the short axis",
        "1 files of single times beside the file of all times left aside",
    )


def test_a_patient_called_pa(tmp_path, stack):
    files.nifti(tmp_path / "PA_0012" / "PA_0012_sa.nii.gz", stack, files.stack_affine())
    assert_whole(read_heart(tmp_path / "PA_0012")[0])
    files.nifti(tmp_path / "q" / "pa.nii.gz", stack, files.stack_affine())
    assert "none of them a short-axis stack by its name; call it sa.nii.gz" in refused(tmp_path / "q")


def test_acdc_names_with_info(tmp_path, stack):
    folder = tmp_path / "patient001"
    files.nifti(folder / "patient001_4d.nii.gz", stack, None, step=1.0)
    files.nifti(folder / "patient001_frame01.nii.gz", stack[..., 0], None)
    files.nifti(folder / "patient001_frame01_gt.nii.gz", stack[..., 0], None)
    (folder / "Info.cfg").write_text("ED: 1\nES: 4\nGroup: DCM\nHeight: 184.0\nNbFrame: 6\nWeight: 95.0\n")
    reading = examine_heart(folder)
    assert [views.frame for views in reading.views] == ["ED", "ES"]
    assert reading.view_phases == pytest.approx((0, 3 / 6))
    for number, plane in enumerate(reading.views[1].short_axis):
        np.testing.assert_array_equal(plane.pixels, stack[:, :, number, 3].T)
        assert plane.spacing_mm == pytest.approx((2.5, 2.5))
    apart = reading.views[0].short_axis[1].origin_mm - reading.views[0].short_axis[0].origin_mm
    assert np.linalg.norm(apart) == pytest.approx(files.STEP_MM)
    assert any("the place and the direction of the stack in the patient are made up" in note for note in reading.notes)


def test_acdc_frames_alone_and_apex_first(tmp_path, stack):
    for number in (0, 2):
        files.nifti(tmp_path / "p" / f"p_frame{number + 1:02d}.nii.gz", stack[:, :, ::-1, number], None)
    found = read_heart(tmp_path / "p")
    assert [views.frame for views in found] == ["ED", "ES"]
    # The base is found by its larger pool, though the file begins at the apex.
    np.testing.assert_array_equal(found[0].short_axis[0].pixels, stack[:, :, 0, 0].T)
    np.testing.assert_array_equal(found[1].short_axis[5].pixels, stack[:, :, 5, 2].T)


@pytest.mark.parametrize("orientation", [None, np.diag([-files.PIXEL_MM, -files.PIXEL_MM, files.STEP_MM, 1.0])])
def test_unplaced_stack_is_no_mirror_image_in_either_order(tmp_path, stack, orientation):
    base_first = examine_heart(files.nifti(tmp_path / "a.nii", stack, orientation)).views[0].short_axis
    apex_first = examine_heart(files.nifti(tmp_path / "b.nii", stack[:, :, ::-1], orientation)).views[0].short_axis
    for one, other in zip(base_first, apex_first, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_allclose(one.origin_mm, other.origin_mm, atol=1e-9)
    to_base = base_first[0].origin_mm - base_first[-1].origin_mm
    assert np.linalg.det([base_first[0].across, base_first[0].down, to_base]) > 0  # as in the phantom
    assert to_base @ files.APEX < 0
    assert np.linalg.det([files.LEFT, files.BACK, -files.APEX]) > 0


def test_m_and_ms_names_of_two_times(tmp_path, stack):
    for number, name in ((0, "ED"), (2, "ES")):
        files.nifti(tmp_path / "001" / f"001_SA_{name}.nii.gz", stack[..., number], files.stack_affine())
        lax_nifti(tmp_path / "001" / f"001_LA_{name}.nii.gz", "4ch", [number / 6])
        files.nifti(tmp_path / "001" / f"001_SA_{name}_gt.nii.gz", stack[..., number], files.stack_affine())
    found = read_heart(tmp_path / "001")
    assert [views.frame for views in found] == ["ED", "ES"]
    for views, phase in zip(found, (0.0, ES), strict=True):
        assert_whole(views, phase)
        assert set(views.long_axis) == {"4ch"}


def test_one_volume(tmp_path, stack):
    reading = examine_heart(files.nifti(tmp_path / "heart.nii.gz", stack[..., 0], files.stack_affine()))
    assert [views.frame for views in reading.views] == ["0"]
    assert "one time only; end-systole cannot be found, and there is no ejection fraction" in reading.notes


def test_fourth_axis_without_time(tmp_path, stack):
    path = files.nifti(tmp_path / "p" / "sa.nii.gz", stack, files.stack_affine(), step=0.0)
    message = refused(path)
    assert message == (
        "sa.nii.gz: 6 volumes along a fourth axis without a time step (pixdim[4] is 0); expected the step in the "
        "header, or a file Info.cfg beside it with lines such as 'ED: 1' and 'ES: 10', the numbers of the images at "
        "end-diastole and end-systole, from 1"
    )
    assert_whole(read_heart(path, HeartRules(ed=0, es=2))[1], ES)
    # The advice works, for the file and for its folder.
    (tmp_path / "p" / "Info.cfg").write_text("ED: 1\nES: 3\n")
    for place in (path, tmp_path / "p"):
        assert_whole(read_heart(place)[1], ES)
    (tmp_path / "p" / "Info.cfg").write_text("ED: 1\nES: 7\n")
    assert refused(path) == "sa.nii.gz: Info.cfg says 'ES: 7'; expected 1 to 6, the number of an image"
    (tmp_path / "p" / "Info.cfg").write_text("ED: 1\n")
    assert "without a time step" in refused(path)


def test_fourth_axis_of_another_kind(tmp_path, stack):
    path = files.nifti(tmp_path / "sa.nii.gz", stack, files.stack_affine(), units="hz")
    assert "a fourth axis in hz; expected time" in refused(path)


def test_axial_volume(tmp_path, stack):
    affine = np.diag([2.5, 2.5, 10.0, 1.0])
    affine[:3, 3] = -80, -70, 20
    assert "the only stack is axial, of 6 slices" in refused(files.nifti(tmp_path / "sa.nii.gz", stack, affine))


def test_damaged_and_wrong_shapes(tmp_path, stack):
    path = files.nifti(tmp_path / "sa.nii.gz", stack, files.stack_affine())
    path.write_bytes(path.read_bytes()[:5000])
    assert "not a readable NIfTI volume" in refused(path)
    five = files.nifti(tmp_path / "five.nii.gz", stack[:4, :4, :, :, None].repeat(2, 4), files.stack_affine())
    assert "4 x 4 x 6 x 6 x 2 voxels; expected one volume" in refused(five)
    flat = files.nifti(tmp_path / "flat.nii.gz", np.full_like(stack, 7), files.stack_affine())
    assert refused(flat) == "flat.nii.gz: all voxels are 7; expected images"


def test_unknown_grey_values(tmp_path, stack):
    values = stack.astype(np.float32)
    values[:4] = np.nan
    reading = examine_heart(files.nifti(tmp_path / "nan.nii.gz", values, files.stack_affine()))
    assert "nan.nii.gz: 6.2% of the voxels are NaN; read as 0" in reading.notes
    np.testing.assert_array_equal(reading.views[0].short_axis[2].pixels[:, :4], 0)
    np.testing.assert_array_equal(reading.views[0].short_axis[2].pixels[:, 4:], stack[4:, :, 2, 0].T)
    values[:40] = np.nan
    message = refused(files.nifti(tmp_path / "much.nii.gz", values, files.stack_affine()))
    assert message == "much.nii.gz: 62% of the voxels are NaN; expected grey values in at least half of them"
    values[:40] = np.inf
    assert "infinite" in refused(files.nifti(tmp_path / "inf.nii.gz", values, files.stack_affine()))


def test_time_as_the_fifth_axis(tmp_path, stack):
    picture = nib.Nifti1Image(stack[:, :, :, None], files.stack_affine())
    picture.header["pixdim"][4:6] = 0, 0.045
    picture.header.set_xyzt_units("mm", "sec")
    picture.to_filename(tmp_path / "sa.nii.gz")
    assert_whole(read_heart(tmp_path / "sa.nii.gz")[1], ES)


@pytest.mark.parametrize("header", ["identity", "none", "zeros", "no step"])
def test_spacing_that_nobody_measured(tmp_path, stack, header):
    picture = nib.Nifti1Image(stack, np.eye(4) if header == "identity" else None)
    picture.header.set_xyzt_units("mm", "sec")
    picture.to_filename(tmp_path / "sa.nii")
    pixel = 2.5 if header == "no step" else 1
    if header in ("zeros", "no step"):  # nibabel writes no such header
        head = bytearray((tmp_path / "sa.nii").read_bytes())
        head[80:92] = struct.pack("<3f", *([0, 0, 0] if header == "zeros" else [pixel, pixel, 0]))
        (tmp_path / "sa.nii").write_bytes(head)
    message = refused(tmp_path / "sa.nii", HeartRules(ed=0, es=2))
    assert message.startswith(f"sa.nii: voxel spacing {pixel} x {pixel} x 1 mm and no orientation (")
    assert message.endswith("expected the true spacing; write it to the header (pixdim, or the affine)")


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_spacing_in_other_units(tmp_path, stack, factor):
    affine = np.diag([-2.5, -2.5, 10.0, 1 / factor]) * factor
    message = refused(files.nifti(tmp_path / "sa.nii", stack, affine), HeartRules(ed=0, es=2))
    assert "expected 0.2 to 10 mm in the plane and 0.5 to 40 mm from slice to slice" in message
    assert message.startswith(f"sa.nii: voxel spacing {2.5 * factor:g} x {2.5 * factor:g} x {10 * factor:g} mm")


def test_axes_in_another_order(tmp_path):
    stack = files.volume(20)
    first = files.nifti(tmp_path / "first.nii.gz", stack.transpose(3, 0, 1, 2), files.stack_affine())
    assert refused(first) == (
        "first.nii.gz: 20 x 64 pixels, 64 slices 10 mm apart and 6 times, a stack of 630 mm; expected at most 260 mm; "
        "expected the axes x, y, slice, time in this order"
    )
    third = files.nifti(tmp_path / "third.nii.gz", stack.transpose(0, 1, 3, 2), files.stack_affine())
    message = refused(third)
    assert message.startswith("third.nii.gz: 64 x 64 pixels, 20 slices 10 mm apart and 6 times, but slices differ less")
    assert message.endswith("as if the third axis were time; expected the axes x, y, slice, time in this order")
    thin = stack_of_thin_slices(41)
    assert "41 slices 2 mm apart and 1 times; expected at most 40 slices" in refused(
        files.nifti(tmp_path / "thin.nii.gz", thin, files.stack_affine(step=2 * files.APEX))
    )


def stack_of_thin_slices(count):
    return np.repeat(files.volume(1)[..., 0], 7, axis=2)[:, :, :count]


def test_several_files_that_may_be_the_stack(tmp_path, stack):
    for name in ("a", "b"):
        files.nifti(tmp_path / "p" / f"{name}.nii.gz", stack[..., 0], files.stack_affine())
    assert "p: 2 files may be the short-axis stack; expected one a case" in refused(tmp_path / "p")
    lax_nifti(tmp_path / "q" / "la_4ch.nii.gz", "4ch", [0.0])
    assert "q: 1 NIfTI images, none of them a short-axis stack by its name" in refused(tmp_path / "q")


def test_times_of_different_grids(tmp_path, stack):
    files.nifti(tmp_path / "p" / "p_frame01.nii.gz", stack[..., 0], files.stack_affine())
    files.nifti(tmp_path / "p" / "p_frame05.nii.gz", stack[:, :, :5, 0], files.stack_affine())
    assert "p_frame05.nii.gz: another grid than p_frame01.nii.gz" in refused(tmp_path / "p")


def test_long_axis_file_without_orientation_is_left_aside(tmp_path, stack):
    files.nifti(tmp_path / "p" / "sa.nii.gz", stack, files.stack_affine())
    files.nifti(tmp_path / "p" / "la_4ch.nii.gz", stack[:, :, :1], None)
    reading = examine_heart(tmp_path / "p")
    assert reading.views[0].long_axis == {}
    assert any(note.startswith("the 4ch file left aside: qform_code and sform_code are 0") for note in reading.notes)


def test_long_axis_files_beside_a_stack_without_orientation(tmp_path, stack):
    files.nifti(tmp_path / "p" / "sa.nii.gz", stack, None)
    lax_nifti(tmp_path / "p" / "la_4ch.nii.gz", "4ch", files.phases(6))
    reading = examine_heart(tmp_path / "p")
    assert reading.views[0].long_axis == {}
    assert "1 long-axis views left aside: their places do not fit a made-up one" in reading.notes


def test_two_orientations_that_differ(tmp_path, stack):
    picture = nib.Nifti1Image(stack, files.stack_affine())
    picture.set_qform(files.stack_affine() @ flip(0, 64), 1)
    picture.set_sform(files.stack_affine(), 1)
    picture.header.set_xyzt_units("mm", "sec")
    picture.to_filename(tmp_path / "sa.nii")
    with pytest.raises(ImageError, match=r"qform .* and sform .* differ"):
        read_heart(tmp_path / "sa.nii")
    assert refused(tmp_path / "sa.nii").endswith("; expected one orientation; correct the header")
