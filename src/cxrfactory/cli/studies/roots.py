"""Command that compares root systems with the truth."""

from pathlib import Path
from typing import Annotated

import typer

Tables = Annotated[list[Path], typer.Option(help="Table of stage roots-graphs; repeat for each shard.")]


def roots(
    frames: Annotated[Path, typer.Option(help="Table of pictures of stage roots-read (Parquet).")],
    plants: Tables,
    nodes: Tables,
    edges: Tables,
    traits: Tables,
    laterals: Tables,
    masks: Annotated[list[Path], typer.Option(help="Masks of stage roots-segment; repeat for each shard.")],
    truth: Annotated[list[Path], typer.Option(help="Folder of the truth of a virtual plate; repeat for each.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and figures (PNG); replaced if it is there.")],
    differ: Annotated[bool, typer.Option(help="Whether the two groups were made to differ.")] = True,
) -> None:
    """Compare root systems with those of virtual plates: lengths, laterals, times of emergence, masks, groups."""
    from cxrfactory.roots.evaluate.compare import evaluate_roots

    found = {"nodes": nodes, "edges": edges, "traits": traits, "laterals": laterals, "masks": masks}
    evaluate_roots({**found, "frames": [frames], "plants": plants}, truth, output, differ)
