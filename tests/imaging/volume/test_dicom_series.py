"""DICOM series: order, geometry, compression, and what is refused."""

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.ct import read_ct
from tests.imaging import ct_files
from tests.imaging.volume.test_orientation import turn


def test_slices_are_sorted_by_position_and_turned(tmp_path):
    volume = read_ct(ct_files.write_series(tmp_path / "ct", ct_files.ct_slices()))
    np.testing.assert_array_equal(volume.values, ct_files.chest())
    assert volume.values.dtype == np.int16
    np.testing.assert_allclose(volume.spacing_mm, ct_files.SPACING_MM)
    np.testing.assert_allclose(volume.origin_mm, ct_files.ORIGIN_MM)
    assert volume.notes == ()


@pytest.mark.parametrize(("order", "flipped"), ct_files.ORDERS[::5])
def test_patient_positions_and_planes(tmp_path, order, flipped):
    # The slices of a turned patient: what is an axial series for one is sagittal or coronal for the other.
    values, affine = ct_files.stored(ct_files.chest(), order, flipped)
    if np.linalg.det(affine[:3, :3]) < 0:  # a slice normal is right-handed
        values, affine = values[:, :, ::-1], affine.copy()
        affine[:3, 3] += affine[:3, 2] * (values.shape[2] - 1)
        affine[:3, 2] *= -1
    # ct_slices flips x and y of what it takes for canonical; undone here.
    slices = ct_files.ct_slices(values[::-1, ::-1].transpose(2, 1, 0), _unflipped(affine, values.shape))
    volume = read_ct(ct_files.write_series(tmp_path / "ct", slices))
    np.testing.assert_array_equal(volume.values, ct_files.chest())
    np.testing.assert_allclose(volume.origin_mm, ct_files.ORIGIN_MM, atol=1e-6)


def _unflipped(affine, shape):
    affine = affine.copy()
    for axis in (0, 1):
        affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
        affine[:3, axis] *= -1
    return affine


def test_jpeg2000_and_files_beside(tmp_path):
    slices = ct_files.ct_slices(ct_files.chest((4, 32, 36)))
    for one in slices:
        one.compress(JPEG2000Lossless, generate_instance_uid=False)
    folder = ct_files.write_series(tmp_path / "ct", slices)
    (folder / "LICENSE").write_text("free")
    volume = read_ct(folder)
    np.testing.assert_array_equal(volume.values, ct_files.chest((4, 32, 36)))
    assert volume.notes == ("1 other files beside the DICOM slices left aside",)


def test_exact_copies_are_left_aside_and_other_slices_of_a_place_are_not(tmp_path):
    folder = ct_files.write_series(tmp_path / "ct", ct_files.ct_slices())
    for path in sorted(folder.iterdir()):
        (folder / f"copy of {path.name}").write_bytes(path.read_bytes())
    volume = read_ct(folder)
    np.testing.assert_array_equal(volume.values, ct_files.chest())
    assert volume.notes == ("6 exact copies beside the DICOM slices left aside",)
    copy = next(folder.glob("copy of *"))
    data = copy.read_bytes()
    copy.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ImageError, match="1 of 7 slices repeat a position"):
        read_ct(folder)


def test_oblique_series_is_resampled(tmp_path):
    affine = ct_files.canonical_affine()
    affine[:3, :3] = turn(5, 1) @ affine[:3, :3]
    volume = read_ct(ct_files.write_series(tmp_path / "ct", ct_files.ct_slices(affine=affine)))
    assert volume.notes == ("oblique by 5.00 degrees: CT resampled (linear) onto the anatomical axes",)


def every(change):
    def apply(slices):
        for k, one in enumerate(slices):
            change(k, one)
        return slices

    return apply


def one_of(change):
    def apply(slices):
        change(slices[2])
        return slices

    return apply


def tag(name, value):
    return lambda one: setattr(one, name, value)


def moved(k, one, axis, amount):
    position = list(map(float, one.ImagePositionPatient))
    position[axis] += k * amount
    one.ImagePositionPatient = position


def repeated(slices):
    slices[3].ImagePositionPatient = slices[2].ImagePositionPatient
    return slices


def larger(one):
    one.Rows, one.PixelData = one.Rows * 2, one.PixelData * 2


REFUSALS = {
    "none": (lambda s: [], "0 DICOM slices in the folder; expected one CT series"),
    "one": (lambda s: s[:1], "1 DICOM slices in the folder; expected one CT series"),
    "gap": (
        lambda s: s[:2] + s[3:],
        r"1 of 4 slice steps are uneven \(2\.500 to 5\.000 mm, the first 2\.5 mm from the end",
    ),
    "repeated": (repeated, "1 of 6 slices repeat a position"),
    "two series": (one_of(tag("SeriesInstanceUID", "1.2.3")), "2 series among 6 slices"),
    "sizes": (one_of(larger), "2 image sizes among 6 slices"),
    "spacings": (one_of(tag("PixelSpacing", [1.0, 1.0])), "2 pixel spacings among 6 slices"),
    "rescale of one slice": (
        one_of(lambda one: delattr(one, "RescaleIntercept")),
        "1 of 6 slices state no RescaleSlope or RescaleIntercept, and others do",
    ),
    "orientations": (
        one_of(tag("ImageOrientationPatient", [0, 1, 0, 0, 0, -1])),
        "1 of 6 slices have another orientation",
    ),
    "tilt tag": (every(lambda k, one: tag("GantryDetectorTilt", -12.5)(one)), "a gantry tilt of -12.5 degrees"),
    "tilt": (every(lambda k, one: moved(k, one, 1, 2.5 * np.tan(np.radians(10)))), r"a gantry tilt of 10\.00 degrees"),
    "modality": (one_of(tag("Modality", "MR")), "modality MR; expected only CT"),
    "odd modality": (one_of(tag("Modality", "Doe")), "modality unknown; expected only CT"),
    "frames": (one_of(tag("NumberOfFrames", 3)), "multi-frame DICOM; expected one file a slice"),
    "no position": (one_of(lambda one: delattr(one, "ImagePositionPatient")), "DICOM without ImagePositionPatient"),
    "spacing": (one_of(tag("PixelSpacing", [0, 1])), "pixel spacing 0 x 1 mm; expected positive"),
    "cosines": (one_of(tag("ImageOrientationPatient", [1, 0, 0, 1, 0, 0])), "not two unit vectors"),
    "short": (one_of(lambda one: setattr(one, "PixelData", one.PixelData[:7])), "cannot be decoded"),
    "slope": (every(lambda k, one: tag("RescaleSlope", 0)(one)), "rescale slope 0"),
    "not HU": (every(lambda k, one: tag("RescaleIntercept", 0)(one)), "not look like HU"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("change", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals_name_the_fault_and_no_patient(tmp_path, change, reason):
    folder = ct_files.write_series(tmp_path / "ct", change(ct_files.ct_slices()))
    with pytest.raises(ImageError, match=reason) as caught:
        read_ct(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert not any(secret in message for secret in (*ct_files.SECRETS, "Doe", str(tmp_path)))


def test_steps_may_wander_by_a_hundredth(tmp_path):
    slices = ct_files.ct_slices()
    moved(1, slices[2], 2, 0.009)
    assert read_ct(ct_files.write_series(tmp_path / "ct", slices)).values.shape == (6, 5, 4)


@pytest.mark.slow
def test_the_real_series(real_data):
    folder = real_data / "ct_dicom"
    if not folder.is_dir():
        pytest.skip("the folder of real data holds no ct_dicom")
    volume = read_ct(folder)
    assert volume.values.shape == (92, 512, 512)
    assert volume.values.dtype == np.int16
    np.testing.assert_allclose(volume.spacing_mm, (3.0, 0.78125, 0.78125))
    # A supine patient: the middle of the body is tissue, the back lies on a table, the front is free air.
    across = volume.values[:, :, 206:306].mean(axis=(0, 2))
    assert across[-20:].mean() < -900
    # Liver below, lungs above it: the right half of the lower fifth is denser than the middle's.
    right = volume.values[:, 150:350, 300:400].mean(axis=(1, 2))
    assert right[:15].mean() > right[50:65].mean() + 150
