import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.roots.growth import run
from cxrfactory.roots.growth.run import write_growth
from tests.roots.growth.toy import lateral_rows, trait_rows, write_cohort, write_laterals, write_traits

HOURS = np.arange(0, 240, 3.0)
FIGURES = {"growth.png", "speeds.png", "spectrum.png", "energies.png", "traits.png", "hulls.png", "fpca.png"}
TABLES = {"plants.csv", "groups.csv", "hulls.csv", "flags.csv", "speeds.csv", "spectra.csv", "energies.csv",
          "fpca.csv", "fpca_components.csv", "notes.txt"}  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    traits, laterals = write_cohort(folder)
    write_growth([traits], [laterals], folder / "growth")
    return folder


@pytest.fixture
def tables_only(monkeypatch):
    """Leave the figures out, which take most of the time; other tests draw them."""
    for name in ("growth", "speeds", "spectrum", "energies", "traits", "hulls", "modes"):
        monkeypatch.setattr(run, f"draw_{name}", lambda *_: None)


def read(folder, name):
    return pd.read_csv(folder / "growth" / name, dtype={"plant": str})


def test_all_files_are_there(cohort):
    assert {path.name for path in (cohort / "growth").iterdir()} == FIGURES | TABLES
    for name in FIGURES:
        assert (cohort / "growth" / name).read_bytes()[:4] == b"\x89PNG"


def test_a_row_for_each_plant_with_known_values(cohort):
    plants = read(cohort, "plants.csv")
    assert len(plants) == 24
    assert list(plants["plate"].unique()) == [f"{group}-{i}" for group in ("first", "second") for i in range(3)]
    row = plants.iloc[0]
    assert row["main_length_mm"] == pytest.approx(5 + row["main_mean_speed_mm_per_h"] * 237, rel=1e-5)
    assert row["main_period_h"] == 24
    assert row["main_energy_24h"] > 0.99
    assert row["first_lateral_hours"] % 3 == 0
    assert 51 <= row["first_lateral_hours"] <= 60
    assert 100 < row["crossing_hours"] < 160
    assert plants["flagged_pictures"].sum() == 4


def test_the_built_in_difference_is_found_and_no_other(cohort):
    tests = read(cohort, "groups.csv").set_index("trait")
    row = tests.loc["main_length_mm"]
    assert (row["first"], row["second"], row["n_first"], row["plates_second"]) == ("first", "second", 12, 3)
    assert row["p_mann_whitney"] < row["p_holm"] < 0.01
    assert (row["cliffs_delta"], row["p_plates_mann_whitney"]) == (1, pytest.approx(0.1))
    assert tests.loc["main_amplitude_24h_mm_per_h", "p_holm"] < 0.01
    assert tests.loc["curve of main_length, score 1", "p_holm"] < 0.01
    assert tests.loc["hull_area_mm2 on day 9", "p_holm"] < 0.01
    assert tests.loc["first_lateral_hours", "p_mann_whitney"] > 0.05  # drawn alike in both groups


def test_no_difference_where_there_is_none(tmp_path, tables_only):
    write_growth(*([path] for path in write_cohort(tmp_path, effect=1.0)), tmp_path / "growth")
    tests = read(tmp_path, "groups.csv")
    assert tests["p_holm"].min() > 0.05


def test_pictures_to_look_at_come_worst_first(cohort):
    flags = read(cohort, "flags.csv")
    assert flags["number"].tolist() == [2, 2, 1, 1]
    assert flags.iloc[0].tolist() == ["first-0", "2", 5, 15, 2, "main_shrank tip_jumped"]


def test_speeds_have_a_row_for_each_plant_and_picture(cohort):
    speeds = read(cohort, "speeds.csv")
    assert len(speeds) == 24 * 80
    plant = speeds[(speeds["plate"] == "first-1") & (speeds["plant"] == "3")]
    assert plant["hours"].tolist() == HOURS.tolist()
    assert plant["main_speed_mm_per_h"].mean() == pytest.approx(0.25, rel=0.15)


def test_windows_of_energy_end_every_half_day(cohort):
    energies = read(cohort, "energies.csv")
    one = energies[(energies["plate"] == "first-0") & (energies["plant"] == "1") & (energies["root"] == "main")]
    assert np.diff(one["middle_hours"]).tolist() == [12] * 5


def test_order_and_shards_do_not_change_a_byte(cohort, tmp_path):
    whole = pd.read_parquet(cohort / "traits.parquet")
    laterals = pd.read_parquet(cohort / "laterals.parquet")
    parts = [whole[whole["plate"].str.endswith(end)].sample(frac=1, random_state=1) for end in ("1", "0", "2")]
    traits = [write_traits(tmp_path / f"{i}.parquet", part.to_dict("records")) for i, part in enumerate(parts)]
    again = write_laterals(tmp_path / "laterals.parquet", laterals.iloc[::-1].to_dict("records"))
    write_growth(traits, [again], tmp_path / "growth")
    for name in FIGURES | TABLES:
        assert (tmp_path / "growth" / name).read_bytes() == (cohort / "growth" / name).read_bytes(), name


def test_single_pictures_have_no_growth_and_say_so(tmp_path):
    rows = [row for i in range(7) for row in trait_rows(f"p{i}", "1", "ab"[i % 2], [0.0], speed=0.2 + i / 100)]
    traits = write_traits(tmp_path / "t.parquet", rows)
    write_growth([traits], [write_laterals(tmp_path / "l.parquet", [])], tmp_path / "growth")
    names = {path.name for path in (tmp_path / "growth").iterdir()}
    assert names == {"plants.csv", "groups.csv", "hulls.csv", "flags.csv", "notes.txt", "traits.png"}
    assert "no speeds, rhythms, crossings or modes" in (tmp_path / "growth" / "notes.txt").read_text()
    plants = read(tmp_path, "plants.csv")
    assert not [name for name in plants.columns if "speed" in name or "hours" in name]
    assert len(read(tmp_path, "groups.csv")) > 0


def test_without_groups_and_scale_lengths_are_in_pixels_and_nothing_is_tested(tmp_path, monkeypatch):
    for name in ("spectrum", "energies", "modes", "growth"):  # they take time and draw groups as the others do
        monkeypatch.setattr(run, f"draw_{name}", lambda *_: None)
    traits, laterals = write_cohort(tmp_path, plates=1, plants=3, scale=None, grouped=False)
    write_growth([traits], [laterals], tmp_path / "growth")
    plants = read(tmp_path, "plants.csv")
    assert {"main_length_px", "main_mean_speed_px_per_h"} <= set(plants.columns)
    assert plants["group"].isna().all()
    assert read(tmp_path, "groups.csv").empty
    notes = (tmp_path / "growth" / "notes.txt").read_text()
    assert "The scale is unknown" in notes
    assert "There are 0 groups, therefore no tests" in notes
    assert not (tmp_path / "growth" / "hulls.png").exists()


def test_a_plate_without_scale_turns_all_lengths_to_pixels(tmp_path, tables_only):
    rows = trait_rows("p", "1", "a", HOURS) + trait_rows("q", "1", "b", HOURS[:60], scale=None)
    write_growth([write_traits(tmp_path / "t.parquet", rows)], [], tmp_path / "growth")
    notes = (tmp_path / "growth" / "notes.txt").read_text().splitlines()
    assert notes[0].startswith("The scale of 1 of 2 plates is unknown, therefore all lengths are in pixels")
    assert any(note.startswith("The plates end at different times, 177.0 to 237.0 hours") for note in notes)
    assert any("fewer than 3 plants in a group: no tests" in note for note in notes)
    assert "main_length_px" in read(tmp_path, "plants.csv").columns


def test_a_plate_without_scale_is_left_out_beside_plates_of_different_scales(tmp_path, tables_only):
    rows = [row for plate, scale in (("a", 0.15), ("b", 0.1), ("c", None)) for plant in "12"
            for row in trait_rows(plate, plant, None, HOURS[:9], scale=scale)]  # fmt: skip
    write_growth([write_traits(tmp_path / "t.parquet", rows)], [write_laterals(tmp_path / "l.parquet", [])],
                 tmp_path / "growth")  # fmt: skip
    plants = read(tmp_path, "plants.csv")
    assert plants["plate"].tolist() == ["a", "a", "b", "b"]
    assert "main_length_mm" in plants.columns
    told = (tmp_path / "growth" / "notes.txt").read_text()
    assert "The scale of 1 plates is unknown (c), and those of the others differ (0.1 to 0.15 mm a pixel)" in told


def test_a_lateral_of_the_first_picture_has_no_time_of_emergence(tmp_path, tables_only):
    hours = HOURS + 70  # the first lateral came at 60 hours
    traits = write_traits(tmp_path / "t.parquet", trait_rows("p", "1", "a", hours))
    laterals = write_laterals(tmp_path / "l.parquet", lateral_rows("p", "1", "a", hours))
    write_growth([traits], [laterals], tmp_path / "growth")
    assert read(tmp_path, "plants.csv")["first_lateral_hours"].isna().all()


def test_a_first_lateral_of_a_gap_has_no_time_of_emergence_and_is_told(tmp_path, tables_only):
    hours = HOURS[(HOURS < 48) | (HOURS > 100)]  # the first lateral came at 60 hours
    traits = write_traits(tmp_path / "t.parquet", trait_rows("p", "1", "a", hours))
    laterals = write_laterals(tmp_path / "l.parquet", lateral_rows("p", "1", "a", hours))
    write_growth([traits], [laterals], tmp_path / "growth")
    assert read(tmp_path, "plants.csv")["first_lateral_hours"].isna().all()
    assert "the first lateral emerged in a gap of" in (tmp_path / "growth" / "notes.txt").read_text()


def test_a_seed_that_never_germinates_is_compared_with_nothing_and_told(tmp_path, tables_only):
    traits, laterals = write_cohort(tmp_path)
    write_growth([traits], [laterals], tmp_path / "growth")
    without = read(tmp_path, "groups.csv")
    rows = pd.read_parquet(traits)
    bare = rows[(rows["plate"] == "first-0") & (rows["plant"] == "1")].assign(plant="9", laterals=0)
    lengths = [name for name in rows.columns if "_length_" in name]
    hulls = [name for name in rows.columns if "hull" in name]
    bare = bare.assign(**dict.fromkeys(lengths, 0.0), **dict.fromkeys(hulls, np.nan))
    write_traits(traits, pd.concat([rows, bare]).to_dict("records"))
    write_growth([traits], [laterals], tmp_path / "growth")
    pd.testing.assert_frame_equal(read(tmp_path, "groups.csv"), without)
    assert len(read(tmp_path, "plants.csv")) == 25
    assert "1 of 25 plants show no root in any picture" in (tmp_path / "growth" / "notes.txt").read_text()


def test_plants_that_all_show_no_root_have_tables_and_no_figures(tmp_path):
    rows = [row | dict.fromkeys([name for name in row if "_length_" in name], 0.0)
            for plant in "12" for row in trait_rows("p", plant, None, HOURS[:9])]  # fmt: skip
    write_growth([write_traits(tmp_path / "t.parquet", rows)], [write_laterals(tmp_path / "l.parquet", [])],
                 tmp_path / "growth")  # fmt: skip
    assert len(read(tmp_path, "plants.csv")) == 2
    assert "2 of 2 plants show no root" in (tmp_path / "growth" / "notes.txt").read_text()


def test_modes_of_curves_tell_the_hours_that_all_plants_have(tmp_path, tables_only):
    rows = [row for plant, last in (("1", 240), ("2", 240), ("3", 60))
            for row in trait_rows("p", plant, None, HOURS[last > HOURS], 0.2 + 0.1 * int(plant))]  # fmt: skip
    write_growth([write_traits(tmp_path / "t.parquet", rows)], [write_laterals(tmp_path / "l.parquet", [])],
                 tmp_path / "growth")  # fmt: skip
    told = (tmp_path / "growth" / "notes.txt").read_text()
    assert "The modes of curves cover 0.0 to 57.0 hours, which all plants have, of 0.0 to 237.0 hours." in told


def test_refusals(tmp_path):
    rows = trait_rows("p", "1", "a", HOURS[:3])
    laterals = [write_laterals(tmp_path / "l.parquet", [])]
    traits = write_traits(tmp_path / "t.parquet", rows)
    with pytest.raises(CxrError, match=r"plate p, plant 1, frame 0 occurs twice"):
        write_growth([traits, traits], laterals, tmp_path / "growth")
    with pytest.raises(CxrError, match="found no plant"):
        write_growth([write_traits(tmp_path / "e.parquet", [])], laterals, tmp_path / "growth")
    rows[1]["group"] = "b"
    with pytest.raises(CxrError, match="groups 'a' and 'b'; expected one group"):
        write_growth([write_traits(tmp_path / "g.parquet", rows)], laterals, tmp_path / "growth")
    assert not (tmp_path / "growth").exists()
