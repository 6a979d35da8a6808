"""Found tables and true tables of plates, with plates, pictures and plants brought together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.config.roots import TRAINING
from cxrfactory.errors import CxrError
from cxrfactory.geometry.roots.system import RootPath, paths_of
from cxrfactory.metrics.root_graphs import pair_seeds
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.roots import (
    ROOT_EDGES,
    ROOT_FRAMES,
    ROOT_LATERALS,
    ROOT_MASKS,
    ROOT_NODES,
    ROOT_PLANTS,
    ROOT_TRAITS,
)

_SCHEMAS = {
    "nodes": ROOT_NODES,
    "edges": ROOT_EDGES,
    "traits": ROOT_TRAITS,
    "laterals": ROOT_LATERALS,
    "masks": ROOT_MASKS,
    "frames": ROOT_FRAMES,
    "plants": ROOT_PLANTS,
}
NEEDED = ("nodes", "edges", "traits", "laterals", "masks")
Key = tuple[str, int]  # plant and frame


@dataclass(frozen=True)
class PlateSide:
    """The tables of one plate from one side, found or true; absent tables are empty.

    Attributes
    ----------
    tables
        Table by name.
    roots
        Roots by plant and frame.
    traits
        Row of traits by plant and frame.
    """

    tables: dict[str, pd.DataFrame]
    roots: dict[Key, list[RootPath]]
    traits: dict[Key, dict[str, Any]]

    def seeds(self) -> dict[str, float]:
        """Return the horizontal position of each plant's seed, in pixels: given, or else the median over pictures."""
        if len(self.tables["plants"]):
            plants = self.tables["plants"]
            return dict(zip(plants["plant"], plants["seed_x"].astype(float), strict=True))
        nodes = self.tables["nodes"]
        return nodes[nodes["node"] == 0].groupby("plant")["x"].median().to_dict()

    def times(self) -> dict[int, float]:
        """Return the hours of each picture for which there are traits."""
        rows = self.tables["traits"].drop_duplicates("frame")
        return {int(row.frame): float(row.hours) for row in rows.itertuples()}

    def mask_of(self) -> dict[int, str]:
        """Return the run-length code of the mask of each picture."""
        masks = self.tables["masks"]
        return dict(zip(masks["frame"].astype(int), masks["rle"], strict=True))


@dataclass(frozen=True)
class PlatePair:
    """A plate with found and true tables.

    Attributes
    ----------
    name
        Name of the plate.
    group
        Its group; None if it has none.
    found, true
        Both sides.
    frames
        Number of the found picture by number of the true picture, for pictures that were read.
    plants
        Name of the found plant by name of the true plant.
    """

    name: str
    group: str | None
    found: PlateSide
    true: PlateSide
    frames: dict[int, int]
    plants: dict[str, str]

    def rooted(self) -> set[str]:
        """Return the true plants that have roots in some picture; a seed that never germinates cannot be found."""
        return {plant for (plant, _), row in self.true.traits.items() if row["total_length_px"] > 0}


def read_pairs(found: Mapping[str, Sequence[str | Path]], truths: Sequence[str | Path]) -> tuple[list[PlatePair], int]:
    """Read both sides of all plates of the truth that do not serve training.

    Parameters
    ----------
    found
        Paths of the found tables by name: all of :data:`NEEDED`, and ``frames`` and ``plants`` if they are known.
        Pictures are brought together by the names of their files if ``frames`` is there, else by their times.
    truths
        Folders of the cohort's truth.

    Returns
    -------
    The plates, sorted by name, and the number of found plants without a true one.

    Raises
    ------
    CxrError
        If a table is missing or unreadable, or no plate of the truth was found.
    """
    if missing := [name for name in NEEDED if name not in found]:
        raise CxrError(f"found tables lack {', '.join(missing)}; expected {', '.join(NEEDED)}")
    ours = {name: _by_plate(found.get(name, []), schema) for name, schema in _SCHEMAS.items()}
    theirs = {
        name: _by_plate([Path(folder) / f"{name}.parquet" for folder in truths], schema)
        for name, schema in _SCHEMAS.items()
    }
    names = sorted(name for name in theirs["plants"] if not name.startswith(f"{TRAINING}-"))
    known = {name for tables in ours.values() for name in tables}
    if not known & set(names):
        raise CxrError(
            f"{', '.join(str(folder) for folder in truths)}: none of its {len(names)} plates is among the found "
            f"plates; expected tables of the same plates"
        )
    pairs, extra = [], 0
    for name in names:
        one, other = (_side(name, side) for side in (ours, theirs))
        plants = _pair_plants(one, other)
        extra += len(one.seeds()) - len(plants)
        group = other.tables["plants"]["group"].dropna()
        pairs.append(
            PlatePair(name, str(group.iloc[0]) if len(group) else None, one, other, _pair_frames(one, other), plants)
        )
    return pairs, extra


def _by_plate(paths: Sequence[str | Path], schema) -> dict[str, pd.DataFrame]:
    tables = [table for table in (read_table(path, schema) for path in paths) if len(table)]
    if not tables:
        return {}
    return {str(plate): rows for plate, rows in pd.concat(tables, ignore_index=True).groupby("plate", sort=True)}


def _side(plate: str, tables: dict[str, dict[str, pd.DataFrame]]) -> PlateSide:
    own = {name: tables[name].get(plate, pd.DataFrame(columns=_SCHEMAS[name].names)) for name in _SCHEMAS}
    edges: dict[Key, list[dict[str, Any]]] = {}
    for row in own["edges"][["plant", "frame", "edge", "root", "points"]].to_dict("records"):
        edges.setdefault((row["plant"], int(row["frame"])), []).append(row)
    traits = {(row["plant"], int(row["frame"])): row for row in own["traits"].to_dict("records")}
    return PlateSide(own, {key: paths_of(rows) for key, rows in edges.items()}, traits)


def _pair_plants(found: PlateSide, true: PlateSide) -> dict[str, str]:
    ours, theirs = found.seeds(), true.seeds()
    one, other = list(ours), list(theirs)
    pairs = pair_seeds(np.array([ours[name] for name in one]), np.array([theirs[name] for name in other]))
    return {other[true_place]: one[found_place] for true_place, found_place in pairs.items()}


def _pair_frames(found: PlateSide, true: PlateSide) -> dict[int, int]:
    """Bring pictures together by the names of their files, or else by times up to half an interval apart."""
    if len(found.tables["frames"]):
        ours = {PurePath(row.path).name: int(row.frame) for row in found.tables["frames"].itertuples()}
        theirs = {int(row.frame): PurePath(row.path).name for row in true.tables["frames"].itertuples()}
        return {frame: ours[name] for frame, name in sorted(theirs.items()) if name in ours}
    ours, theirs = found.times(), true.times()
    if not ours or not theirs:
        return {}
    places = np.array(list(ours.values()))
    reach = float(np.median(np.diff(sorted(theirs.values())))) / 2 if len(theirs) > 1 else np.inf
    pairs = {}
    for frame, hours in sorted(theirs.items()):
        nearest = int(np.abs(places - hours).argmin())
        if abs(places[nearest] - hours) <= reach:
            pairs[frame] = list(ours)[nearest]
    return pairs
