"""Files of virtual plates and of their truth."""

import csv
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from cxrfactory.config.roots import RootsCohortConfig
from cxrfactory.errors import CxrError
from cxrfactory.geometry.roots.polyline import length_of
from cxrfactory.geometry.roots.system import EMERGED_MM, paths_of
from cxrfactory.roots.cohort.build import write_plates
from cxrfactory.roots.cohort.picture import pictures_of
from cxrfactory.roots.cohort.plate import draw_plate, plate_names
from cxrfactory.roots.cohort.truth import TABLES
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode

TINY = RootsCohortConfig(plates=2, training_plates=1, plants=2, frames=5, interval_minutes=1900, plate_px=256)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write_plates(folder / "plates", folder / "truth", TINY)
    return folder


def _pictures(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.jpg"))}


def test_each_plate_has_its_folder_of_pictures_named_by_time(whole):
    assert sorted(path.name for path in (whole / "plates").iterdir()) == sorted(plate_names(TINY))
    names = sorted(path.name for path in (whole / "plates" / "train-0").iterdir())
    times = [datetime.strptime(name, "train-0_%Y-%m-%d_%H-%M-%S.jpg") for name in names]
    assert [(time - times[0]).total_seconds() for time in times] == [1900 * 60 * frame for frame in range(5)]


def test_two_shards_hold_the_bytes_and_rows_of_the_whole(whole, tmp_path):
    import pandas as pd

    for shard in range(2):
        write_plates(tmp_path / "plates", tmp_path / f"truth{shard}", TINY, shard, 2)
    assert _pictures(tmp_path / "plates") == _pictures(whole / "plates")
    for name, schema in TABLES.items():
        parts = [read_table(tmp_path / f"truth{shard}" / f"{name}.parquet", schema) for shard in range(2)]
        assert min(map(len, parts)) > 0
        both = pd.concat(parts).sort_values("plate", kind="stable", ignore_index=True)
        expected = read_table(whole / "truth" / f"{name}.parquet", schema).sort_values(
            "plate", kind="stable", ignore_index=True
        )
        assert both.astype(str).equals(expected.astype(str))


def test_writing_again_gives_the_same_bytes(whole, tmp_path):
    write_plates(tmp_path / "plates", tmp_path / "truth", TINY)
    for path in sorted((whole / "truth").iterdir()):
        assert path.read_bytes() == (tmp_path / "truth" / path.name).read_bytes()


def test_a_smaller_cohort_holds_the_same_plates(whole, tmp_path):
    write_plates(tmp_path / "plates", tmp_path / "truth", TINY.model_copy(update={"plates": 1}))
    fewer, more = _pictures(tmp_path / "plates"), _pictures(whole / "plates")
    assert len(fewer) == 15
    assert fewer.items() < more.items()


def test_truth_lengths_are_those_of_its_lines(whole):
    edges = read_table(whole / "truth" / "edges.parquet")
    traits = read_table(whole / "truth" / "traits.parquet")
    by_time = {key: rows for key, rows in edges.groupby(["plate", "plant", "frame"])}
    assert len(traits) == 5 * 2 * 5
    for row in traits.itertuples():
        rows = by_time.get((row.plate, row.plant, row.frame))
        roots = [] if rows is None else paths_of(rows.to_dict("records"))
        main = sum(length_of(root.points) for root in roots if root.name == "1")
        laterals = [length_of(root.points) for root in roots if root.name != "1"]
        assert row.main_length_px == pytest.approx(main, abs=1e-6)
        assert row.laterals_length_px == pytest.approx(sum(laterals), abs=1e-6)
        assert row.laterals == len(laterals)
        assert all(length * row.mm_per_pixel >= EMERGED_MM - 1e-9 for length in laterals)
        assert row.mm_per_pixel == pytest.approx(125 / 256)
    assert (traits.laterals > 0).any()
    assert (traits.main_length_px == 0).any()


def test_truth_lengths_grow_as_the_plants_do(whole):
    traits = read_table(whole / "truth" / "traits.parquet")
    for name in ("first-0", "second-1", "train-0"):
        for plant in draw_plate(name, TINY).plants:
            rows = traits[(traits.plate == name) & (traits.plant == plant.name)].sort_values("frame")
            expected = plant.roots[0].lengths_px if plant.roots else np.zeros(5)
            np.testing.assert_allclose(rows.main_length_px, expected, atol=1e-6)


def test_emergence_is_the_first_picture_with_the_lateral(whole):
    laterals = read_table(whole / "truth" / "laterals.parquet")
    edges = read_table(whole / "truth" / "edges.parquet")
    assert len(laterals) > 5
    for row in laterals.itertuples():
        own = edges[(edges.plate == row.plate) & (edges.plant == row.plant) & (edges.root == row.root)]
        assert own.frame.min() == row.emergence_frame
        assert row.emergence_hours == pytest.approx(row.emergence_frame * 1900 / 60)


def test_masks_and_plants_of_the_tables_are_those_of_the_plate(whole):
    masks = read_table(whole / "truth" / "masks.parquet").set_index(["plate", "frame"])
    plants = read_table(whole / "truth" / "plants.parquet")
    plate = draw_plate("second-0", TINY)
    for picture in pictures_of(plate):
        row = masks.loc[("second-0", picture.frame)]
        np.testing.assert_array_equal(rle_decode(row.rle, row.height, row.width), picture.mask)
    rows = plants[plants.plate == "second-0"]
    np.testing.assert_array_equal(rows[["seed_x", "seed_y"]], [plant.seed for plant in plate.plants])
    assert ((rows.left <= rows.seed_x) & (rows.seed_x < rows.right)).all()
    assert rows.left.iloc[0] == 0
    assert rows.right.iloc[0] == rows.left.iloc[1]
    assert rows.right.iloc[1] == 256
    assert set(rows.group) == {"second"}


def test_frames_tell_the_exact_shifts(whole):
    frames = read_table(whole / "truth" / "frames.parquet")
    for name in plate_names(TINY):
        rows = frames[frames.plate == name]
        np.testing.assert_array_equal(rows[["shift_x", "shift_y"]], draw_plate(name, TINY).shifts)
        assert all((whole / "plates" / path).is_file() for path in rows.path)


def test_groups_name_the_plates_that_are_compared(whole):
    with (whole / "truth" / "groups.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["plate", "group"]
    assert rows[1:] == [[name, name.split("-")[0]] for name in plate_names(TINY)[:4]]


def test_a_shard_without_plates_has_empty_tables(tmp_path):
    small = TINY.model_copy(update={"plates": 1})
    used = {shard for shard in range(40) for name in plate_names(small) if _shard(name, 40) == shard}
    free = min(set(range(40)) - used)
    write_plates(tmp_path / "plates", tmp_path / "truth", small, free, 40)
    assert all(len(read_table(tmp_path / "truth" / f"{name}.parquet", schema)) == 0 for name, schema in TABLES.items())


def _shard(name: str, shards: int) -> int:
    from cxrfactory.tables.keys import shard_of

    return shard_of(name, shards)


def test_a_shard_out_of_range_is_refused(tmp_path):
    with pytest.raises(CxrError, match="shard 2 of 2; expected a shard from 0"):
        write_plates(tmp_path / "plates", tmp_path / "truth", TINY, 2, 2)
