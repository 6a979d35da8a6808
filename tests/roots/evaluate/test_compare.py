import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.geometry.roots.system import RootPath
from cxrfactory.roots.evaluate.compare import evaluate_roots
from tests.roots.evaluate.toy import FRAMES, MM, Plate, roots_at, write_tables

NEEDED = ("nodes", "edges", "traits", "laterals", "masks")
PLANTS = {"1": 60.0, "2": 140.0}


def evaluated(tmp_path, true, found, names=NEEDED, **options):
    write_tables(tmp_path / "truth", true)
    evaluate_roots(write_tables(tmp_path / "found", found, names), [tmp_path / "truth"], tmp_path / "out", **options)
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    return summary.set_index("measure"), pd.read_csv(tmp_path / "out" / "plant_times.csv", dtype={"plant": str})


def test_the_truth_itself_is_perfect(tmp_path):
    plates = [Plate("first-0", "first", PLANTS), Plate("first-1", "first", PLANTS), Plate("second-0", "second", PLANTS)]
    table, times = evaluated(tmp_path, [*plates, Plate("train-0", None, PLANTS)], plates)
    value = table["value"]
    assert value["length of main root: error, mean absolute"] == 0
    assert value["plant-times with the exact number of laterals"] == 1
    assert value["emergence of matched laterals: error, 90 % of laterals within"] == 0
    assert value["Dice of masks, lowest plate"] == 1
    assert value["laterals in all pictures: F1"] == 1
    assert (value["true plants that were found"], value["found plants without a true one"]) == (1, 0)
    assert len(times) == 3 * 2 * FRAMES
    assert set(table["met"].dropna()) == {"yes", "no"}  # three plants of a group are too few for p < 0.01
    assert (tmp_path / "out" / "lengths.png").stat().st_size > 10_000


def late_and_long(x, frame):
    """The main root is 10 % too long, all is 2 px aside, and the second lateral comes one picture too late."""
    roots = roots_at(x, frame, speed=22.0, shift=2.0)
    return [root for root in roots if not (root.name == "1.2" and frame < 5)]


def test_known_faults_have_their_measures(tmp_path):
    table, times = evaluated(tmp_path, [Plate("p", "g", PLANTS)],
                             [Plate("p", None, {"b": 142.0, "a": 61.0}, late_and_long)])  # fmt: skip
    value = table["value"]
    # 5 mm are 25 px: the first picture's 20 px are too short to count.
    assert table.loc["length of main root: error, mean absolute", "number"] == 2 * (FRAMES - 1)
    assert value["length of main root: error, mean absolute"] == pytest.approx(10)
    assert table.loc["length of main root: error, mean absolute", "met"] == "no"
    assert value["plant-times with the exact number of laterals"] == pytest.approx(5 / 6, abs=1e-5)
    assert value["emergence of matched laterals: error, mean"] == pytest.approx(0.5)
    assert value["matched laterals with emergence within 2 pictures"] == 1
    assert value["laterals in the last picture: recall"] == 1
    assert value["laterals in all pictures: recall"] == pytest.approx(
        5 / 6, abs=1e-5
    )  # 4 + 2 laterals over time, one missed
    assert value["laterals in all pictures: precision"] == 1
    assert 0.2 < value["Dice of masks, lowest plate"] < 0.8
    assert list(times["found_plant"].unique()) == ["a", "b"]
    last = times[(times["plant"] == "1") & (times["frame"] == 5)].iloc[0]
    assert (last["true_main_length"], last["found_main_length"]) == (pytest.approx(24), pytest.approx(26.4))


def test_plates_plants_and_pictures_that_were_not_found_count_as_wrong(tmp_path):
    true = [Plate("p", "g", PLANTS), Plate("q", "g", PLANTS)]
    found = Plate("p", None, {"1": 60.0}, hours=3.0 * np.arange(FRAMES - 1))
    table, times = evaluated(tmp_path, true, [found])
    value = table["value"]
    assert value["plant-times with the exact number of laterals"] == pytest.approx(5 / 24, abs=1e-5)
    assert value["true plants that were found"] == pytest.approx(1 / 4)
    assert value["pictures that were read"] == pytest.approx(5 / 12, abs=1e-5)
    assert value["length of main root: error, mean absolute"] == 0
    assert value["true laterals found with emergence within 2 pictures"] == pytest.approx(2 / 8)
    assert times.loc[times["plant"] == "2", "found_plant"].isna().all()
    emergence = pd.read_csv(tmp_path / "out" / "emergence.csv")
    assert len(emergence) == 8
    assert emergence["found_root"].notna().sum() == 2


@pytest.mark.parametrize("found_too", [False, True])
def test_a_seed_that_never_germinates_is_nothing_to_find(tmp_path, found_too):
    def barren(x, frame):
        return [] if x > 100 else roots_at(x, frame)

    found = Plate("p", None, PLANTS if found_too else {"1": 60.0})
    table, times = evaluated(tmp_path, [Plate("p", "g", PLANTS, barren)], [found])
    value = table["value"]
    assert value["seeds that never germinated, which count nowhere"] == 1
    assert value["true plants that were found"] == 1
    assert value["found plants without a true one"] == int(found_too)
    assert (value["plant-times with the exact number of laterals"] == 1) == (not found_too)
    assert len(times) == (2 if found_too else 1) * FRAMES


def test_a_rejected_first_picture_shifts_numbers_and_hours_but_not_the_comparison(tmp_path):
    """The found plate begins with the second picture: only the names of the files tell which is which."""
    hours = np.array([0.0, 3, 6, 9, 12])
    found = Plate("p", None, PLANTS, lambda x, frame: roots_at(x, frame + 1), hours)
    for row in found.rows["frames"]:
        row["path"] = f"/somewhere/p/{int(row['hours']) + 3:03d}.jpg"
    table, times = evaluated(tmp_path, [Plate("p", None, PLANTS)], [found], (*NEEDED, "frames"))
    assert table.loc["length of main root: error, mean absolute", "value"] == 0
    assert table.loc["emergence of matched laterals: error, 90 % of laterals within", "value"] == 0
    assert table.loc["pictures that were read", "value"] == pytest.approx(5 / 6, abs=1e-5)
    one = times[times["plant"] == "1"]
    assert one["found_frame"].tolist()[1:] == [0, 1, 2, 3, 4]
    assert np.isnan(one["found_frame"].iloc[0])


def test_a_wrong_scale_is_an_error_and_an_unknown_one_is_not(tmp_path):
    true = [Plate("p", None, PLANTS)]
    table, _ = evaluated(tmp_path / "a", true, [Plate("p", None, PLANTS, scale=MM * 1.05)])
    assert table.loc["length of main root: error, mean absolute", "value"] == pytest.approx(5)
    table, times = evaluated(tmp_path / "b", true, [Plate("p", None, PLANTS, scale=None)])
    assert table.loc["length of main root: error, mean absolute", "value"] == 0
    assert set(times["unit"]) == {"px"}


def test_a_plant_that_has_no_roots_yet(tmp_path):
    """Neither side has roots in the first pictures; the found side has no rows there."""

    def late(x, frame):
        return roots_at(x, frame) if frame > 1 else []

    found = Plate("p", None, PLANTS, late)
    found.rows["traits"] = [row for row in found.rows["traits"] if row["frame"] > 1]
    for row in found.rows["frames"]:
        row["path"] = "x/" + row["path"]
    table, _ = evaluated(tmp_path, [Plate("p", None, PLANTS, late)], [found], (*NEEDED, "frames", "plants"))
    assert table.loc["plant-times with the exact number of laterals", "value"] == 1


def grown_at(speed):
    return lambda x, frame: [
        RootPath("1", np.array([[x, 20], [x + (x % 7) / 7, 20 + speed * (frame + 1) + x / 50]]), None)
    ]


@pytest.mark.parametrize(("speed", "differ", "met"), [(15, True, "yes"), (20, True, "no"), (20, False, "yes")])
def test_a_difference_of_groups_is_found_where_there_is_one(tmp_path, speed, differ, met):
    plants = {str(i): 15.0 + 30 * i for i in range(6)}
    plates = [Plate("a", "first", plants, grown_at(20)), Plate("b", "second", plants, grown_at(speed))]
    table, _ = evaluated(tmp_path, plates, plates, differ=differ)
    row = table.loc["first against second, found length of main root: p of Mann and Whitney"]
    assert row["met"] == met
    assert row["value"] == pytest.approx(2 / 924, abs=1e-6) if speed == 15 else row["value"] > 0.9


def test_same_bytes_twice(tmp_path):
    plates = [Plate("p", "g", PLANTS)]
    for name in ("a", "b"):
        evaluated(tmp_path / name, plates, plates)
    files = sorted(path.name for path in (tmp_path / "a" / "out").iterdir())
    assert files == ["emergence.csv", "lengths.png", "plant_times.csv", "plates.csv", "summary.csv"]
    for name in files:
        assert (tmp_path / "a" / "out" / name).read_bytes() == (tmp_path / "b" / "out" / name).read_bytes()


def test_refusals(tmp_path):
    with pytest.raises(CxrError, match="lack laterals, masks"):
        evaluate_roots({"nodes": [], "edges": [], "traits": []}, [], tmp_path / "out")
    with pytest.raises(CxrError, match="none of its 1 plates is among the found plates"):
        evaluated(tmp_path, [Plate("p", "g", PLANTS)], [Plate("q", "g", PLANTS)])
