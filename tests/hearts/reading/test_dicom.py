"""DICOM cine: views by geometry, times by the cycle, and every malformed examination in one line."""

import itertools

import numpy as np
import pytest
from pydicom.uid import RLELossless

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.heart import examine_heart, read_heart
from cxrfactory.hearts.reading.rules import HeartRules
from tests.hearts.reading import heart_files as files

ES = 2 / 6  # phase of the image with the smallest cavity


@pytest.fixture(scope="module")
def whole():
    return files.examination()


def refused(folder, rules=None):
    with pytest.raises(ImageError) as error:
        read_heart(folder, rules)
    message = str(error.value)
    assert "\n" not in message
    assert not any(secret in message for secret in files.SECRETS)
    return message


def assert_whole(views, phase=0.0):
    """The planes are those of the phantom: places and pixels."""
    assert len(views.short_axis) == files.SLICES
    for number, plane in enumerate(views.short_axis):
        np.testing.assert_allclose(plane.origin_mm, files.sax(number)[0], atol=1e-5)
        np.testing.assert_array_equal(plane.pixels, files.image(files.sax(number), phase))
    for view, plane in views.long_axis.items():
        np.testing.assert_allclose(plane.origin_mm, files.VIEWS[view][0], atol=1e-5)
        np.testing.assert_array_equal(plane.pixels, files.image(files.VIEWS[view], phase))


def test_views_and_times_of_a_tree_with_shuffled_names(tmp_path, whole):
    # Names say nothing: neither their order nor the folder.
    order = np.random.default_rng(0).permutation(len(whole))
    files.write(tmp_path / "p", whole, lambda n: f"{order[n] % 3}/{order[n] % 5}/IM{order[n]:05d}")
    reading = examine_heart(tmp_path / "p")
    assert [views.frame for views in reading.views] == ["ED", "ES"]
    assert set(reading.views[0].long_axis) == {"2ch", "3ch", "4ch"}
    assert_whole(reading.views[0])
    assert_whole(reading.views[1], ES)
    assert reading.view_phases == pytest.approx((0.0, ES), abs=1e-4)
    plane = reading.views[0].short_axis[0]
    assert (plane.spacing_mm, plane.thickness_mm) == ((2.5, 2.5), 8.0)
    np.testing.assert_allclose(reading.centre_mm, files.CENTRE + files.STEP_MM / 2 * files.APEX, atol=4.0)
    assert (reading.views[0].case_id, reading.views[0].patient_id, reading.notes) == ("p", "p", ())


def test_all_times_in_their_order(tmp_path, whole):
    found = read_heart(files.write(tmp_path, whole), HeartRules(frames="all", ed=0, es=3), "case", "patient")
    assert [views.frame for views in found] == ["ED", "1", "2", "ES", "4", "5"]
    assert_whole(found[4], 4 / 6)
    assert (found[0].case_id, found[0].patient_id) == ("case", "patient")


def test_wrong_words_do_not_change_the_views(tmp_path):
    words = {"4ch": "2CH", "3ch": "cine 4ch", "2ch": "SAX"}
    slices = [files.cine(files.sax(place), 10 + place, 4) for place in range(files.SLICES)]
    long = [files.cine(files.VIEWS[view], 30 + n, 4, description=words[view]) for n, view in enumerate(words)]
    right_heart = files.lax(118)
    beside = files.cine((right_heart[0] - 40 * files.LEFT, *right_heart[1:]), 40, 4, description="cine 2CH")
    reading = examine_heart(files.write(tmp_path, list(itertools.chain(*slices, *long, beside))))
    assert_whole(reading.views[0])
    assert sorted(reading.views[0].long_axis) == ["2ch", "3ch", "4ch"]
    assert "1 places that do not contain the long axis of the left ventricle left aside" in reading.notes
    assert "the 4ch view is called 2ch by its words; its plane decides" in reading.notes


def test_words_decide_between_planes_that_are_alike(tmp_path):
    views = {"first": files.lax(28), "second": files.lax(32)}
    slices = [files.cine(files.sax(place), 10 + place, 4) for place in range(files.SLICES)]
    long = [
        files.cine(views["first"], 30, 4, description="3CH"),
        files.cine(views["second"], 31, 4, description="4CH"),
    ]
    found = read_heart(files.write(tmp_path, list(itertools.chain(*slices, *long))))[0].long_axis
    np.testing.assert_allclose(found["3ch"].origin_mm, views["first"][0], atol=1e-5)
    np.testing.assert_allclose(found["4ch"].origin_mm, views["second"][0], atol=1e-5)


def test_slices_with_different_numbers_of_images_are_matched_by_phase(tmp_path):
    counts = [10, 14, 10, 10, 15, 10]
    slices = [files.cine(files.sax(n), 10 + n, count, cycle_ms=800 + 40 * n) for n, count in enumerate(counts)]
    four = files.cine(files.VIEWS["4ch"], 30, 12, cycle_ms=1000)
    reading = examine_heart(files.write(tmp_path, list(itertools.chain(*slices, four))), HeartRules(es=4))
    assert "short-axis slices have 10 to 15 images; matched by the phase of the cycle" in reading.notes
    es = reading.views[1]
    assert reading.view_phases[1] == pytest.approx(0.4, abs=1e-4)
    nearest = [4 / 10, 6 / 14, 4 / 10, 4 / 10, 6 / 15, 4 / 10]
    for n, plane in enumerate(es.short_axis):
        np.testing.assert_array_equal(plane.pixels, files.image(files.sax(n), nearest[n]))
    np.testing.assert_array_equal(es.long_axis["4ch"].pixels, files.image(files.VIEWS["4ch"], 5 / 12))


def test_times_that_are_missing_at_the_end_do_not_move_the_others(tmp_path, whole):
    # The first 3 of 6 images: phases come from the length of the cycle, not from the number of files.
    reading = examine_heart(files.write(tmp_path, [each for each in whole if each.InstanceNumber <= 3]))
    assert reading.phases == pytest.approx([0, 1 / 6, 2 / 6], abs=1e-4)
    assert "the smallest blood pool is in the last image, at 0.33 of the cycle; later ones lack" in reading.notes


def test_images_without_trigger_times_are_ordered_by_their_numbers(tmp_path, whole):
    untimed = files.examination(views={})
    for each in untimed:
        del each.TriggerTime
    found = examine_heart(files.write(tmp_path, untimed[::-1]))
    assert found.phases == pytest.approx(np.arange(6) / 6)
    assert_whole(found.views[0])


@pytest.mark.parametrize("compressed", [False, True])
def test_enhanced_object_equals_the_classic_ones(tmp_path, whole, compressed):
    slices = whole[: files.SLICES * 6]
    shuffled = [slices[n] for n in np.random.default_rng(1).permutation(len(slices))]
    stack, four = files.enhanced(shuffled), files.enhanced(files.cine(files.VIEWS["4ch"], 30), 51)
    if compressed:
        stack.compress(RLELossless, generate_instance_uid=False)
    found = read_heart(files.write(tmp_path, [stack, four]))
    assert_whole(found[0])
    assert_whole(found[1], ES)
    assert set(found[0].long_axis) == {"4ch"}


def test_still_images_and_phase_images_and_repeats_are_left_aside(tmp_path, whole):
    late = [files.dicom(files.sax(n), 0.7, 60 + n, 1, "LGE", cycle_ms=900) for n in range(files.SLICES)]
    again = files.cine(files.sax(2), 99, description="SAX again")
    flow = [files.dicom(files.sax(2), p, 70, 1, ImageType=["ORIGINAL", "PRIMARY", "P"]) for p in (0.0, 0.5)]
    reading = examine_heart(files.write(tmp_path, [*again, *late, *whole, *flow]))
    assert_whole(reading.views[1], ES)
    assert "2 phase or velocity images left aside" in reading.notes
    assert "1 short-axis slices repeat a place; the last acquisition of each counts" in reading.notes


def test_one_time_only(tmp_path, whole):
    reading = examine_heart(files.write(tmp_path, [each for each in whole if each.InstanceNumber == 1]))
    assert [views.frame for views in reading.views] == ["0"]
    assert_whole(reading.views[0])
    assert "one time only; end-systole cannot be found, and there is no ejection fraction" in reading.notes
    assert read_heart(tmp_path, HeartRules(ed=0))[0].frame == "ED"


def test_breathing_is_reported_in_mm(tmp_path):
    moved = {1: 6.0 * files.LEFT, 4: -3.0 * files.LEFT + 5.0 * files.BACK}
    slices = [files.cine(files.sax(n), 10 + n, 4, moved=moved.get(n)) for n in range(files.SLICES)]
    long = [files.cine(place, 30 + n, 4) for n, place in enumerate(files.VIEWS.values())]
    reading = examine_heart(files.write(tmp_path, list(itertools.chain(*slices, *long))))
    expected = np.array([[0, 0], [6, 0], [0, 0], [0, 0], [-3, 5], [0, 0]], float)
    np.testing.assert_allclose(reading.shifts_mm, expected, atol=1.0)
    assert reading.misalignment_mm == pytest.approx(6.0, abs=1.2)


def test_breathing_is_unknown_with_one_long_axis_plane(tmp_path):
    reading = examine_heart(files.write(tmp_path, files.examination(4, {"4ch": files.VIEWS["4ch"]})))
    assert np.isnan(reading.shifts_mm).all()
    assert reading.misalignment_mm is None


# Malformed examinations.


def test_missing_slice(tmp_path, whole):
    message = refused(files.write(tmp_path / "p", [each for each in whole if each.SeriesNumber != 13]))
    assert message == (
        "p: a gap of 1 slice in the short-axis stack, between slice 3 and 4 of 5 from the base (20.0 mm among steps of "
        "10.0 mm); expected even steps; export the whole stack"
    )


def test_mixed_patients(tmp_path, whole):
    other = files.examination(2, {}, patient=2)
    assert "images of 2 patients; expected one patient" in refused(files.write(tmp_path, [*whole, *other]))


def test_two_examinations(tmp_path, whole):
    other = files.examination(2, {}, study=2)
    assert "images of 2 examinations; expected one" in refused(files.write(tmp_path, [*whole, *other]))


def test_two_frames_of_reference(tmp_path, whole):
    other = files.cine(files.lax(90), 40, FrameOfReferenceUID=files.uid(7))
    assert "images of 2 frames of reference" in refused(files.write(tmp_path, [*whole, *other]))


@pytest.mark.parametrize(
    ("across", "down", "kind"),
    [
        ((1, 0, 0), (0, 1, 0), "axial"),
        ((1, 0, 0), (0, 0, -1), "coronal"),
        ((0, 1, 0), (0, 0, -1), "sagittal"),
    ],
)
def test_stack_of_wrong_orientation(tmp_path, across, down, kind):
    across, down = np.array(across, float), np.array(down, float)
    normal = np.cross(across, down)
    places = [files.centred(files.CENTRE + n * 10 * normal, across, down) for n in range(5)]
    message = refused(
        files.write(tmp_path, list(itertools.chain(*(files.cine(p, n, 3) for n, p in enumerate(places)))))
    )
    assert f"no short-axis stack: the only stack is {kind}, of 5 slices" in message


def test_long_axis_planes_alone(tmp_path):
    alone = list(itertools.chain(*(files.cine(p, n, 3) for n, p in enumerate(files.VIEWS.values()))))
    assert "no short-axis stack: 3 places, at most 1 of them parallel" in refused(files.write(tmp_path, alone))


def test_slices_of_different_sizes(tmp_path, whole):
    others = [each for each in whole if each.SeriesNumber != 12] + files.cine(files.sax(2), 12, side=48)
    message = refused(files.write(tmp_path, others))
    assert "short-axis slices of different sizes (5 of 64 x 64 px at 2.5 x 2.5 mm, 1 of 48 x 48 px" in message


def test_slice_with_a_single_image_among_cines(tmp_path, whole):
    others = [each for each in whole if each.SeriesNumber != 12 or each.InstanceNumber < 3]
    message = refused(files.write(tmp_path, others))
    assert "short-axis slice 3 of 6 lacks times of the cycle (slices have 2 to 6 images)" in message


def test_same_image_at_ed_and_es(tmp_path, whole):
    files.write(tmp_path, whole)
    assert "the same image 3 at ED and at ES" in refused(tmp_path, HeartRules(ed=3, es=3))
    assert "image 6 is given as ES, but there are 6 times" in refused(tmp_path, HeartRules(es=6))


def test_unreadable_files(tmp_path, whole):
    files.write(tmp_path, whole)
    path = tmp_path / "0003.dcm"
    path.write_bytes(path.read_bytes()[:3000])
    assert "cannot be decoded" in refused(tmp_path)
    path.write_bytes(b"")
    assert "1 of 54 files are there by name only (1 empty): file 4 by name" in refused(tmp_path)


def test_header_without_place(tmp_path, whole):
    broken = files.dicom(files.sax(0), 0.0, 10, 1)
    del broken.ImagePositionPatient
    assert "DICOM without ImagePositionPatient" in refused(files.write(tmp_path, [*whole[1:], broken]))


def test_other_modality_burnt_in_text_and_nothing(tmp_path, whole):
    ct = files.dicom(files.sax(0), 0.0, 10, 1, Modality="CT")
    assert "modality CT; expected cine MR; a CT is not read" in refused(files.write(tmp_path / "ct", [ct]))
    burnt = files.dicom(files.sax(0), 0.0, 10, 1, BurnedInAnnotation="YES")
    assert "BurnedInAnnotation (0028,0301) is YES" in refused(files.write(tmp_path / "burnt", [burnt]))
    (tmp_path / "empty").mkdir()
    assert "no MR images in the folder" in refused(tmp_path / "empty")
    assert "no such file or folder" in refused(tmp_path / "nowhere")
    (tmp_path / "heart.png").write_bytes(b"x")
    assert "not NIfTI by its name" in refused(tmp_path / "heart.png")


def test_enhanced_object_without_positions(tmp_path):
    several = files.enhanced(files.cine(files.sax(0), 10, 3))
    del several.PerFrameFunctionalGroupsSequence
    assert "3 frames and 0 functional groups" in refused(files.write(tmp_path, [several]))


def test_rules_are_checked():
    for rules in ({"frames": "some"}, {"ed": -1}, {"es": -2}):
        with pytest.raises(Exception, match="expected"):
            HeartRules(**rules)
