"""Labelled tables that parts of studies change: reading, writing, and the true masks of a row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from cxrfactory.errors import CxrError
from cxrfactory.studies.study import OUT, Context, Step

if TYPE_CHECKING:
    from cxrfactory.anatomy.truth import TrueMask

SPLIT = "split"
ROWS_PER_GROUP = 64


def read_sets(paths: Sequence[Path]) -> pd.DataFrame:
    """Read labelled tables as one, sorted by id.

    Raises
    ------
    CxrError
        If a table is unreadable, or an id occurs twice.
    """
    from cxrfactory.tables.parquet import read_table
    from cxrfactory.tables.schemas import LABELLED_VIEWS

    table = pd.concat([read_table(path, LABELLED_VIEWS) for path in paths], ignore_index=True)
    where = ", ".join(map(str, paths))
    if (twice := table["image_id"].duplicated()).any():
        raise CxrError(f"{where}: image '{table['image_id'][twice].iloc[0]}' occurs twice; ids must be unique")
    return table.sort_values("image_id", kind="stable", ignore_index=True)


def write_set(table: pd.DataFrame, path: Path) -> None:
    """Write rows of a labelled table, with the columns of ``LABELLED_VIEWS``."""
    from cxrfactory.tables.parquet import write_table
    from cxrfactory.tables.schemas import LABELLED_VIEWS

    write_table(table[LABELLED_VIEWS.names], path, LABELLED_VIEWS, rows_per_group=ROWS_PER_GROUP)


def truth_of(row: Mapping[str, Any]) -> dict[str, Bool[np.ndarray, "size size"]]:
    """Return the true masks of ``right_lung``, ``left_lung`` and ``heart`` that a row of a table annotates.

    Lungs drawn with the part behind the heart count as lungs where the row has no others.
    """
    from cxrfactory.anatomy.graph import graph_of_labels
    from cxrfactory.anatomy.organs import LUNGS
    from cxrfactory.anatomy.regions import WHOLE_REGIONS, contour_regions
    from cxrfactory.anatomy.truth import TrueMask, true_masks
    from cxrfactory.imaging.drawing.png import decode_png

    graph = graph_of_labels(row["labels"], f"image '{row['image_id']}'")
    points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
    contours = {region: points[where] for region, where in contour_regions(graph).items()} if graph.nodes else {}
    pngs = {each["name"]: each["png"] for each in row["regions"]} if row["regions"] is not None else {}

    def drawn(region: str) -> "TrueMask | None":
        return TrueMask.of_drawn(decode_png(pngs[region])) if region in pngs else None

    size = int(row["size"])
    whole = true_masks({WHOLE_REGIONS[lung]: lung for lung in LUNGS}, drawn, contours, size)
    found = whole | true_masks({name: name for name in (*LUNGS, "heart")}, drawn, contours, size)
    return {name: each.mask for name, each in found.items()}


def evaluated(
    context: Context,
    name: str,
    tables: Mapping[str, str],
    weights: Sequence[str],
    needs: Sequence[str] = (),
    split: str = "val",
) -> Step:
    """Return a step that measures trained networks on labelled tables: ``{out}/KEY/per_image.csv`` for each table.

    Parameters
    ----------
    context
        Settings of the study.
    name
        Name of the step.
    tables
        Paths by key, in which ``{STEP}`` is the folder of an earlier step.
    weights
        Steps of trainings.
    needs
        Other earlier steps that the paths name.
    split
        Split of the tables that is measured.
    """
    given = tuple(f"--weights={{{each}}}/weights.safetensors" for each in weights)
    common = (f"--split={split}", f"--device={context.settings.device}", f"--seed={context.settings.seed}")
    commands = tuple(
        ("evaluate-model", f"--labelled={path}", *given, f"--output={OUT}/{key}", *common)
        for key, path in tables.items()
    )
    return Step(name, commands, needs=(*weights, *needs))
