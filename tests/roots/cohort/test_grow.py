"""Growth of virtual plants."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from cxrfactory.config.roots import RootsCohortConfig
from cxrfactory.geometry.roots.polyline import length_of
from cxrfactory.geometry.roots.system import EMERGED_MM
from cxrfactory.geometry.roots.traits import traits_of
from cxrfactory.roots.cohort.grow import FIELD_MM, Plant, grow_plant
from cxrfactory.roots.cohort.plate import draw_plate, plate_names, root_names, roots_at

HOURS = np.arange(60) * 3.0
SCALE = FIELD_MM / 800


def _plants(count: int, **changes) -> list[Plant]:
    return [grow_plant(f"first-{number}", 1, 4, HOURS, 800, 0.4, **changes) for number in range(count)]


def test_roots_never_shrink_and_paths_stay_on_the_plate():
    for plant in _plants(12):
        for root in plant.roots:
            assert (np.diff(root.lengths_px) >= 0).all()
            assert root.lengths_px[-1] <= length_of(root.points)
            assert (root.points > 0).all()
            assert (root.points < 799).all()


def test_a_root_at_an_earlier_time_is_the_first_part_of_the_same_root_later():
    plant = _plants(1)[0]
    names = root_names(plant, SCALE)
    early, late = ({root.name: root for root in roots_at(plant, names, frame, SCALE)} for frame in (40, 59))
    assert set(early) < set(late)
    for name, root in early.items():
        inner = root.points[:-1]
        np.testing.assert_array_equal(inner, late[name].points[: len(inner)])
        assert root.length <= late[name].length


def test_lengths_of_the_roots_that_count_are_those_of_the_growth():
    plant = _plants(1)[0]
    names = root_names(plant, SCALE)
    by_name = dict(zip(names, plant.roots, strict=True))
    for frame in (0, 20, 45, 59):
        for root in roots_at(plant, names, frame, SCALE):
            assert root.length == pytest.approx(by_name[root.name].lengths_px[frame], abs=1e-6)


def test_a_lateral_counts_from_the_first_picture_in_which_it_is_long_enough():
    for plant in _plants(6):
        names = root_names(plant, SCALE)
        shown = [{root.name for root in roots_at(plant, names, frame, SCALE)} for frame in range(60)]
        for name, root in list(zip(names, plant.roots, strict=True))[1:]:
            seen = root.lengths_px * SCALE >= EMERGED_MM
            assert (name is not None) == seen.any()
            if name is not None:
                np.testing.assert_array_equal(seen, [name in each for each in shown])
        first = [next(frame for frame in range(60) if name in shown[frame]) for name in sorted(
            (name for name in names[1:] if name is not None), key=lambda each: int(each[2:]))]  # fmt: skip
        assert first == sorted(first)


def test_laterals_begin_on_the_main_root_behind_a_zone_without_laterals():
    for plant in _plants(6):
        main = plant.roots[0]
        for root in plant.roots[1:]:
            np.testing.assert_allclose(root.points[0], main.points[root.base], rtol=0, atol=1e-9)
            base_mm = length_of(main.points[: root.base + 1]) * SCALE
            tip_mm = main.lengths_px[np.argmax(root.lengths_px > 0)] * SCALE
            assert tip_mm - base_mm > 12.5


def test_laterals_leave_at_wide_angles_and_bend_down():
    emergence, tips = [], []
    for plant in _plants(10):
        found = traits_of(roots_at(plant, root_names(plant, SCALE), 59, SCALE), SCALE)
        emergence.append(found["emergence_angle_deg"])
        tips.append(found["tip_angle_deg"])
    assert 60 < np.mean(emergence) < 80
    assert np.mean(tips) < np.mean(emergence)


def test_main_roots_grow_faster_at_the_same_hours_of_each_day():
    hours = np.arange(0, 240, 0.5)
    powers = []
    for number in range(8):
        plant = grow_plant(f"first-{number}", 0, 4, hours, 800, 0.4)
        speed = np.diff(plant.roots[0].lengths_px)[-2 * 192 :]  # the last eight days, when all have germinated
        powers.append(np.abs(np.fft.rfft(speed - speed.mean())))
    assert np.argmax(np.mean(powers, axis=0)) == 8  # periods in eight days


def test_a_plant_depends_on_its_plate_number_and_seed_alone():
    one = grow_plant("first-0", 2, 4, HOURS, 800, 0.4)
    again = grow_plant("first-0", 2, 4, HOURS, 800, 0.4)
    other = grow_plant("first-0", 2, 4, HOURS, 800, 0.4, seed=1)
    np.testing.assert_array_equal(one.roots[0].points, again.roots[0].points)
    assert not np.array_equal(one.roots[0].points, other.roots[0].points)


def test_some_seeds_never_germinate_and_some_plants_die_early():
    plants = _plants(150)
    never = [plant for plant in plants if not plant.roots]
    dead = [plant for plant in plants if np.isfinite(plant.stop_hours)]
    assert 0 < len(never) < 10
    assert 0 < len(dead) < 10
    for plant in dead:
        after = plant.stop_hours + 1 <= HOURS
        assert len({root.lengths_px[after].tobytes() for root in plant.roots[:1]}) == 1
        assert np.ptp(plant.roots[0].lengths_px[after]) == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_groups_differ_by_the_effect_and_without_one_they_do_not(seed):
    def lengths(effect: float) -> tuple[list[float], list[float]]:
        found = {"first": [], "second": []}
        settings = RootsCohortConfig(effect=effect, training_plates=1, cohort_seed=seed)
        for name in plate_names(settings):
            plate = draw_plate(name, settings)
            if plate.group is not None:
                found[plate.group] += [plant.roots[0].lengths_px[-1] for plant in plate.plants if plant.roots]
        return found["first"], found["second"]

    assert mannwhitneyu(*lengths(0.75)).pvalue < 0.01
    assert mannwhitneyu(*lengths(1.0)).pvalue > 0.05
    first, _ = lengths(0.75)
    assert first == lengths(1.0)[0]
    alive = np.array(first)[np.array(first) > 0.5 * np.median(first)]
    assert 0.04 < alive.std() / alive.mean() < 0.13


def test_long_series_stay_on_the_plate():
    plant = grow_plant("first-0", 0, 4, np.arange(100) * 12.0, 800, 0.4)
    assert 35 < plant.roots[0].lengths_px[-1] * SCALE < 95
