"""Compose the text of the card of the hearts."""

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
from cxrfactory.tables.hearts import PARTS
from cxrfactory.tables.parquet import read_table

TITLE = "Meshes of hearts from cardiac MR"

_TEMPLATE = """\
# {title}

{kept:,} meshes of {cases:,} cases, found by the network {network} in short-axis and long-axis cardiac MR. Every mesh
has the same nodes: {nodes:,} of a template with left ventricle (cavity and wall), right ventricle, both atria,
ascending aorta and pulmonary trunk. The parts share the nodes of the walls between them.

![Outlines of the parts on short-axis slices of some cases](montage.png)

{rows} rows = {kept:,} kept + 0 excluded + {rejected:,} rejected, checked when this product was packed (`rejected.csv`
holds the reasons).

## What is measured

{volumes}

A case has an ejection fraction if both frames ED and ES are here. `flags` names the meshes to look at first:

{flags}

{evaluation}
## Limits

The network learned from virtual hearts only: parametric shapes and computed images. Volumes and meshes of real patients
carry an error that the comparison on virtual patients does not show; look at the contours before you use a number. The
numbers are no diagnosis. The uncertainty is the spread of the network's own samples: it does not see an error that all
samples share.

## Files

- `hearts.parquet`: one row a case and frame, with nodes, volumes, quality and flags.
- `masks.parquet`: the parts cut by each slice of every view, as RLE (`start length`, pixels counted from 1 row by row).
- `slices.parquet`: each image plane with its place in the patient, and its picture in 8 bits.
- `meshes/vtp/`: surfaces for VTK and ParaView; `inner` and `outer` say which part lies on either side of a triangle
  (the numbers of `part`; 255 is outside every part). `meshes/vtu/`: tetrahedra, with `part`. Both hold `std_mm` of each
  node. `meshes/obj/`: surfaces, one group a part.{stl}
- `template.npz`: nodes, tetrahedra and parts of the template.
{evaluation_file}- `rejected.csv`, `excluded.csv`: what is not here, and why. `weights.json`: card of the
  network.{config_file}
- `croissant.json`: tables and columns for programs that read Croissant. `SHA256SUMS`: check with
  `sha256sum -c SHA256SUMS`.

Positions are mm in the patient coordinates of DICOM: x to the patient's left, y to the back, z to the head. Parts:
{parts}.
{load}
## Provenance

{provenance}

## Licence and credits

{credits}
"""
_VOLUMES = {
    "lv_edv_ml": "left ventricle, end-diastolic volume, ml",
    "lv_esv_ml": "left ventricle, end-systolic volume, ml",
    "lv_ef_percent": "left ventricle, ejection fraction, %",
    "rv_edv_ml": "right ventricle, end-diastolic volume, ml",
    "rv_esv_ml": "right ventricle, end-systolic volume, ml",
    "rv_ef_percent": "right ventricle, ejection fraction, %",
    "lv_mass_g": "left ventricle, mass, g",
    "mean_std_mm": "uncertainty of a node, mm",
    "mean_jacobian": "mean scaled Jacobian",
}


@dataclass(frozen=True)
class CardFacts:
    """Facts about how a product was made."""

    release: str  # source of the cases
    kept: int  # meshes
    rejected: int  # cases without a mesh
    network: Mapping[str, Any]  # card of the weights
    config: bool  # whether the product holds the config of the run
    evaluation: bool  # whether it holds the comparison of networks


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
    rows = read_table(folder / "hearts.parquet", columns=["case_id", "frame", "flags", *_VOLUMES])
    return _TEMPLATE.format(
        title=TITLE,
        kept=facts.kept,
        cases=rows["case_id"].nunique(),
        rejected=facts.rejected,
        rows=f"{facts.kept + facts.rejected:,}",
        network=escaped(str(facts.network.get("segmenter", "of weights.json"))),
        nodes=_nodes(folder),
        volumes=_volumes(rows),
        flags=flag_table(rows["flags"], "meshes") or "No mesh is flagged.",
        evaluation=_evaluation(folder) if facts.evaluation else "",
        evaluation_file="- `evaluation/`: networks against the truth of virtual patients.\n"
        if facts.evaluation
        else "",
        stl=" `meshes/stl/`: one file a part." if (folder / "meshes" / "stl").is_dir() else "",
        config_file=" `config.yaml`: how it was made." if facts.config else "",
        parts=", ".join(f"`{number}` {name}" for number, name in enumerate(PARTS)),
        load=load_section(description),
        provenance=provenance_table(provenance, {}),
        credits="".join(f"- {one_line(credit)}\n" for credit in credits).rstrip() or "No credits were given.",
    )


def _nodes(folder: Path) -> int:
    frame = read_table(folder / "hearts.parquet", columns=["std_mm"])
    return len(frame["std_mm"].iloc[0]) if len(frame) else 0


def _volumes(rows: pd.DataFrame) -> str:
    """Tabulate the volumes; those of a case are counted once."""
    cases = rows.drop_duplicates("case_id")
    columns = {
        title: (cases if name.endswith(("edv_ml", "esv_ml", "ef_percent")) else rows)[name]
        for name, title in _VOLUMES.items()
    }
    return spread_table(columns, ("value", "number")) or "There is no mesh."


def _evaluation(folder: Path) -> str:
    path = folder / "evaluation" / "networks.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    return (
        "## Against the truth of virtual patients\n\nPatients that no training has seen; the true meshes are known by "
        "construction. `evaluation/` holds every value by case and part.\n\n"
        f"{markdown_table(header, rows)}\n\n![Bland-Altman plots](evaluation/volumes.png)\n\n"
    )
