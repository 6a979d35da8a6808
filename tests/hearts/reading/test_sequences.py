"""Other sequences of a cardiac MR beside the cines: a cine of a place wins, and notes name what was left aside."""

import itertools

import numpy as np
import pytest
from pydicom.sequence import Sequence

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.heart import examine_heart, read_heart
from tests.hearts.reading import heart_files as files

ES = 2 / 6
PLACES = (1, 3, 5)


@pytest.fixture(scope="module")
def whole():
    return files.examination()


def assert_moves(reading):
    """All slices and views are those of the cine, at both times."""
    assert [views.frame for views in reading.views] == ["ED", "ES"]
    for views, phase in zip(reading.views, (0.0, ES), strict=True):
        assert len(views.short_axis) == files.SLICES
        for number, plane in enumerate(views.short_axis):
            np.testing.assert_array_equal(plane.pixels, files.image(files.sax(number), phase))
        for view, plane in views.long_axis.items():
            np.testing.assert_array_equal(plane.pixels, files.image(files.VIEWS[view], phase))


def still(place, series, images, description, each=None, **settings):
    """Images of one diastolic time; ``each`` gives further settings by the number of the image."""
    return [
        files.dicom(place, 0.0, series, n + 1, description, **{**settings, **(each(n) if each else {})})
        for n in range(images)
    ]


def at(places, first, images, description, each=None, **settings):
    series = (still(files.sax(n), first + n, images, description, each, **settings) for n in places)
    return list(itertools.chain(*series))


def moving(places, first, description, **settings):
    return list(
        itertools.chain(
            *(files.cine(files.sax(n), first + n, 6, description=description, moved=9 * files.LEFT, **settings)
              for n in places)
        )
    )  # fmt: skip


OTHERS = {
    "molli": (at(PLACES, 60, 8, "T1Map_MOLLI_MOCO", lambda n: {"TriggerTime": 500 + 900 * n}), "T1 or T2 maps"),
    "molli by times": (at(PLACES, 60, 8, "x", lambda n: {"TriggerTime": 500 + 900 * n}), "images of one a beat"),
    "inversion times": (
        at(PLACES, 60, 8, "x", lambda n: {"TriggerTime": 500.0 + n, "InversionTime": 100 + 80 * n}),
        "images of several echo or inversion times",
    ),
    "t2 star": (at((4,), 60, 8, "T2star_GRE", lambda n: {"EchoTime": 2 + 2 * n}, TriggerTime=600), "T1 or T2 maps"),
    "perfusion": (at(PLACES, 60, 40, "perf_rest", TriggerTime=150), "perfusion"),
    "perfusion by times": (at(PLACES, 60, 40, "x", TriggerTime=150), "images of one time of the cycle"),
    "late enhancement": (at(range(files.SLICES), 60, 2, "LGE_psir", TriggerTime=600), "late enhancement"),
    "two images a place": (at(range(files.SLICES), 60, 2, "x"), "other sequences at the places of cines"),
    "tagging": (moving(PLACES, 60, "tagging_sax"), "tagging"),
    "tagging by settings": (moving(PLACES, 60, "x", FlipAngle=12), "other sequences at the places of cines"),
    "inline": (moving(PLACES, 60, "CINE_segmented_SAX_InlineVF"), "inline results"),
    "derived": (
        moving(PLACES, 60, "cine", ImageType=["DERIVED", "SECONDARY", "M"]),
        "other sequences at the places of cines",
    ),
    "stress": (moving(PLACES, 60, "cine stress"), "stress"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_cine_wins_over_another_sequence_acquired_later_at_its_place(tmp_path, name):
    others, kind = OTHERS[name]
    cines = files.examination(FlipAngle=60)
    reading = examine_heart(files.write(tmp_path, [*cines, *others]))
    assert_moves(reading)
    series = ", ".join(map(str, sorted({each.SeriesNumber for each in others})))
    places = len({each.SeriesNumber for each in others})
    assert f"{places} places of {kind} left aside (series {series})" in reading.notes


CINE = {"FlipAngle": 60, "SequenceName": "*tfi2d1_15"}
WORDLESS = {
    "spoiled gradient echo": (
        moving(PLACES, 60, "", FlipAngle=25, SequenceName="*fl2d1"),
        "other sequences at the places of cines",
    ),
    "tagging": (moving(PLACES, 60, "", **CINE, AcquisitionContrast="TAGGING"), "tagging"),
    "flow by its sequence": (moving(PLACES, 60, "", FlipAngle=60, SequenceName="*fl2d1_v150in"), "flow"),
    "flow by its type": (
        moving(PLACES, 60, "", **CINE, ImageType=["ORIGINAL", "PRIMARY", "M_FFE", "M", "PCA"]),
        "flow",
    ),
    "molli whose times differ a little": (
        at(PLACES, 60, 8, "", lambda n: {"TriggerTime": 600.0 + n}, **CINE),
        "images of one time of the cycle",
    ),
    "molli by the clock": (
        at(PLACES, 60, 8, "", lambda n: {"TriggerTime": 500.0 + 20 * n, "AcquisitionTime": f"1200{n:02d}.5"}, **CINE),
        "images of one a beat",
    ),
    "late enhancement": (
        at(PLACES, 60, 1, "", ScanningSequence=["GR", "IR"]),
        "inversion-recovery images, such as late enhancement or T1 maps",
    ),
    "inversion": (
        at(PLACES, 60, 1, "", InversionTime=300),
        "inversion-recovery images, such as late enhancement or T1 maps",
    ),
    "dark blood": (at(PLACES, 60, 1, "", ScanningSequence="SE"), "spin-echo images"),
    "diffusion": (at(PLACES, 60, 2, "", TriggerTime=None, DiffusionBValue=400.0), "diffusion images"),
}


@pytest.mark.parametrize("name", WORDLESS)
def test_a_series_without_words_is_known_by_its_settings(tmp_path, name):
    others, kind = WORDLESS[name]
    cines = files.examination(description="", **CINE)
    reading = examine_heart(files.write(tmp_path, [*cines, *others]))
    assert_moves(reading)
    assert reading.notes == (f"3 places of {kind} left aside (series 61, 63, 65)",)


@pytest.mark.parametrize(
    "settings",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "VELOCITY MAP", "P", "PCA"]},
        {"ComplexImageComponent": "PHASE"},
    ],
)
def test_phase_images_without_words(tmp_path, settings):
    phase = moving(PLACES, 60, "", **{**CINE, **settings})
    reading = examine_heart(files.write(tmp_path, [*files.examination(description="", **CINE), *phase]))
    assert_moves(reading)
    assert reading.notes == ("18 phase or velocity images left aside",)


@pytest.mark.parametrize("word", ["FrameType", "ComplexImageComponent"])
def test_magnitudes_and_phases_in_one_enhanced_object(tmp_path, word):
    magnitudes = files.examination()
    phases = moving(PLACES, 60, "")
    one = files.enhanced([*magnitudes, *phases])
    for number, group in enumerate(one.PerFrameFunctionalGroupsSequence):
        kind = "P" if number >= len(magnitudes) else "M"
        value = {"P": "PHASE", "M": "MAGNITUDE"}[kind] if word == "ComplexImageComponent" else ["ORIGINAL", kind]
        group.MRImageFrameTypeSequence = Sequence([files._item(**{word: value})])
    reading = examine_heart(files.write(tmp_path, [one]))
    assert_moves(reading)
    assert reading.notes == ("3 places of phase or velocity images left aside (series 50)",)


def test_an_enhanced_object_of_flow_alone(tmp_path):
    magnitudes, phases = files.examination(description="venc"), moving(range(files.SLICES), 60, "venc")
    both = files.enhanced([*magnitudes, *phases])
    for number, group in enumerate(both.PerFrameFunctionalGroupsSequence):
        kind = "PHASE" if number >= len(magnitudes) else "MAGNITUDE"
        group.MRImageFrameTypeSequence = Sequence([files._item(ComplexImageComponent=kind)])
    reading = examine_heart(files.write(tmp_path / "both", [both]))
    assert_moves(reading)
    assert reading.notes == (
        "6 places of phase or velocity images left aside (series 50)",
        "no series is a cine by its header; flow are read as they are",
    )
    alone = files.enhanced(phases)
    for group in alone.PerFrameFunctionalGroupsSequence:
        group.MRImageFrameTypeSequence = Sequence([files._item(ComplexImageComponent="PHASE")])
    with pytest.raises(ImageError) as caught:
        read_heart(files.write(tmp_path / "alone", [alone]))
    assert str(caught.value) == (
        "alone: 6 places of phase or velocity images and no others; expected cine MR of a heart"
    )


def test_other_settings_between_the_slices(tmp_path):
    between = []
    for n in range(5):
        place = files.centred(files.CENTRE + (n - 2.0) * 10 * files.APEX, files.LEFT, files.BACK)
        between += files.cine(place, 60 + n, 6, description="", FlipAngle=12)
    reading = examine_heart(files.write(tmp_path, [*files.examination(description="", **CINE), *between]))
    assert_moves(reading)
    assert reading.notes == (
        "5 places of other sequences at the places of cines left aside (series 60, 61, 62, 63, 64)",
    )


def test_other_settings_that_no_cine_replaces_are_kept_with_a_note(tmp_path):
    images = files.examination(description="", **CINE)
    for image in images:
        if image.SeriesNumber == 30:
            image.FlipAngle = 12
    reading = examine_heart(files.write(tmp_path, images))
    assert_moves(reading)
    assert reading.notes == (
        "1 places (series 30) have another sequence, flip angle, echo time or count of images than most cines; they or "
        "the others may be tagging or flow; look at the views",
    )


def test_still_images_are_no_short_axis_beside_moving_views(tmp_path, whole):
    views = [each for each in whole if each.SeriesNumber >= 30]
    with pytest.raises(ImageError) as caught:
        read_heart(files.write(tmp_path / "p", [*views, *at(range(files.SLICES), 60, 1, "")]))
    assert str(caught.value) == (
        "p: one image at each of 6 short-axis places, while 3 other places move; expected cines of the short axis; "
        "still images are late enhancement or maps; export the cines, or take the moving series out of the folder to "
        "read one time alone"
    )


def test_a_map_of_four_chambers_does_not_replace_the_view(tmp_path, whole):
    later = still(files.VIEWS["4ch"], 90, 8, "T1map_4ch", lambda n: {"TriggerTime": 500 + 900 * n})
    reading = examine_heart(files.write(tmp_path, [*whole, *later]))
    assert_moves(reading)
    assert "1 places of T1 or T2 maps left aside (series 90)" in reading.notes


def test_a_cine_acquired_again_replaces_the_older_one(tmp_path, whole):
    older = moving(PLACES, 1, "cine")
    reading = examine_heart(files.write(tmp_path, [*whole, *older]))
    assert_moves(reading)
    assert reading.notes == ("3 short-axis slices repeat a place; the last acquisition of each counts",)


@pytest.mark.parametrize("words", ["perfusion", "x"])
def test_perfusion_with_more_images_than_the_cine_is_not_the_stack(tmp_path, whole, words):
    # Without words and times only the number of slices and of images in a cycle speaks for the cine.
    turn = np.radians(10)
    across = np.cos(turn) * files.LEFT + np.sin(turn) * files.BACK
    down = -np.sin(turn) * files.LEFT + np.cos(turn) * files.BACK
    cines = files.examination(10)
    perfusion = []
    for n in PLACES:
        place = files.centred(files.CENTRE + (n - 2.5) * 10 * files.APEX, across, down)
        perfusion += still(place, 60 + n, 40, words, TriggerTime=None)
    found = examine_heart(files.write(tmp_path, [*cines, *perfusion]))
    assert len(found.views[0].short_axis) == files.SLICES
    assert any("left aside (series 61, 63, 65)" in note for note in found.notes)


def test_perfusion_of_another_matrix_between_the_slices(tmp_path, whole):
    between = []
    for n in PLACES[:2]:
        place = files.centred(files.CENTRE + (n - 2.0) * 10 * files.APEX, files.LEFT, files.BACK)
        between += files.cine(place, 60 + n, 6, side=48)
    reading = examine_heart(files.write(tmp_path, [*whole, *between]))
    assert_moves(reading)
    assert "2 slices of another size at or between places of the short-axis stack left aside" in reading.notes


def test_an_examination_of_one_kind_is_read_as_it_is(tmp_path):
    reading = examine_heart(files.write(tmp_path, files.examination(description="tagging")))
    assert_moves(reading)
    assert reading.notes == ("no series is a cine by its header; tagging are read as they are",)


# Stray objects.


def without(*names, **settings):
    one = files.dicom(files.sax(0), 0.0, 80, 1, "report", **settings)
    for name in names:
        delattr(one, name)
    return [one]


PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
STRAYS = {
    "non-image": (without("Rows", "Columns", "PixelData", *PLACE), "1 objects without an image left aside"),
    "screen": (without(*PLACE), "1 images without a place left aside"),
    "colour": (without(SamplesPerPixel=3), "1 colour images left aside"),
    "burnt in": (without(BurnedInAnnotation="YES"), "1 images with burnt-in text left aside"),
    "modality": (without(Modality="OT"), "1 objects of modality OT left aside"),
    "other frame": (
        without(FrameOfReferenceUID=files.uid(7)),
        "1 still images without the frame of reference of the others left aside (series 80)",
    ),
    "no frame": (
        without("FrameOfReferenceUID"),
        "1 still images without the frame of reference of the others left aside (series 80)",
    ),
}


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_series_is_left_aside(tmp_path, whole, name):
    strays, note = STRAYS[name]
    reading = examine_heart(files.write(tmp_path, [*whole, *strays]))
    assert_moves(reading)
    assert reading.notes == (note,)


def test_what_was_left_aside_is_named_where_nothing_remains(tmp_path, whole):
    views = [each for each in whole if each.SeriesNumber >= 30]
    with pytest.raises(ImageError, match=r"no short-axis stack: .*; 1 colour images left aside"):
        read_heart(files.write(tmp_path, [*views, *without(SamplesPerPixel=3)]))
