"""Compose the text of the card of the roots."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cxrfactory.products.card_yaml import load_section
from cxrfactory.products.described import Description
from cxrfactory.products.markdown import escaped, markdown_table, one_line
from cxrfactory.products.product import Provenance, provenance_table
from cxrfactory.products.tallies import flag_table, spread_table
from cxrfactory.tables.parquet import read_table

TITLE = "Root systems of plants on plates over time"

_TEMPLATE = """\
# {title}

{plants:,} plants on {plates:,} plates in {kept:,} pictures. The network {network} found the roots; each plant at each
time has a labelled graph: a main root and its laterals, which keep their names over time.

![Root systems over the last pictures of some plates](montage.png)

{rows} pictures = {kept:,} kept + 0 excluded + {rejected:,} rejected, checked when this product was packed
(`rejected.csv` holds the reasons).

## Scale

{scale}

## What is measured

At the last picture of each plant:

{traits}

`flags` names the plants and times to look at first; `growth/flags.csv` lists them:

{flags}

{evaluation}
## Limits

A root is followed as far as its mask reaches: roots behind leaves, droplets or other roots are bridged where that is
plausible, and flagged. A lateral has a place in the order of laterals by the picture that first shows it, not by the
time at which it left the main root. Groups are compared by plants; plants of one plate share its light and its medium,
so look at the comparison of plate means as well.

## Files

- `traits.parquet`: one row a plant and time. `laterals.parquet`: one row a lateral.
- `nodes.parquet`, `edges.parquet`: the graphs. Positions are pixels (x, y) of the plate's first picture.
- `plants.parquet`, `frames.parquet`: plants and pictures with scale, time and shift.
- `masks.parquet`: the roots of each picture as RLE (`start length`, pixels counted from 1 row by row).
- `pictures.parquet`: the pictures in the frame of the plate's first one, as JPEG.
- `growth/`: speeds, daily rhythm, comparison of groups, figures.{files}
{evaluation_file}- `rejected.csv`, `excluded.csv`: what is not here, and why. `weights.json`: card of the
  network.{config_file}
- `croissant.json`: tables and columns for programs that read Croissant. `SHA256SUMS`: check with
  `sha256sum -c SHA256SUMS`.
{load}
## Provenance

{provenance}

## Licence and credits

{credits}
"""
_TRAITS = {
    "main_length_mm": "length of the main root, mm",
    "laterals_length_mm": "length of the laterals, mm",
    "total_length_mm": "length of all roots, mm",
    "main_length_px": "length of the main root, pixels",
    "laterals": "number of laterals",
    "laterals_per_cm": "laterals per cm of main root",
    "hull_area_mm2": "area of the hull, mm2",
    "emergence_angle_deg": "angle of emergence, degrees",
}
_FILES = {
    "rsml": " `rsml/PLATE/PLANT.rsml`: root system over time; `rsml/PLATE/PLANT/`: one file a time.",
    "graphml": " `graphml/`: graph at the last time.",
    "overlays": " `overlays/`, `video/`: the graphs over the pictures.",
}


@dataclass(frozen=True)
class CardFacts:
    """Facts about how a product was made."""

    release: str  # source of the plates
    kept: int  # pictures
    rejected: int  # pictures and plates that could not be used
    networks: Sequence[Mapping[str, Any]]  # cards of the weights
    config: bool  # whether the product holds the config of the run
    evaluation: bool  # whether it holds the comparison with the truth


def card_text(
    folder: Path, facts: CardFacts, provenance: Provenance, credits: Sequence[str], description: Description
) -> str:
    """Compose ``README.md`` of the product, below its head.

    Parameters
    ----------
    folder
        The product with its tables.
    facts
        How the product was made.
    provenance
        Versions, commit and hashes of the run.
    credits
        Lines of the section on sources and licences.
    description
        The tables as other programs load them.
    """
    rows = read_table(folder / "traits.parquet", columns=["plate", "plant", "frame", "flags", *_TRAITS])
    last = rows.sort_values(["plate", "plant", "frame"]).groupby(["plate", "plant"]).tail(1)
    frames = read_table(folder / "frames.parquet", columns=["plate", "scale_source"])
    names = [str(card.get("segmenter", "of weights.json")) for card in facts.networks]
    return _TEMPLATE.format(
        title=TITLE,
        plants=len(last),
        plates=frames["plate"].nunique(),
        kept=facts.kept,
        rejected=facts.rejected,
        rows=f"{facts.kept + facts.rejected:,}",
        network=escaped(" + ".join(names)),
        scale=_scale(frames),
        traits=spread_table({title: last[name] for name, title in _TRAITS.items()}, ("trait", "plants"))
        or "There is no plant.",
        flags=flag_table(rows["flags"], "plants and times") or "No plant is flagged at any time.",
        evaluation=_evaluation(folder) if facts.evaluation else "",
        evaluation_file="- `evaluation/`: graphs and traits against the truth of virtual plates.\n"
        if facts.evaluation
        else "",
        files="".join(text for name, text in _FILES.items() if (folder / name).is_dir()),
        config_file=" `config.yaml`: how it was made." if facts.config else "",
        load=load_section(description),
        provenance=provenance_table(provenance, {}),
        credits="".join(f"- {one_line(credit)}\n" for credit in credits).rstrip() or "No credits were given.",
    )


_SOURCES = {
    "given": "given by the user",
    "qr": "from a QR code of known size",
    "ruler": "from a ruler",
    "none": "unknown, so lengths are in pixels",
}


def _scale(frames: pd.DataFrame) -> str:
    plates = frames.drop_duplicates("plate")["scale_source"].value_counts(sort=False)
    table = [[_SOURCES.get(name, name), f"{count:,}"] for name, count in sorted(plates.items())]
    return markdown_table(["scale", "plates"], table) if table else "There is no plate."


def _evaluation(folder: Path) -> str:
    with (folder / "evaluation" / "summary.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    return (
        "## Against the truth of virtual plates\n\nPlates that no training has seen; the truth is known by "
        f"construction. `evaluation/` holds every value by plant and time.\n\n{markdown_table(header, rows)}\n\n"
    )
