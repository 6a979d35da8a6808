"""RCA scores of a product: their distribution, gaps between groups."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.tables.rca_threshold import RECOMMENDED_RCA_MEAN


def rca_statistics(
    product: Annotated[
        list[Path], typer.Option(help="Folder of the product, Parquet table of it, or CheXmask CSV; repeat.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and picture (PNG).")],
) -> None:
    """Describe how RCA scores are distributed, by release and organ."""
    from cxrfactory.evaluate.product.rca_statistics import rca_statistics as describe

    describe(product, output)


def bias(
    product: Annotated[Path, typer.Option(help="Packed release: Parquet/<Release>.parquet, or a CheXmask CSV.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of the release (Parquet).")],
    output: Annotated[Path, typer.Option(help="Folder for table (CSV) and picture (PNG).")],
    at_least: Annotated[float, typer.Option(min=0, max=1, help="RCA mean below which a mask counts as poor.")] = (
        RECOMMENDED_RCA_MEAN
    ),
    least_patients: Annotated[int, typer.Option(min=2, help="Groups of fewer are listed, not compared.")] = 10,
    resamples: Annotated[int, typer.Option(min=1, help="Draws of the bootstrap intervals.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Compare RCA between groups of patients: view, sex, age band, finding."""
    from cxrfactory.evaluate.bias.gaps import measure_bias

    measure_bias(product, manifest, output, at_least, least_patients, resamples, seed)


def bias_discovery(
    scores: Annotated[Path, typer.Option(help="CSV with RCA and true Dice: rca_check.csv, or images.csv of evaluate.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and picture (PNG).")],
    manifest: Annotated[
        list[Path] | None, typer.Option(help="Manifest of the images: groups of patients; repeat. None: made cohorts.")
    ] = None,
    cohorts: Annotated[int, typer.Option(min=1, help="Cohorts to draw from the spoiled masks of rca-check.")] = 200,
    resamples: Annotated[int, typer.Option(min=1, help="Draws of the bootstrap intervals.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 0,
) -> None:
    """Compare the gaps between groups that RCA predicts with the true ones."""
    from cxrfactory.evaluate.bias.discovery import discover_bias

    discover_bias(scores, output, manifest or [], cohorts, resamples, seed)
