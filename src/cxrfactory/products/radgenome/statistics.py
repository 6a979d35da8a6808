"""Statistics of the projected masks: inventory, footprint by body system, classes.

All sums are sums of integers, so the results do not depend on the order of the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np
from jaxtyping import Float, Int64

from cxrfactory.anatomy.taxonomy_tables import AnatomyClass
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.tables.keys import seed_of

SPLITS = ("train", "validation")
RESAMPLES = 2000
PAPER_SIZE = 384
CLOSE = 0.05  # relative difference of ratios up to which comments call them close

# Mean footprint in pixels of a 384 x 384 image and its 95 % interval, PA then LL, and the PA/LL ratio:
# RadGenome-Anatomy, table A4.
PAPER_FOOTPRINT = {
    "Neural / soft tissue": (58652, 56279, 61181, 37923, 36280, 39465, 1.55),
    "Pulmonary": (24761, 24287, 25230, 21608, 21214, 21976, 1.15),
    "Breast": (6999, 6472, 7518, 4799, 4495, 5103, 1.46),
    "Cardiac": (5292, 5205, 5380, 4670, 4590, 4743, 1.13),
    "Abdominal": (5279, 5168, 5399, 4777, 4676, 4883, 1.11),
    "Skeletal": (4931, 4857, 5010, 4669, 4599, 4738, 1.06),
    "Mediastinal": (4818, 4569, 5066, 3832, 3661, 4011, 1.26),
    "Esophageal": (2537, 2382, 2689, 1988, 1876, 2105, 1.28),
    "Airway": (1814, 1741, 1886, 1536, 1479, 1592, 1.18),
    "Endocrine": (831, 813, 849, 817, 804, 829, 1.02),
}

# RadGenome-Anatomy, table 2: train, validation. It has 209.99 masks for each image, so it counts empty masks.
PAPER_INVENTORY = {
    ("studies", "studies"): (24128, 1564),
    ("studies", "PA projections"): (24129, 1564),
    ("studies", "LL projections"): (24129, 1564),
    ("anatomy masks", "PA"): (5066885, 328438),
    ("anatomy masks", "LL"): (5066885, 328438),
    ("anatomy masks", "total"): (10133770, 656876),
    ("region masks", "PA"): (241290, 15640),
    ("region masks", "LL"): (241290, 15640),
    ("region masks", "total"): (482580, 31280),
}


class InventoryRow(TypedDict):
    """Studies, projections or masks by split, with the paper's numbers (None if the paper gives none)."""

    section: str
    item: str
    train: int
    validation: int
    total: int
    paper_train: int | None
    paper_validation: int | None
    paper_total: int | None


class ClassRow(TypedDict):
    """Masks of one class by view, and their mean footprint in pixels (None if all are empty)."""

    class_id: int
    name: str
    system: str
    masks_pa: int
    masks_ll: int
    not_empty_pa: int
    not_empty_ll: int
    mean_px_pa: float | None
    mean_px_ll: float | None


class Statistics(TypedDict):
    """Rows of the product's three tables; :func:`footprints` makes those of ``footprint``."""

    inventory: list[InventoryRow]
    footprint: list[dict[str, Any]]
    classes: list[ClassRow]


@dataclass
class Tally:
    """Running counts over the masks of the product; the last axis of the arrays is the view, (PA, LL).

    Parameters
    ----------
    classes
        Classes of the taxonomy.
    splits
        Split of each study, in the order of the studies' numbers.
    """

    classes: Sequence[AnatomyClass]
    splits: Sequence[str]
    systems: list[str] = field(init=False)
    by_class: dict[str, Int64[np.ndarray, "classes 2"]] = field(init=False)
    area: Int64[np.ndarray, "studies systems 2"] = field(init=False)
    filled: Int64[np.ndarray, "studies systems 2"] = field(init=False)
    masks: dict[str, Int64[np.ndarray, "splits 2"]] = field(init=False)
    regions: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        found = {each.system for each in self.classes}
        self.systems = [name for name in PAPER_FOOTPRINT if name in found] + sorted(found - set(PAPER_FOOTPRINT))
        self._row = {each.class_id: row for row, each in enumerate(self.classes)}
        self._system = np.array([self.systems.index(each.system) for each in self.classes], dtype=np.int64)
        names = ("rows", "filled", "area", "unions", "cut_off")
        self.by_class = {name: np.zeros((len(self.classes), 2), np.int64) for name in names}
        self.area = np.zeros((len(self.splits), len(self.systems), 2), np.int64)
        self.filled = np.zeros_like(self.area)
        kinds = ("anatomy masks", "anatomy masks, not empty", "region masks", "region masks, not empty", "other masks")
        self.masks = {kind: np.zeros((len(SPLITS), 2), np.int64) for kind in kinds}

    def add(self, study: int, view: str, class_id: int | None, area_px: int, union: bool, cut_off: bool) -> None:
        """Count one structure's mask; ``class_id`` is None outside the taxonomy, ``study`` is the study's number."""
        side, split = VIEWS.index(view), SPLITS.index(self.splits[study])
        if class_id is None:
            self.masks["other masks"][split, side] += 1
            return
        row = self._row[class_id]
        self.masks["anatomy masks"][split, side] += 1
        self.by_class["rows"][row, side] += 1
        if area_px:
            self.masks["anatomy masks, not empty"][split, side] += 1
            self.by_class["filled"][row, side] += 1
            self.by_class["area"][row, side] += area_px
            self.by_class["unions"][row, side] += union
            self.by_class["cut_off"][row, side] += cut_off
            self.area[study, self._system[row], side] += area_px
            self.filled[study, self._system[row], side] += 1

    def add_region(self, study: int, view: str, region: str, area_px: int) -> None:
        """Count one region's mask; ``study`` is the study's number."""
        self.regions.add(region)
        side, split = VIEWS.index(view), SPLITS.index(self.splits[study])
        self.masks["region masks"][split, side] += 1
        self.masks["region masks, not empty"][split, side] += area_px > 0

    def of_system(self, system: str) -> Int64[np.ndarray, " members"]:
        """Return the positions of a system's classes in ``classes``."""
        return np.flatnonzero(self._system == self.systems.index(system))


def inventory(tally: Tally) -> list[InventoryRow]:
    """Return the rows of ``inventory.csv``: studies, projections and masks by split, as in table 2 of the paper."""
    studies = np.array([sum(split == each for each in tally.splits) for split in SPLITS])
    counts = {("studies", what): studies for what in ("studies", "PA projections", "LL projections")}
    for kind, masks in tally.masks.items():
        counts |= {(kind, view): masks[:, side] for side, view in enumerate(VIEWS)} | {(kind, "total"): masks.sum(1)}
    rows = []
    for (section, item), values in counts.items():
        row = {"section": section, "item": item, **dict(zip(SPLITS, values.tolist(), strict=True))}
        paper = PAPER_INVENTORY.get((section, item))
        rows.append(row | {"total": int(values.sum())} | {
            "paper_train": paper[0] if paper else None,
            "paper_validation": paper[1] if paper else None,
            "paper_total": sum(paper) if paper else None,
        })  # fmt: skip
    return rows


def class_counts(tally: Tally) -> list[ClassRow]:
    """Return the rows of ``classes.csv``: the number of masks of each class, and their mean footprint in pixels."""
    rows = []
    for index, each in enumerate(tally.classes):
        row: dict[str, Any] = {"class_id": each.class_id, "name": each.name, "system": each.system}
        for what, name in (("masks", "rows"), ("not_empty", "filled")):
            row |= {f"{what}_{view.lower()}": int(tally.by_class[name][index, side])
                    for side, view in enumerate(VIEWS)}  # fmt: skip
        for side, view in enumerate(VIEWS):
            filled = int(tally.by_class["filled"][index, side])
            area = int(tally.by_class["area"][index, side])
            row[f"mean_px_{view.lower()}"] = area / filled if filled else None
        rows.append(row)
    return rows


def bootstrap(
    area: Int64[np.ndarray, "studies systems 2"], filled: Int64[np.ndarray, "studies systems 2"]
) -> Float[np.ndarray, "resamples systems 2"] | None:
    """Compute mean footprints of resampled studies; the result is None with fewer than two studies.

    Whole studies are drawn with replacement, because the masks of one patient are not independent. A mean is NaN if the
    drawn studies have no mask of the system. The seed is fixed. Sums of integers below 2^53 are exact in float64, so
    the result does not depend on the number of threads.
    """
    studies = len(area)
    if studies < 2:
        return None
    generator = np.random.default_rng(seed_of("footprint", "bootstrap"))
    sums = np.concatenate([area, filled], axis=2).reshape(studies, -1).astype(np.float64)
    drawn = np.empty((RESAMPLES, sums.shape[1]))
    for index in range(RESAMPLES):
        weights = np.bincount(generator.integers(studies, size=studies), minlength=studies)
        drawn[index] = weights @ sums
    drawn = drawn.reshape(RESAMPLES, -1, 4)
    with np.errstate(invalid="ignore", divide="ignore"):
        return drawn[..., :2] / drawn[..., 2:]


def footprints(tally: Tally, size: int, pixel_mm: Float[np.ndarray, " studies"]) -> list[dict[str, Any]]:
    """Return the rows of ``footprint.csv``: the mean footprint of each system beside that of the paper's table A4.

    The mean runs over the masks that are not empty, of all classes of a system with equal weight (the paper: the mean
    number of foreground pixels). ``mean_px_*_with_empty`` also counts masks of labelled structures that are empty.
    """
    means = bootstrap(tally.area, tally.filled)
    rows = []
    for index, system in enumerate(tally.systems):
        area, filled = tally.area[:, index].sum(axis=0), tally.filled[:, index].sum(axis=0)
        members = tally.of_system(system)
        labelled = tally.by_class["rows"][members].sum(axis=0)
        mean = [area[side] / filled[side] if filled[side] else None for side in (0, 1)]
        row: dict[str, Any] = {
            "system": system,
            "classes": len(members),
            "classes_labelled": int((tally.by_class["rows"][members].sum(axis=1) > 0).sum()),
            "classes_found": int((tally.by_class["filled"][members].sum(axis=1) > 0).sum()),
        }
        paper = PAPER_FOOTPRINT.get(system)
        for side, view in enumerate(name.lower() for name in VIEWS):
            low, high = (None, None) if means is None else _interval(means[:, index, side])
            row |= {
                f"masks_{view}": int(filled[side]),
                f"mean_px_{view}": mean[side],
                f"low_px_{view}": low,
                f"high_px_{view}": high,
                f"percent_{view}": None if mean[side] is None else 100 * mean[side] / size**2,
                f"mean_px_{view}_with_empty": area[side] / labelled[side] if labelled[side] else None,
                f"paper_mean_px_{view}": paper[3 * side] if paper else None,
                f"paper_low_px_{view}": paper[3 * side + 1] if paper else None,
                f"paper_high_px_{view}": paper[3 * side + 2] if paper else None,
                f"paper_percent_{view}": 100 * paper[3 * side] / PAPER_SIZE**2 if paper else None,
            }
        row["ratio"] = None if None in mean else mean[0] / mean[1]
        with np.errstate(invalid="ignore"):
            ratios = None if means is None else means[:, index, 0] / means[:, index, 1]
        row["low_ratio"], row["high_ratio"] = (None, None) if ratios is None else _interval(ratios)
        row["paper_ratio"] = paper[6] if paper else None
        row["comment"] = "; ".join(_comments(tally, row, members, size, pixel_mm))
        rows.append(row)
    return rows


def _interval(values: Float[np.ndarray, " resamples"]) -> tuple[float | None, float | None]:
    """Return the 95 % percentile interval over the resamples that contain the system."""
    values = values[np.isfinite(values)]
    if not values.size:
        return None, None
    low, high = np.quantile(values, (0.025, 0.975)).tolist()
    return low, high


def _comments(tally: Tally, row: dict[str, Any], members: np.ndarray, size: int, pixel_mm: np.ndarray) -> list[str]:
    """Return facts, counted here, that explain a system's footprint in comparison with the paper's."""
    counts = {name: values[members] for name, values in tally.by_class.items()}
    names = [tally.classes[index].name for index in members]
    said = []
    ratio, paper = row["ratio"], row["paper_ratio"]
    if ratio is not None and paper is not None:
        low, high = row["low_ratio"], row["high_ratio"]
        if low is not None and low - 0.005 <= paper <= high + 0.005:  # the paper rounds to two decimals
            where = "agrees: the paper's lies inside our interval"
        else:
            where = "is close to the paper's" if abs(ratio / paper - 1) <= CLOSE else "differs from the paper's"
        said.append(f"PA/LL {ratio:.2f} {where} ({paper:.2f}, ours {ratio / paper - 1:+.1%})")
    absent = [name for name, seen in zip(names, counts["rows"].sum(axis=1) > 0, strict=True) if not seen]
    if absent:
        more = f" and {len(absent) - 4} more" if len(absent) > 4 else ""
        said.append(f"the source labels {len(names) - len(absent)} of {len(names)} classes, not "
                    f"{', '.join(absent[:4])}{more}")  # fmt: skip
    total = int(counts["area"][:, 0].sum())
    if total:
        order = np.argsort(-counts["area"][:, 0], kind="stable")[:3]
        largest = []
        for index in order[counts["area"][order, 0] > 0]:
            area, filled = counts["area"][index], counts["filled"][index]
            own = f", PA/LL {area[0] / filled[0] / (area[1] / filled[1]):.2f}" if filled[1] else ""
            largest.append(f"{names[index]} ({area[0] / total:.0%} of PA pixels{own})")
        said.append(f"most pixels: {', '.join(largest)}")
    filled = int(counts["filled"].sum())
    if filled:
        unions, cut_off = int(counts["unions"].sum()), int(counts["cut_off"].sum())
        said.append(f"{unions / filled:.0%} of masks are unions, {cut_off / filled:.0%} are cut off by the scan")
        frame = f"{size} px of {pixel_mm.mean():.2f} mm on average"
        said.append(frame if size == PAPER_SIZE else f"{frame}: compare percent, the paper has {PAPER_SIZE} px")
    return said
