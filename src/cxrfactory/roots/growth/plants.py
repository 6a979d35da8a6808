"""The plants of all plates as series over time, read from the tables of traits and laterals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from cxrfactory.errors import CxrError
from cxrfactory.metrics.growth import usual_gap
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.roots import ROOT_LATERALS, ROOT_TRAITS

LENGTHS = ("main_length", "laterals_length", "total_length")
OTHERS = (
    "laterals",
    "laterals_per_cm",
    "main_share",
    "hull_area_mm2",
    "hull_width_mm",
    "hull_height_mm",
    "hull_aspect",
    "laterals_per_hull_mm",
    "emergence_angle_deg",
    "tip_angle_deg",
)

SAME_SCALE = 0.02  # share by which scales of one camera differ; lengths in pixels of others cannot be compared


@dataclass(frozen=True)
class Plant:
    """One plant over all its pictures.

    Attributes
    ----------
    plate, plant
        Names.
    group
        Name of the group; None if none was given.
    frames, hours
        Numbers of the pictures, and their times since the plate's first picture; the hours ascend.
    values
        Trait by name (:data:`LENGTHS` in the unit of the set, and :data:`OTHERS`), one value for each picture; NaN
        where it is unknown.
    flags
        The flags of each picture.
    emergence_hours
        When each lateral was first seen; NaN for those that the plant's first picture shows already, and for the first
        ones if they emerged in a gap between pictures.
    """

    plate: str
    plant: str
    group: str | None
    frames: Int[np.ndarray, " n"]
    hours: Float[np.ndarray, " n"]
    values: dict[str, Float[np.ndarray, " n"]]
    flags: list[list[str]]
    emergence_hours: Float[np.ndarray, " laterals"]

    @property
    def key(self) -> dict[str, str | None]:
        """The first columns of every row on this plant."""
        return {"plate": self.plate, "plant": self.plant, "group": self.group}


@dataclass(frozen=True)
class PlantSet:
    """All plants, sorted by plate and plant.

    Attributes
    ----------
    plants
        The plants.
    unit
        Unit of all lengths: mm if the scale of every picture is known, else px. Plates without a scale beside others of
        different scales are left out, because their lengths in pixels cannot be compared.
    notes
        What a reader of the results must know, as whole sentences.
    """

    plants: list[Plant]
    unit: str
    notes: list[str]

    @property
    def over_time(self) -> bool:
        """Whether a plant has pictures of two or more times."""
        return any(plant.hours.size > 1 for plant in self.plants)

    @property
    def groups(self) -> list[str]:
        """Names of the groups in the order of the alphabet."""
        return sorted({plant.group for plant in self.plants if plant.group is not None})

    @property
    def with_roots(self) -> "PlantSet":
        """The plants that show a root in any picture; a seed that never germinates has no length to compare."""
        return replace(self, plants=[plant for plant in self.plants if (plant.values["total_length"] > 0).any()])

    def label(self, plant: Plant) -> str:
        """Return the name of a plant's group in figures."""
        if plant.group is not None:
            return plant.group
        return "no group" if self.groups else "all plants"


def read_plants(traits: Sequence[str | Path], laterals: Sequence[str | Path]) -> PlantSet:
    """Read the tables of traits (``ROOT_TRAITS``) and laterals (``ROOT_LATERALS``) of all shards.

    Raises
    ------
    CxrError
        If there is no plant, a plant has two rows for one picture, or a plant has two groups.
    """
    rows = _together(traits, ROOT_TRAITS)
    emerged = _together(laterals, ROOT_LATERALS)
    if rows.empty:
        raise CxrError(f"{_named(traits)}: found no plant; expected one or more rows of traits")
    twice = rows[rows.duplicated(["plate", "plant", "frame"])]
    if len(twice):
        row = twice.iloc[0]
        raise CxrError(
            f"{_named(traits)}: plate {row['plate']}, plant {row['plant']}, frame {row['frame']} occurs twice; give "
            f"each table of traits once"
        )
    notes = []
    scales = rows["mm_per_pixel"].dropna()
    if 0 < len(scales) < len(rows) and scales.max() > (1 + SAME_SCALE) * scales.min():
        bare = rows["mm_per_pixel"].isna()
        names = sorted(set(rows.loc[bare, "plate"]))
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        differ = f"{scales.min():.4g} to {scales.max():.4g} mm a pixel"
        notes.append(
            f"The scale of {len(names)} plates is unknown ({shown}), and those of the others differ ({differ}); "
            f"these plates are left out, so give mm_per_pixel to have them."
        )
        rows = rows[~bare]
    without = int(rows["mm_per_pixel"].isna().sum())
    unit = "px" if without else "mm"
    if 0 < without < len(rows):
        plates = rows.loc[rows["mm_per_pixel"].isna(), "plate"].nunique()
        notes.append(
            f"The scale of {plates} of {rows['plate'].nunique()} plates is unknown, therefore all lengths are in "
            f"pixels; give mm_per_pixel to have them in mm."
        )
    elif without:
        notes.append("The scale is unknown, therefore lengths are in pixels, and traits of areas are empty.")
    of_laterals = {key: part for key, part in emerged.groupby(["plate", "plant"], sort=False)}
    plants = [
        _plant(key, part.sort_values(["hours", "frame"]), of_laterals.get(key), unit, notes)
        for key, part in rows.groupby(["plate", "plant"], sort=False)
    ]
    plants.sort(key=lambda plant: (plant.plate, plant_order(plant.plant)))
    return PlantSet(plants, unit, notes)


def _hours_before(hours: np.ndarray, when: float) -> float:
    """Return the hours from the picture before a time to that time; 0 if there is none."""
    before = hours[hours < when]
    return float(when - before[-1]) if before.size else 0.0


def plant_order(name: str) -> tuple[int, int, str]:
    """Return the key that sorts plants: numbers by value, then other names."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)


def _together(paths: Sequence[str | Path], schema) -> pd.DataFrame:
    tables = [read_table(path, schema) for path in paths]
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=schema.names)


def _named(paths: Sequence[str | Path]) -> str:
    return f"{paths[0]}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else "") if paths else "traits"


def _plant(
    key: tuple[str, str], rows: pd.DataFrame, laterals: pd.DataFrame | None, unit: str, notes: list[str]
) -> Plant:
    plate, name = key
    groups = rows["group"].dropna().unique()
    if len(groups) > 1:
        raise CxrError(f"plate {plate}, plant {name}: groups '{groups[0]}' and '{groups[1]}'; expected one group")
    hours = rows["hours"].to_numpy(float)
    kept = np.append(np.diff(hours) > 0, True)  # of pictures of the same time, the last
    if not kept.all():
        notes.append(f"Plate {plate}, plant {name}: {int((~kept).sum())} pictures have the time of a later one and "
                     f"are left out.")  # fmt: skip
    rows, hours = rows[kept], hours[kept]
    values = {trait: rows[f"{trait}_{unit}"].to_numpy(float) for trait in LENGTHS}
    values |= {trait: rows[trait].to_numpy(float) for trait in OTHERS}
    emergence = np.empty(0)
    if laterals is not None:
        emergence = np.sort(laterals["emergence_hours"].to_numpy(float))
        apart = _hours_before(hours, emergence[0]) if emergence.size else 0.0
        if apart > usual_gap(hours):
            notes.append(
                f"Plate {plate}, plant {name}: the first lateral emerged in a gap of {apart:.0f} hours between "
                "pictures, so first_lateral_hours is empty."
            )
            emergence[emergence == emergence[0]] = np.nan
        emergence = np.where(emergence <= hours[0], np.nan, emergence)
    flags = [[str(flag) for flag in cell] for cell in rows["flags"]]
    group = None if not len(groups) else str(groups[0])
    return Plant(str(plate), str(name), group, rows["frame"].to_numpy(int), hours, values, flags, emergence)
