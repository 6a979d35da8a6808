"""Order of images without times, repeated acquisitions, beats, turned slices, start of the cycle, and identity."""

import copy
import itertools
import os

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.hearts.infer.prepare import pictures_of
from cxrfactory.hearts.reading.heart import examine_heart, read_heart
from cxrfactory.hearts.views import HeartViews, ImagePlane
from tests.hearts.reading import heart_files as files
from tests.hearts.reading.test_dicom import refused
from tests.hearts.reading.test_sequences import assert_moves


@pytest.fixture
def whole():
    return files.examination()


def turned(number, degrees=0.0, tilt=0.0):
    """A short-axis plane turned in its plane, and tilted about its rows."""
    turn, lean = np.radians(degrees), np.radians(tilt)
    across = np.cos(turn) * files.LEFT + np.sin(turn) * files.BACK
    down = -np.sin(turn) * files.LEFT + np.cos(turn) * files.BACK
    middle = files.CENTRE + (number - (files.SLICES - 1) / 2) * files.STEP_MM * files.APEX
    return files.centred(middle, across, np.cos(lean) * down + np.sin(lean) * files.APEX)


def with_stack(places, whole):
    slices = [files.cine(place, 10 + n) for n, place in enumerate(places)]
    return [*itertools.chain(*slices), *(each for each in whole if each.SeriesNumber >= 30)]


# Order.

ORDERS = {
    "temporal position": lambda one: {"TemporalPositionIdentifier": one.InstanceNumber},
    "acquisition": lambda one: {"AcquisitionTime": f"10120{one.InstanceNumber}.5"},
    "content": lambda one: {"ContentTime": f"10120{one.InstanceNumber}"},
}


@pytest.mark.parametrize("name", ORDERS)
def test_images_without_times_and_numbers_are_ordered_by_what_is_left(tmp_path, whole, name):
    for one in whole:
        for key, value in ORDERS[name](one).items():
            setattr(one, key, value)
        del one.TriggerTime
        one.InstanceNumber = 1
    assert_moves(examine_heart(files.write(tmp_path, whole, lambda n: f"{-n % 7}/{n}.dcm")))


def test_frames_of_an_enhanced_object_without_times_and_numbers(tmp_path, whole):
    objects = []
    for series in sorted({each.SeriesNumber for each in whole}):
        one = files.enhanced([each for each in whole if each.SeriesNumber == series], 50 + series)
        for group in one.PerFrameFunctionalGroupsSequence:
            del group.CardiacSynchronizationSequence
            del group.FrameContentSequence
        objects.append(one)
    assert_moves(examine_heart(files.write(tmp_path, objects)))


def test_images_that_nothing_orders_are_refused(tmp_path, whole):
    for one in whole:
        del one.TriggerTime
        one.InstanceNumber = 1
    message = refused(files.write(tmp_path / "p", whole))
    assert "nothing orders the 6 images of its place; expected TriggerTime, InstanceNumber" in message


def test_a_slice_acquired_twice_in_one_series_counts_as_acquired_last(tmp_path, whole):
    first = files.cine(files.sax(3), 13, moved=9 * files.LEFT)
    for one in [each for each in whole if each.SeriesNumber == 13]:
        one.InstanceNumber += 6
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = files.uid(5, one.InstanceNumber)
    reading = examine_heart(files.write(tmp_path, [*whole, *first]))
    assert_moves(reading)
    assert reading.notes == (
        "6 images of earlier acquisitions of a place in one series left aside; the last one counts",
    )


def test_the_first_of_several_beats_counts(tmp_path, whole):
    slices = []
    for n in range(files.SLICES):
        beats = [files.dicom(files.sax(n), beat / 6, 10 + n, beat + 1, images=18) for beat in range(18)]
        slices += beats
    reading = examine_heart(files.write(tmp_path, [*slices, *(each for each in whole if each.SeriesNumber >= 30)]))
    assert_moves(reading)
    assert f"{12 * files.SLICES} images of later beats left aside; the first beat of each place counts" in str(
        reading.notes
    )


def test_positions_that_differ_by_rounding_are_one_place(tmp_path, whole):
    for number, one in enumerate(whole):
        place = [round(float(each), 1) + 0.05 for each in one.ImagePositionPatient]
        one.ImagePositionPatient = [f"{each + 1e-6 * (-1) ** number:.7f}" for each in place]
    assert_moves(examine_heart(files.write(tmp_path, whole)))


# Start of the cycle.


@pytest.mark.parametrize("start", [0.2, 0.4, 0.6])
def test_series_that_begin_elsewhere_in_the_cycle(tmp_path, start):
    planes = [(files.sax(n), 10 + n) for n in range(files.SLICES)]
    images = []
    for (place, series), n in itertools.product(planes, range(20)):
        one = files.dicom(place, n / 20, series, n + 1)
        values = files.image(place, (n / 20 + start) % 1)
        one.PixelData = values.astype("<u2").tobytes()
        images.append(one)
    reading = examine_heart(files.write(tmp_path, images))
    found = {views.frame: phase for views, phase in zip(reading.views, reading.view_phases, strict=True)}
    assert files.contraction(found["ED"] + start) > 0.95
    assert files.contraction(found["ES"] + start) < 0.62
    assert any(note.startswith("the series do not begin at end-diastole") for note in reading.notes)


# Turned slices, and parallel planes.


@pytest.mark.parametrize("turn", [{"degrees": 2.0}, {"tilt": 3.0}])
def test_slices_that_were_planned_again_are_kept(tmp_path, whole, turn):
    places = [turned(n, **turn) if n < 2 else files.sax(n) for n in range(files.SLICES)]
    reading = examine_heart(files.write(tmp_path, with_stack(places, whole)))
    for plane, place in zip(reading.views[1].short_axis, places, strict=True):
        np.testing.assert_allclose(plane.across, place[1], atol=1e-6)
        np.testing.assert_array_equal(plane.pixels, files.image(place, 2 / 6))
    most = max(turn.values())
    assert reading.notes == (f"2 short-axis slices are turned by up to {most:.1f} degrees against the others",)


def test_slices_that_are_turned_further_are_counted(tmp_path, whole):
    places = [turned(n, tilt=7.0) if n < 2 else files.sax(n) for n in range(files.SLICES)]
    reading = examine_heart(files.write(tmp_path, with_stack(places, whole)))
    assert len(reading.views[0].short_axis) == files.SLICES - 2
    assert any(note.startswith("2 places nearly parallel to the short-axis stack") for note in reading.notes)


def test_a_turned_stack_between_the_slices_is_no_part_of_it(tmp_path, whole):
    between = [files.cine(turned(n + 0.5, tilt=2.0), 40 + n) for n in range(3)]
    reading = examine_heart(files.write(tmp_path, [*whole, *itertools.chain(*between)]))
    assert_moves(reading)
    assert any("left aside (series 40, 41, 42)" in note for note in reading.notes)


def test_the_network_sees_turned_slices_along_the_others():
    def planes(places):
        pixels = [files.image(place, 0.0).astype(np.float32) for place in places]
        return tuple(ImagePlane(p, *place, (2.5, 2.5), 8.0) for p, place in zip(pixels, places, strict=True))

    straight = [files.sax(n) for n in range(files.SLICES)]
    skewed = [turned(n, degrees=4.0) if n < 2 else files.sax(n) for n in range(files.SLICES)]
    expected, found = (pictures_of(HeartViews("c", "p", "ED", planes(each), {})) for each in (straight, skewed))
    np.testing.assert_allclose(found.across, expected.across)
    np.testing.assert_allclose(found.origins_mm, expected.origins_mm, atol=1e-6)
    inner = np.s_[:, 8:-8, 8:-8]
    apart = np.abs(found.stack[inner].astype(float) - expected.stack[inner])
    assert apart.mean() < 4.0
    raw = pictures_of(HeartViews("c", "p", "ED", planes(straight), {}))
    np.testing.assert_array_equal(raw.stack, expected.stack)


def test_of_parallel_planes_the_nearest_to_the_long_axis_is_the_view(tmp_path, whole):
    origin, across, down = files.VIEWS["4ch"]
    offsets = (-12, -6, 0, 6, 12)
    planes = [(origin + mm * np.cross(across, down), across, down) for mm in offsets]
    parallel = [files.cine(place, 60 + n, description="cine_4ch") for n, place in enumerate(planes)]
    others = [each for each in whole if each.SeriesNumber != 30]
    found = examine_heart(files.write(tmp_path, [*others, *itertools.chain(*parallel)]))
    np.testing.assert_allclose(found.views[0].long_axis["4ch"].origin_mm, origin, atol=1e-5)


# Identity.


def test_frames_of_reference_renamed_by_series(tmp_path, whole):
    for one in whole:
        one.FrameOfReferenceUID = files.uid(7, one.SeriesNumber)
    reading = examine_heart(files.write(tmp_path, whole))
    assert_moves(reading)
    assert "9 frames of reference, one for each of the series" in reading.notes[0]


def test_renamed_frames_of_reference_far_apart(tmp_path, whole):
    for one in whole:
        one.FrameOfReferenceUID = files.uid(7, one.SeriesNumber)
        if one.SeriesNumber >= 30:
            one.ImagePositionPatient = [float(each) + 150 for each in one.ImagePositionPatient]
    assert "images of 9 frames of reference" in refused(files.write(tmp_path, whole))


def test_cines_without_a_frame_of_reference_are_named(tmp_path, whole):
    for one in [each for each in whole if each.SeriesNumber >= 31]:
        del one.FrameOfReferenceUID
    message = refused(files.write(tmp_path, whole))
    assert "FrameOfReferenceUID (0020,0052) lacks in series 31, 32 and is there in others" in message
    assert "export again with it" in message


def test_patient_id_missing_in_part(tmp_path, whole):
    for one in [each for each in whole if each.SeriesNumber >= 30]:
        del one.PatientID
    reading = examine_heart(files.write(tmp_path / "same", whole))
    assert_moves(reading)
    assert reading.notes == ("PatientID lacks in 18 images (series 30, 31, 32); the name is the same in all",)
    other = copy.deepcopy(whole)
    other[-1].PatientName = "Other"
    assert "PatientID (0010,0020) lacks in 18 images" in refused(files.write(tmp_path / "other", other))


# Folders.


def test_dicom_beside_nifti_is_refused_with_both_counts(tmp_path, whole):
    files.write(tmp_path / "p", whole)
    files.nifti(tmp_path / "p/nii/sa.nii.gz", files.volume(), files.stack_affine())
    message = refused(tmp_path / "p")
    assert message.startswith("p: 54 DICOM files and 1 NIfTI files in one folder; expected one kind")


def test_folders_and_files_that_cannot_be_read(tmp_path, whole, monkeypatch):
    files.write(tmp_path / "p", whole)
    (tmp_path / "p/closed").mkdir()
    scan, read = os.scandir, open

    def scandir(place):
        if str(place).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(place))
        return scan(place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        assert "p: a folder in it, or itself, cannot be read (Permission denied)" in refused(tmp_path / "p")

    def opened(path, *arguments, **options):
        if str(path).endswith("0003.dcm"):
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *arguments, **options)

    monkeypatch.setattr("builtins.open", opened)
    with pytest.raises(ImageError, match="p: file 4 in the order of folders and names cannot be read"):
        read_heart(tmp_path / "p")
