"""Compare products and models with the truth."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import PreprocessConfig
from cxrfactory.config.options import preparation, with_options

Labelled = Annotated[Path, typer.Option(help="Preprocessed labelled table (preprocess-labelled).")]
Weights = Annotated[
    list[Path], typer.Option(help="Trained weights (.safetensors, card beside), or an nnU-Net folder; repeat.")
]
Split = Annotated[str, typer.Option(help="Which images of the table.")]
Resamples = Annotated[int, typer.Option(min=1, help="Draws of the bootstrap intervals.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of every random draw.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


def evaluate(
    truth: Annotated[Path, typer.Option(help="True masks and landmarks (truth.parquet of the cohort).")],
    product: Annotated[list[Path], typer.Option(help="Folder of the product, or a Parquet table of it; repeat.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV, JSON) and plots (PNG).")],
) -> None:
    """Compare a product with the truth: Dice, distances, landmark error, and RCA against true Dice."""
    from cxrfactory.evaluate.product.run import evaluate as compare

    compare(truth, product, output)


def evaluate_model(
    labelled: Labelled,
    weights: Weights,
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and overlays (PNG).")],
    split: Split = "val",
    tolerance_px: Annotated[float, typer.Option(min=0, help="Of the normalised surface distance, px at 1024.")] = 5.0,
    resamples: Resamples = 2000,
    seed: Seed = 0,
    device: Device = "cpu",
    post: Annotated[
        Path | None, typer.Option(help="Weights of a post-processor (train-post-dae): measured without and with it.")
    ] = None,
    history: Annotated[list[Path] | None, typer.Option(help="CSV of a model's training, to draw; repeat.")] = None,
) -> None:
    """Measure trained models on labelled images: overlap, distances, CTR, tests, time and memory."""
    from cxrfactory.evaluate.models.side_by_side import evaluate_models

    evaluate_models(labelled, weights, output, split, tolerance_px, resamples, seed, device, post, history or [])


@with_options(PreprocessConfig)
def audit(
    labelled: Labelled,
    weights: Weights,
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and figures (PNG).")],
    split: Split = "val",
    places: Annotated[int, typer.Option(min=1, help="Black boxes of each size an image.")] = 3,
    resamples: Resamples = 2000,
    seed: Seed = 0,
    device: Device = "cpu",
    *,
    preprocess_config: PreprocessConfig,
) -> None:
    """Measure what changes of tone, frame, file and occlusion cost trained models."""
    from cxrfactory.evaluate.models.audit import audit as run

    run(labelled, weights, output, preparation(preprocess_config), split, places, resamples, seed, device)
