"""``evaluate``."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    truth: Annotated[Path, typer.Option(help="True masks and landmarks (truth.parquet of the cohort).")],
    product: Annotated[list[Path], typer.Option(help="Folder of the product, or a Parquet table of it; repeat.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV, JSON) and plots (PNG).")],
) -> None:
    """Compare a product with the truth: Dice, distances, landmark error, and RCA against true Dice."""
    from cxrfactory.evaluate.product.run import evaluate as compare

    compare(truth, product, output)
