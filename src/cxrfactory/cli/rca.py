"""``rca-reference``, ``rca``, ``rca-check`` and ``rca-calibrate``."""

from pathlib import Path
from typing import Annotated

import typer


def rca_reference(
    labelled: Annotated[Path, typer.Option(help="Preprocessed labelled images (.parquet).")],
    weights: Annotated[Path, typer.Option(help="Weights (.safetensors, card beside) that encode the images.")],
    output: Annotated[Path, typer.Option(help="Reference set to write (.parquet).")],
    fraction: Annotated[float, typer.Option(help="Share of the labelled images, by a hash of the id.", min=0)] = 0.8,
    size: Annotated[int, typer.Option(help="Side at which pairs are registered, pixels.", min=64, max=1024)] = 256,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "cpu",
) -> None:
    """Choose the reference images of RCA and encode them with the trained weights."""
    from cxrfactory.rca.reference import build_reference, encoder_of

    encode, graph = encoder_of(weights, device)
    build_reference(labelled, output, encode, graph, fraction, size)


def rca(
    images: Annotated[Path, typer.Option(help="Image shard (.parquet).")],
    landmarks: Annotated[Path, typer.Option(help="Landmark shard of the same images (.parquet).")],
    reference: Annotated[Path, typer.Option(help="Reference set from rca-reference (.parquet).")],
    output: Annotated[Path, typer.Option(help="Scores to write (.parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of images that could not be scored (.parquet).")],
    references: Annotated[int, typer.Option(help="References an image is compared with.", min=1)] = 5,
    size: Annotated[int, typer.Option(help="Side at which pairs are registered, pixels.", min=64, max=1024)] = 256,
    workers: Annotated[int, typer.Option(help="Processes; the bytes do not depend on it.", min=1)] = 1,
) -> None:
    """Estimate the Dice of a shard's masks without truth: reverse classification accuracy."""
    from cxrfactory.rca.shard import rca_shard

    rca_shard(images, landmarks, reference, output, rejected, references, size, workers)


def rca_check(
    images: Annotated[list[Path], typer.Option(help="Image shard (.parquet); repeat for each.")],
    landmarks: Annotated[list[Path], typer.Option(help="Landmark shard of the same images; repeat for each.")],
    truth: Annotated[Path, typer.Option(help="True masks of the images (truth.parquet of the cohort).")],
    reference: Annotated[Path, typer.Option(help="Reference set from rca-reference (.parquet).")],
    output: Annotated[Path, typer.Option(help="Folder for table (CSV), summary (JSON) and picture (PNG).")],
    count: Annotated[int, typer.Option(help="Images to take, by a hash of the id.", min=2)] = 12,
    references: Annotated[int, typer.Option(help="References an image is compared with.", min=1)] = 5,
) -> None:
    """Measure how the RCA score correlates with the true Dice over good and spoiled masks."""
    from cxrfactory.rca.check import check_truth

    check_truth(images, landmarks, truth, reference, output, count, references)


def rca_calibrate(
    masks: Annotated[Path, typer.Option(help="Folder of rca-check: masks of known Dice with their scores.")],
    output: Annotated[Path, typer.Option(help="Calibration to write (.json).")],
    alpha: Annotated[float, typer.Option(help="Share of masks allowed outside their interval.")] = 0.1,
    features: Annotated[str, typer.Option(help="Comma-separated, of mean, max, std.")] = "mean,max",
    check: Annotated[int, typer.Option(help="Random splits of the images to measure coverage on.", min=0)] = 0,
    picture: Annotated[Path | None, typer.Option(help="True Dice over estimate to draw (.png).")] = None,
) -> None:
    """Learn the true Dice with an interval from RCA scores; --check also writes how often it held (.check.csv)."""
    from cxrfactory.rca.calibrate import calibrate, coverage, plot_calibration

    chosen = [name.strip() for name in features.split(",") if name.strip()]
    calibration = calibrate(masks, output, alpha, chosen)
    if check:
        coverage(masks, output.with_suffix(".check.csv"), check, alpha, chosen)
    if picture is not None:
        plot_calibration(masks, calibration, picture)
