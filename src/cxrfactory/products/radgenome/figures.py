"""Figures of the projected dataset: class histogram, footprint bars, and a montage of studies.

Arrays are [row, column]. Column 0 is the patient's right side in a PA image and the front in an LL image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from cxrfactory.projection.conventions import VIEWS
from cxrfactory.tables.keys import seed_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MONTAGE_STUDIES = 4
OPACITY = 0.45

# The ten systems; similar hues belong to systems in different places. After Tol's muted scheme (2021), with one grey.
SYSTEM_COLOURS = {
    "Skeletal": "#DDCC77",
    "Abdominal": "#999933",
    "Mediastinal": "#CC6677",
    "Cardiac": "#AA1144",
    "Pulmonary": "#88CCEE",
    "Airway": "#44AA99",
    "Endocrine": "#117733",
    "Esophageal": "#AA4499",
    "Breast": "#EEAABB",
    "Neural / soft tissue": "#9A9A9A",
}
_OTHER_COLOUR = "#5566AA"
# Skin and muscle cover the whole body and would hide the other systems.
_NOT_PAINTED = ("Neural / soft tissue",)


@dataclass
class Exhibit:
    """Images and painted systems of one study in the montage."""

    study_id: str
    images: dict[str, UInt8[np.ndarray, "height width"]] = field(default_factory=dict)  # by view
    systems: dict[str, dict[str, UInt8[np.ndarray, "height width"]]] = field(default_factory=dict)  # by view, system

    def paint(self, view: str, system: str, mask: UInt8[np.ndarray, "height width"]) -> None:
        """Add a mask to the area that the system covers in a view."""
        covered = self.systems.setdefault(view, {})
        covered[system] = covered[system] | mask if system in covered else mask.copy()


def chosen_for_montage(studies: Sequence[str]) -> list[str]:
    """Choose the montage's studies: those with the smallest hashes, so that order and shards have no effect."""
    return sorted(sorted(studies, key=lambda study: (seed_of(study, "montage"), study))[:MONTAGE_STUDIES])


def colour_of(system: str) -> str:
    """Return the colour of a system, as a hex code."""
    return SYSTEM_COLOURS.get(system, _OTHER_COLOUR)


def draw_montage(exhibits: Sequence[Exhibit], path: str | Path) -> None:
    """Draw both views of some studies, each plain and with its systems painted over it."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(9.6, 2.5 * max(len(exhibits), 1) + 0.8), dpi=120, layout="constrained", facecolor="white")
    grid = figure.subplots(max(len(exhibits), 1), 2 * len(VIEWS), squeeze=False)
    shown: set[str] = set()
    for axes in grid.flat:
        axes.set_axis_off()
    for row, exhibit in zip(grid, exhibits, strict=False):
        for place, view in enumerate(VIEWS):
            image, systems = exhibit.images[view], exhibit.systems.get(view, {})
            shown.update(name for name in systems if name not in _NOT_PAINTED)
            row[2 * place].imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="none")
            row[2 * place + 1].imshow(painted(image, systems), interpolation="none")
        row[0].set_title(exhibit.study_id, fontsize=8, loc="left")
    for axes, name in zip(grid[0], ("PA", "PA, systems", "LL", "LL, systems"), strict=True):
        axes.set_title(name, fontsize=8)
    patches = [Patch(color=colour_of(name), label=name) for name in _ordered(shown)]
    if patches:
        figure.legend(handles=patches, loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    _save(figure, path)


def painted(
    image: UInt8[np.ndarray, "height width"], systems: Mapping[str, UInt8[np.ndarray, "height width"]]
) -> UInt8[np.ndarray, "height width 3"]:
    """Blend the systems over an image, the largest first, so that small ones stay visible; RGB [row, column, 3]."""
    from matplotlib.colors import to_rgb

    picture = np.repeat(image[..., None].astype(np.float64), 3, axis=2)
    masks = [(name, mask.astype(bool)) for name, mask in systems.items() if name not in _NOT_PAINTED]
    for name, mask in sorted(masks, key=lambda each: (-int(each[1].sum()), each[0])):
        picture[mask] = (1 - OPACITY) * picture[mask] + OPACITY * 255 * np.array(to_rgb(colour_of(name)))
    return np.rint(picture).astype(np.uint8)


def draw_classes(rows: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Draw the number of non-empty masks of each class, PA upwards and LL downwards, with classes grouped by system."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    names = _ordered({row["system"] for row in rows})
    bars = [row for name in names for row in
            sorted((row for row in rows if row["system"] == name),
                   key=lambda row: (-row["not_empty_pa"], row["class_id"]))]  # fmt: skip
    figure = Figure(figsize=(10, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    places, colours = np.arange(len(bars)), [colour_of(row["system"]) for row in bars]
    axes.bar(places, [row["not_empty_pa"] for row in bars], width=1, color=colours)
    axes.bar(places, [-row["not_empty_ll"] for row in bars], width=1, color=colours)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlim=(-1, len(bars)), ylabel="masks that are not empty\nLL  |  PA", xticks=[])
    axes.set_xlabel(f"{len(bars)} classes; {sum(row['not_empty_pa'] > 0 for row in bars)} with a mask in PA, "
                    f"{sum(row['not_empty_ll'] > 0 for row in bars)} in LL")  # fmt: skip
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    _legend_of_systems(figure, [f"{name} ({sum(row['system'] == name for row in bars)})" for name in names], names)
    _save(figure, path)


def draw_footprints(rows: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Draw mean footprints in percent of the image with their intervals, and the paper's means beside them."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure = Figure(figsize=(8, 4.8), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(rows))
    for side, (view, colour) in enumerate(zip(("pa", "ll"), ("#4477AA", "#CCBB44"), strict=True)):
        where = places + (side - 0.5) * 0.36
        mean, paper, pixels, low, high = (
            np.array([np.nan if row[f"{name}_{view}"] is None else row[f"{name}_{view}"] for row in rows])
            for name in ("percent", "paper_percent", "mean_px", "low_px", "high_px")
        )
        axes.hlines(where, low * mean / pixels, high * mean / pixels, color=colour, linewidth=3)
        axes.plot(mean, where, "o", color=colour, markersize=7, label=f"{view.upper()}, here")
        axes.plot(paper, where, "D", color=colour, markerfacecolor="none", label=f"{view.upper()}, RadGenome-Anatomy")
    for place in places[1:]:
        axes.axhline(place - 0.5, color="0.9", linewidth=0.8, zorder=0)
    axes.set_yticks(places, [row["system"] for row in rows])
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="mean footprint, percent of the image (line: 95 % bootstrap interval)")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    _save(figure, path)


def _legend_of_systems(figure: "Figure", labels: Sequence[str], names: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=colour_of(name), label=label) for name, label in zip(names, labels, strict=True)]
    figure.legend(handles=patches, loc="outside upper center", ncols=5, fontsize=8, frameon=False)


def _ordered(systems: set[str]) -> list[str]:
    return [name for name in SYSTEM_COLOURS if name in systems] + sorted(systems - set(SYSTEM_COLOURS))


def _save(figure: "Figure", path: str | Path) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
