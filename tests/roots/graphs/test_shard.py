"""The stage of graphs on a small virtual plate whose masks are the truth, and its errors."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.config.roots import RootsCohortConfig, RootsGraphConfig
from cxrfactory.errors import CxrError
from cxrfactory.geometry.roots.system import paths_of
from cxrfactory.roots.graphs.plant import consistent_share
from cxrfactory.roots.graphs.shard import GraphOutputs, write_graphs
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import read_table, write_arrow
from cxrfactory.tables.rle import rle_decode, rle_encode
from cxrfactory.tables.roots import (
    ROOT_EDGES,
    ROOT_FRAMES,
    ROOT_LATERALS,
    ROOT_MASKS,
    ROOT_NODES,
    ROOT_PLANTS,
    ROOT_TRAITS,
)

NAMES = ("nodes", "edges", "traits", "laterals", "plants")
SETTINGS = RootsGraphConfig()


@pytest.fixture(scope="module")
def truth(tmp_path_factory) -> Path:
    from cxrfactory.roots.cohort.build import write_plates

    folder = tmp_path_factory.mktemp("plates")
    settings = RootsCohortConfig(plates=1, training_plates=1, plants=2, frames=24, interval_minutes=450, plate_px=512)
    write_plates(folder / "pictures", folder / "truth", settings, 0, 1)
    return folder / "truth"


def _outputs(folder: Path) -> GraphOutputs:
    return GraphOutputs(*(folder / f"{name}.parquet" for name in NAMES))


def _run(truth: Path, folder: Path, masks: Path | None = None, plants: Path | None = None, **options) -> GraphOutputs:
    outputs = _outputs(folder)
    frames = truth / "frames.parquet"
    write_graphs(
        frames, plants or truth / "plants.parquet", masks or truth / "masks.parquet", outputs, SETTINGS, **options
    )
    return outputs


@pytest.fixture(scope="module")
def found(truth, tmp_path_factory) -> GraphOutputs:
    return _run(truth, tmp_path_factory.mktemp("found"))


def test_traits_agree_with_the_truth(truth, found):
    true, ours = read_table(truth / "traits.parquet", ROOT_TRAITS), read_table(found.traits, ROOT_TRAITS)
    both = true.merge(ours, on=["plate", "plant", "frame"], suffixes=("", "_ours"), validate="1:1")
    assert len(both) == len(true) == len(ours)
    grown = both[both["main_length_px"] > 40]
    error = (grown["main_length_px_ours"] - grown["main_length_px"]).abs() / grown["main_length_px"]
    assert error.mean() < 0.01
    assert (both["laterals"] == both["laterals_ours"]).mean() >= 0.9
    assert (both["hours"] == both["hours_ours"]).all()
    last = both[both["frame"] == both["frame"].max()]
    assert np.allclose(last["total_length_mm_ours"], last["total_length_mm"], rtol=0.03)


def test_laterals_emerge_when_they_do(truth, found):
    true, ours = read_table(truth / "laterals.parquet", ROOT_LATERALS), read_table(found.laterals, ROOT_LATERALS)
    true = true[true["last_length_px"] > 12]
    assert len(true) > 3
    for row in true.itertuples():
        same = ours[(ours["plate"] == row.plate) & (ours["plant"] == row.plant) & (ours["side"] == row.side)]
        nearest = same.iloc[(same["base_px"] - row.base_px).abs().argmin()]
        assert abs(nearest["base_px"] - row.base_px) < 5
        assert abs(nearest["emergence_frame"] - row.emergence_frame) <= 2
        assert nearest["last_length_px"] == pytest.approx(row.last_length_px, abs=4)


def test_nodes_edges_and_traits_tell_the_same_roots(found):
    nodes, edges = read_table(found.nodes, ROOT_NODES), read_table(found.edges, ROOT_EDGES)
    traits = read_table(found.traits, ROOT_TRAITS).set_index(["plate", "plant", "frame"])
    points = nodes.groupby(["plate", "plant", "frame"])
    for key, rows in edges.groupby(["plate", "plant", "frame"]):
        roots = paths_of(rows.to_dict("records"))
        assert sum(root.length for root in roots) == pytest.approx(traits.loc[key, "total_length_px"])
        assert sum(root.parent is not None for root in roots) == traits.loc[key, "laterals"]
        assert points.get_group(key)["kind"].tolist().count("lateral_tip") == traits.loc[key, "laterals"]
    assert set(traits.index[traits["main_length_px"] > 0]) == set(points.groups)


def test_names_stay_and_lengths_never_decrease(found):
    edges = read_table(found.edges, ROOT_EDGES)
    lengths = edges.groupby(["plate", "plant", "root", "frame"])["length_px"].sum()
    for _, rows in lengths.groupby(["plate", "plant", "root"]):
        frames = rows.index.get_level_values("frame")
        assert np.array_equal(frames, np.arange(frames[0], edges["frame"].max() + 1))
        assert (rows.diff().dropna() > -1e-6).all()


def test_shards_together_are_the_whole_and_the_bytes_repeat(truth, found, tmp_path):
    again = _run(truth, tmp_path / "again")
    parts = [_run(truth, tmp_path / str(shard), shard=shard, shards=2) for shard in (0, 1)]
    for name in NAMES:
        whole = Path(getattr(found, name))
        assert Path(getattr(again, name)).read_bytes() == whole.read_bytes()
        both = pd.concat([pq.read_table(getattr(part, name)).to_pandas() for part in parts])
        alone = pq.read_table(whole).to_pandas()
        assert len(both) == len(alone)
        for plate, rows in alone.groupby("plate"):
            part = pq.read_table(getattr(parts[shard_of(str(plate), 2)], name)).to_pandas()
            pd.testing.assert_frame_equal(
                part[part["plate"] == plate].reset_index(drop=True), rows.reset_index(drop=True)
            )


def test_plants_are_found_where_none_are_given(truth, tmp_path):
    none = tmp_path / "none.parquet"
    write_arrow(ROOT_PLANTS.empty_table(), none)
    outputs = _run(truth, tmp_path, plants=none, groups=[truth / "groups.csv"])
    true, ours = read_table(truth / "plants.parquet", ROOT_PLANTS), read_table(outputs.plants, ROOT_PLANTS)
    both = true.merge(ours, on=["plate", "plant"], suffixes=("", "_ours"), validate="1:1")
    assert len(both) == len(true)
    assert np.hypot(both["seed_x"] - both["seed_x_ours"], both["seed_y"] - both["seed_y_ours"]).max() < 4
    assert set(ours["source"]) == {"found"}
    assert both["group"].equals(both["group_ours"])


def test_a_group_of_a_plant_that_is_not_found_is_refused_with_those_that_are(truth, tmp_path):
    none, groups = tmp_path / "none.parquet", tmp_path / "groups.csv"
    write_arrow(ROOT_PLANTS.empty_table(), none)
    plate = read_table(truth / "plants.parquet", ROOT_PLANTS)["plate"].iloc[0]
    groups.write_text(f"plate,plant,group\n{plate},1,a\n{plate},3,b\nother,9,c\n")
    with pytest.raises(CxrError, match=r"groups.csv: row 3 names plant '3' of plate .* 1 at x = \d+, 2 at x = \d+; "):
        _run(truth, tmp_path, plants=none, groups=[groups])


def test_roots_of_no_plant_and_a_plate_without_roots_are_told(truth, tmp_path, caplog):
    plants = read_table(truth / "plants.parquet", ROOT_PLANTS)
    first, last = sorted(set(plants["plate"]))[0], sorted(set(plants["plate"]))[-1]
    masks = pq.read_table(truth / "masks.parquet").to_pandas()
    masks.loc[masks["plate"] == last, "rle"] = rle_encode(np.zeros((512, 512), np.uint8))
    few, bare = tmp_path / "few.parquet", tmp_path / "bare.parquet"
    kept = plants.assign(right=512)[plants["plant"] == "1"]
    write_arrow(pa.Table.from_pandas(kept, ROOT_PLANTS, preserve_index=False), few)
    write_arrow(pa.Table.from_pandas(masks, ROOT_MASKS, preserve_index=False), bare)
    _run(truth, tmp_path / "whole")
    assert not caplog.records
    _run(truth, tmp_path / "less", plants=few, masks=bare)
    assert re.search(rf"{first}: \d\d % of the roots belong to none of its 1 plants, .* x = \d+ to \d+", caplog.text)
    assert f"{last}: no root in any picture" in caplog.text


def test_a_picture_that_lacks_a_part_of_the_roots_is_flagged_and_its_graph_is_kept(truth, found, tmp_path):
    table = pq.read_table(truth / "masks.parquet").to_pandas()
    plate = table["plate"].iloc[0]
    place = table.index[(table["plate"] == plate) & (table["frame"] == 20)][0]
    mask = rle_decode(table.loc[place, "rle"], 512, 512)
    mask[180:] = 0
    table.loc[place, "rle"] = rle_encode(mask)
    masks = tmp_path / "masks.parquet"
    write_arrow(pa.Table.from_pandas(table, ROOT_MASKS, preserve_index=False), masks)
    before = read_table(found.traits, ROOT_TRAITS)
    after = read_table(_run(truth, tmp_path, masks=masks).traits, ROOT_TRAITS)
    here = (after["plate"] == plate) & (after["frame"] == 20)
    assert here.sum() == 2
    for flags in after[here]["flags"]:
        assert "length_shrank" in flags
    assert not any("length_shrank" in flags for flags in before["flags"])
    change = (after["total_length_px"] - before["total_length_px"]).abs()
    assert change[~after["frame"].between(17, 20)].max() < 6  # what is lost just after it grew seems to grow later
    assert change.max() < 60


def _drawn(folder: Path, tips: list[int], hidden: tuple[int, int] | None = None, hours=None) -> pd.DataFrame:
    """Return the traits of a root that winds down a picture of 200 x 200 px to each of these rows."""
    masks = []
    for picture, tip in enumerate(tips):
        mask = np.zeros((200, 200), np.uint8)
        for row in range(20, min(tip, 199) + 1):
            middle = 100 + round(6 * np.sin(row / 12))
            mask[row, middle - 1 : middle + 2] = 1
        if hidden is not None and picture in hidden:
            mask[80:110] = 0
        masks.append({"plate": "p", "frame": picture, "height": 200, "width": 200, "rle": rle_encode(mask)})
    frame = {"plate": "p", "path": "", "time_source": "name", "height": 200, "width": 200, "mm_per_pixel": 0.16,
             "scale_source": "given", "shift_x": 0.0, "shift_y": 0.0, "notes": []}  # fmt: skip
    hours = hours or [float(picture) for picture in range(len(tips))]
    frames = [frame | {"frame": picture, "hours": hours[picture]} for picture in range(len(tips))]
    folder.mkdir(exist_ok=True)
    for name, rows, schema in (
        ("frames", frames, ROOT_FRAMES),
        ("masks", masks, ROOT_MASKS),
        ("plants", [], ROOT_PLANTS),
    ):
        write_arrow(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet")
    return read_table(_run(folder, folder).traits, ROOT_TRAITS)


def test_a_root_that_leaves_the_picture_is_flagged_from_then_on(tmp_path):
    traits = _drawn(tmp_path, [40, 80, 120, 160, 190, 240, 280])
    assert ["at_border" in flags for flags in traits["flags"]] == [False] * 5 + [True] * 2


def test_a_root_that_shows_again_behind_a_drop_is_flagged_while_its_length_is_too_short(tmp_path):
    traits = _drawn(tmp_path, [40, 60, 78, 100, 128, 150, 170], hidden=(3, 4))
    assert ["tip_hidden" in flags for flags in traits["flags"]] == [False] * 4 + [True] + [False] * 2
    assert traits["main_length_px"].iloc[4] < 70


def test_a_plate_on_its_side_is_warned_of_and_flagged(truth, tmp_path, caplog):
    table = pq.read_table(truth / "masks.parquet").to_pandas()
    table["rle"] = [rle_encode(np.rot90(rle_decode(rle, 512, 512))) for rle in table["rle"]]
    turned, none = tmp_path / "turned.parquet", tmp_path / "none.parquet"
    write_arrow(pa.Table.from_pandas(table, ROOT_MASKS, preserve_index=False), turned)
    write_arrow(ROOT_PLANTS.empty_table(), none)
    with caplog.at_level("WARNING", "cxrfactory"):
        traits = read_table(_run(truth, tmp_path, masks=turned, plants=none).traits, ROOT_TRAITS)
    assert "the roots grow to the right, not down" in caplog.text
    assert len(traits)
    assert all("not_down" in flags for flags in traits["flags"])


def test_a_gap_of_two_days_makes_no_tip_jump_and_the_same_step_in_an_hour_does(tmp_path):
    tips, hours = [40, 60, 80, 180, 200], [0.0, 3.0, 6.0, 54.0, 57.0]
    traits = _drawn(tmp_path / "gap", tips, hours=hours)
    assert not any("tip_jumped" in flags for flags in traits["flags"])
    assert traits["main_length_px"].iloc[3] - traits["main_length_px"].iloc[2] == pytest.approx(106, abs=2)  # it winds
    traits = _drawn(tmp_path / "jump", tips, hours=[0.0, 3.0, 6.0, 9.0, 12.0])
    assert ["tip_jumped" in flags for flags in traits["flags"]] == [False, False, False, True, False]


def test_the_share_of_pictures_without_a_flag():
    assert consistent_share([[], ["no_roots"], ["gap"], ["tip_jumped", "gap"], []]) == 0.5
    assert consistent_share([["no_roots"]]) is None


def test_masks_that_do_not_fit_the_pictures_are_refused(truth, tmp_path):
    table = pq.read_table(truth / "masks.parquet")
    bad = tmp_path / "bad.parquet"
    write_arrow(table.take([1, 0, *range(2, len(table))]), bad)
    with pytest.raises(CxrError, match="comes after 1; sort them"):
        _run(truth, tmp_path, masks=bad)
    write_arrow(table.take([*range(5), len(table) - 1, *range(5, len(table) - 1)]), bad)
    with pytest.raises(CxrError, match="do not follow one another"):
        _run(truth, tmp_path, masks=bad)
    frame = table.to_pandas()
    frame.loc[3, "height"] = 400
    write_arrow(pa.Table.from_pandas(frame, ROOT_MASKS, preserve_index=False), bad)
    with pytest.raises(CxrError, match="has 400 x 512 pixels; expected 512 x 512"):
        _run(truth, tmp_path, masks=bad)
    frames = pq.read_table(truth / "frames.parquet")
    few = tmp_path / "frames.parquet"
    write_arrow(frames.slice(1).replace_schema_metadata(None).cast(ROOT_FRAMES), few)
    with pytest.raises(CxrError, match="frame 0, which the table of pictures lacks"):
        write_graphs(few, truth / "plants.parquet", truth / "masks.parquet", _outputs(tmp_path), SETTINGS)
    with pytest.raises(CxrError, match="shard 2 of 2"):
        _run(truth, tmp_path, shard=2, shards=2)
