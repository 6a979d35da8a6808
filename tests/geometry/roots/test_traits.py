"""Traits of root systems against values from the definitions."""

import numpy as np
import pytest

from cxrfactory.geometry.roots.system import RootPath
from cxrfactory.geometry.roots.traits import laterals_of, tip_angle, traits_of
from cxrfactory.tables.roots import ROOT_LATERALS, ROOT_TRAITS


def _path(name: str, *points: tuple[float, float]) -> RootPath:
    return RootPath(name, np.array(points, float), name.rpartition(".")[0] or None)


MAIN = _path("1", (50, 0), (50, 100))
LEFT = _path("1.1", (50, 30), (20, 60))  # 45 degrees, length 30 * sqrt 2
RIGHT = _path("1.2", (50, 60), (90, 60))  # level, length 40
COLUMNS = ROOT_TRAITS.names[ROOT_TRAITS.names.index("main_length_px") : ROOT_TRAITS.names.index("flags")]


def test_all_traits_of_a_main_root_with_two_laterals():
    beside = 30 * 2**0.5 + 40
    area = (100 * 30 / 2) + (100 * 40 / 2)  # two triangles on the main root
    assert traits_of([MAIN, LEFT, RIGHT], 0.1) == pytest.approx(
        {
            "main_length_px": 100,
            "laterals_length_px": beside,
            "total_length_px": 100 + beside,
            "main_length_mm": 10,
            "laterals_length_mm": beside / 10,
            "total_length_mm": 10 + beside / 10,
            "laterals": 2,
            "laterals_per_cm": 2,
            "main_share": 100 / (100 + beside),
            "hull_area_mm2": area / 100,
            "hull_width_mm": 7,
            "hull_height_mm": 10,
            "hull_aspect": 10 / 7,
            "laterals_per_hull_mm": beside / 10 / (area / 100),
            "emergence_angle_deg": (45 + 90) / 2,
            "tip_angle_deg": (45 + 90) / 2,
        }
    )


@pytest.mark.parametrize("scale", [None, 0.1])
def test_the_traits_are_the_columns_of_the_table(scale):
    for roots in ([], [MAIN], [MAIN, LEFT]):
        assert list(traits_of(roots, scale)) == COLUMNS


def test_without_a_scale_only_values_in_mm_are_missing():
    found = traits_of([MAIN, LEFT], None)
    assert {name for name, value in found.items() if value is None} == {
        name for name in COLUMNS if "mm" in name or name == "laterals_per_cm"
    }
    assert found["hull_aspect"] == pytest.approx(100 / 30)


def test_a_plant_without_roots_has_lengths_of_zero_and_no_shape():
    found = traits_of([], 0.1)
    assert (found["main_length_px"], found["total_length_mm"], found["laterals"]) == (0, 0, 0)
    assert [found[name] for name in ("main_share", "hull_area_mm2", "hull_aspect", "emergence_angle_deg")] == [None] * 4


def test_a_straight_root_has_a_hull_without_area():
    found = traits_of([MAIN], 0.1)
    assert (found["hull_area_mm2"], found["hull_width_mm"], found["hull_height_mm"]) == (0, 0, 10)
    assert found["hull_aspect"] is None
    assert found["laterals_per_hull_mm"] is None


def test_further_roots_from_the_seed_count_in_the_total_length_alone():
    found = traits_of([MAIN, _path("2", (50, 0), (90, 30))], 0.1)
    assert (found["main_length_px"], found["laterals"], found["laterals_length_px"]) == (100, 0, 0)
    assert found["total_length_px"] == 150


def test_the_emergence_angle_is_taken_from_the_first_two_mm_or_fifteen_pixels():
    bent = _path("1.1", (50, 50), (70, 50), (70, 99))  # level for 20 pixels, then down
    assert traits_of([MAIN, bent], 0.1)["emergence_angle_deg"] == pytest.approx(90)
    assert traits_of([MAIN, bent], None)["emergence_angle_deg"] == pytest.approx(90)
    half = traits_of([MAIN, bent], 0.05)["emergence_angle_deg"]  # 40 pixels: 20 to the side and 20 down
    assert half == pytest.approx(45)


@pytest.mark.parametrize(("tip", "angle"), [((0, 9), 0), ((9, 9), 45), ((-9, 0), 90), ((0, -9), 180)])
def test_the_tip_angle_is_0_straight_down_and_180_straight_up(tip, angle):
    assert tip_angle(_path("1.1", (0, 0), tip)) == pytest.approx(angle)


def test_laterals_over_time_have_their_first_picture_and_their_last_shape():
    longer = _path("1.1", (50, 30), (10, 70))
    rows = laterals_of(
        iter([(0, 0.0, [MAIN]), (1, 3.0, [MAIN, LEFT]), (2, 6.0, [MAIN, longer, RIGHT]), (4, 9.0, [MAIN, longer])]), 0.1
    )
    assert [(row["root"], row["emergence_frame"], row["emergence_hours"], row["side"]) for row in rows] == [
        ("1.1", 1, 3.0, "left"),
        ("1.2", 2, 6.0, "right"),
    ]
    assert [row["base_px"] for row in rows] == pytest.approx([30, 60])
    assert [row["last_length_px"] for row in rows] == pytest.approx([40 * 2**0.5, 40])
    assert [row["angle_deg"] for row in rows] == pytest.approx([45, 90])
    assert set(rows[0]) | {"plate", "plant", "group"} == set(ROOT_LATERALS.names)
