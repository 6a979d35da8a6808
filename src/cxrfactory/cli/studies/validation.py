"""Commands that describe a product's RCA scores: their distribution, and the gaps between groups."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import with_options
from cxrfactory.config.studies import BiasConfig, BiasDiscoveryConfig


def rca_statistics(
    product: Annotated[
        list[Path], typer.Option(help="Folder of the product, Parquet table of it, or CheXmask CSV; repeat.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and picture (PNG).")],
) -> None:
    """Describe how RCA scores are distributed, by release and organ."""
    from cxrfactory.evaluate.product.rca_statistics import rca_statistics as describe

    describe(product, output)


@with_options(BiasConfig)
def bias(
    product: Annotated[Path, typer.Option(help="Packed release: Parquet/<Release>.parquet, or a CheXmask CSV.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of the release (Parquet).")],
    output: Annotated[Path, typer.Option(help="Folder for table (CSV) and picture (PNG).")],
    *,
    bias_config: BiasConfig,
) -> None:
    """Compare RCA between groups of patients: view, sex, age band, finding."""
    from cxrfactory.evaluate.bias.gaps import measure_bias

    measure_bias(product, manifest, output, bias_config)


@with_options(BiasDiscoveryConfig)
def bias_discovery(
    scores: Annotated[Path, typer.Option(help="CSV with RCA and true Dice: rca_check.csv, or images.csv of evaluate.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and picture (PNG).")],
    manifest: Annotated[
        list[Path] | None,
        typer.Option(help="Manifest of the images, for groups of patients; repeat. By default, cohorts are simulated."),
    ] = None,
    *,
    bias_discovery_config: BiasDiscoveryConfig,
) -> None:
    """Compare the gaps between groups that RCA predicts with the true gaps."""
    from cxrfactory.evaluate.bias.discovery import discover_bias

    discover_bias(scores, output, bias_discovery_config, manifest or [])
