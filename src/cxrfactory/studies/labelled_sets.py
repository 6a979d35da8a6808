"""The true masks of a row of a labelled table, and the step that measures networks on several tables."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from cxrfactory.studies.study import OUT, Context, Step

if TYPE_CHECKING:
    from cxrfactory.anatomy.truth import TrueMask

SPLIT = "split"


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
