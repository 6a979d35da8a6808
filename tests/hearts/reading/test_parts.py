"""The parts of the reader, by exact values."""

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.blood_pool import left_ventricle, middle_slices, pool_areas
from cxrfactory.hearts.reading.cine import Cine, Moment
from cxrfactory.hearts.reading.cycle import end_diastole, end_systole, moment_at, reference
from cxrfactory.hearts.reading.long_axis import line_angle, long_axis_views
from cxrfactory.hearts.reading.stack import check_even
from cxrfactory.hearts.reading.words import view_by_words
from tests.hearts.reading import heart_files as files


def cine(place=None, times=(None,), **settings):
    origin, across, down = place or files.sax(0)
    moments = tuple(Moment(number, time, lambda: np.zeros((64, 64))) for number, time in enumerate(times))
    return Cine((64, 64), origin, across, down, (2.5, 2.5), 8.0, moments, **settings)


@pytest.mark.parametrize(
    ("words", "view"),
    [
        ("cine_trufi_retro 4CH", "4ch"),
        ("CINE 4 chamber", "4ch"),
        ("SSFP_2-CH", "2ch"),
        ("LVOT", "3ch"),
        ("la_3ch.nii.gz", "3ch"),
        ("Short Axis stack", "sax"),
        ("A0S9V9_sa", "sax"),
        ("001_LA_ES", "lax"),
        ("RVOT", "other"),
        ("RV 2CH", "other"),
        ("sagittal scout", ""),
        ("", ""),
    ],
)
def test_views_by_words(words, view):
    assert view_by_words(words) == view


def test_phases():
    assert cine(times=(0, 40, 80), cycle_ms=800).phases == pytest.approx([0, 0.05, 0.1])
    assert cine(times=(0, 40, 80), count=25).phases == pytest.approx([0, 0.04, 0.08])
    assert cine(times=(0, 40, 80)).phases == pytest.approx([0, 1 / 3, 2 / 3])
    assert cine(times=(None, None)).phases == pytest.approx([0, 0.5])
    assert cine(times=(400,), cycle_ms=800).phases == pytest.approx([0.5])
    # A stated cycle shorter than the images does not give phases above 1.
    assert cine(times=(0, 400, 800), cycle_ms=500).phases.max() < 1


def test_nearest_moment_round_the_cycle():
    one = cine(times=tuple(range(0, 800, 40)), cycle_ms=800)
    assert moment_at(one, 0.51) == 10
    assert moment_at(one, 0.99) == 0
    assert moment_at(cine(times=(0, 40), cycle_ms=800), 0.3) is None


def test_ends_of_the_cycle():
    phases = np.arange(10) / 10
    pool = np.array([9, 8, 6, 4, 5, 7, 8, 9, 1, 9.0])
    assert end_diastole(phases, pool) == 0
    assert end_systole(phases, pool, 0) == 3  # the smaller pool at 0.8 is not in systole
    assert end_systole(np.array([0.0, 0.05]), np.array([2.0, 1.0]), 0) is None


def test_end_diastole_is_the_largest_pool_where_the_first_image_is_clearly_smaller():
    phases = np.arange(10) / 10
    pool = np.array([5, 4, 5, 7, 8, 9, 10, 9, 8, 6.0])
    assert end_diastole(phases, pool) == 6
    assert end_systole(phases, pool, 6) == 1
    # Later filling that is a little larger than the first image does not count, nor does it in a weak heart.
    assert end_diastole(phases, np.array([9.2, 8, 6, 5, 5, 6, 8, 9, 9.6, 10])) == 0
    assert end_diastole(phases, np.array([9.6, 9.4, 9.2, 9.1, 9.2, 9.4, 9.7, 9.8, 9.9, 10])) == 0


def test_reference_has_the_usual_number_of_images():
    stack = [cine(times=tuple(range(count)), acquired=(place,)) for place, count in enumerate((20, 20, 30, 20, 20))]
    assert reference(stack).acquired == (1,)


@pytest.mark.parametrize("degrees", [0, 30, 90, 150])
def test_angle_of_a_long_axis_plane(degrees):
    angle = line_angle(cine(files.lax(degrees)), -files.APEX)
    assert min(abs(angle - degrees), 180 - abs(angle - degrees)) < 1e-6


def test_angle_does_not_depend_on_how_the_plane_is_drawn():
    origin, across, down = files.lax(40)
    turned = cine((origin, -down, across))
    assert line_angle(turned, -files.APEX) == pytest.approx(40)


def test_planes_that_are_no_long_axis_view():
    tilted = np.cos(np.radians(40)) * files.APEX + np.sin(np.radians(40)) * files.BACK
    across = files.LEFT
    beside = cine(files.centred(files.CENTRE, across, tilted))
    far = cine((files.lax(60)[0] + 30 * np.cross(*files.lax(60)[1:]), *files.lax(60)[1:]))
    views, notes = long_axis_views([beside, far, cine(files.lax(60))], -files.APEX, files.CENTRE)
    assert list(views) == ["3ch"]
    assert notes == ["2 places that do not contain the long axis of the left ventricle left aside"]


def test_even_and_uneven_steps():
    check_even(np.array([0, 10, 20.1, 30]), "p")
    check_even(np.array([0.0]), "p")
    with pytest.raises(ImageError, match="a gap of 2 slices in the short-axis stack, between slice 1 and 2 of 4"):
        check_even(np.array([0, 30, 40, 50.0]), "p")
    with pytest.raises(ImageError, match="uneven steps"):
        check_even(np.array([0, 10, 20, 26, 36.0]), "p")


def test_middle_slices_leave_out_base_and_apex():
    assert [range(count)[middle_slices(count)] for count in (1, 3, 6, 10)] == [
        range(0, 1),
        range(1, 3),
        range(2, 5),
        range(3, 9),
    ]


def test_left_ventricle_and_pool():
    images = np.stack([files.image(files.sax(3), phase) for phase in files.phases(6)]).astype(np.float32)
    column, row = left_ventricle([images], (2.5, 2.5))
    assert (column, row) == pytest.approx((31.5, 31.5), abs=1.6)
    areas = pool_areas([images], (2.5, 2.5), (31.5, 31.5))
    assert np.argmin(areas) == 2
    # A still image has no motion, but the same disc.
    assert left_ventricle([images[:1]], (2.5, 2.5)) == pytest.approx((31.5, 31.5), abs=1.6)
