"""Reverse classification accuracy: network, references, scores, calibration."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import RegistrationConfig
from cxrfactory.config.options import with_options

Method = Annotated[str, typer.Option(help="deep: by a trained network; classical: by SimpleITK, slow.")]
Network = Annotated[str, typer.Option(help="Weights of the deep one, or pretrained-registration.")]
Interpolation = Annotated[str, typer.Option(help="Of the warped labels: nearest, or linear as in the published code.")]
Device = Annotated[str, typer.Option(help="Of the deep one: auto, cpu or cuda.")]


@with_options(RegistrationConfig)
def train_registration(
    labelled: Annotated[
        list[Path], typer.Option(help="Preprocessed labelled table (preprocess-labelled); repeat for several.")
    ],
    output: Annotated[Path, typer.Option(help="Weights to write, .safetensors; the card is .json beside it.")],
    history: Annotated[Path | None, typer.Option(help="CSV of the run, one row a validation.")] = None,
    *,
    registration_config: RegistrationConfig,
) -> None:
    """Train the network by which deep RCA registers images: on pairs of labelled radiographs."""
    import torch

    from cxrfactory.train.registration.run import train_registration as run

    torch.set_num_threads(registration_config.threads)
    run(labelled, output, registration_config, history)


def rca_reference(
    labelled: Annotated[Path, typer.Option(help="Preprocessed labelled images (.parquet).")],
    weights: Annotated[Path, typer.Option(help="Weights (.safetensors, card beside) that encode the images.")],
    output: Annotated[Path, typer.Option(help="Reference set to write (.parquet).")],
    fraction: Annotated[float, typer.Option(help="Share of the labelled images, by a hash of the id.", min=0)] = 0.8,
    size: Annotated[int, typer.Option(help="Side at which pairs are registered, pixels.", min=64, max=1024)] = 256,
    split: Annotated[str | None, typer.Option(help="Only images of this split of the labelled ones.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "cpu",
) -> None:
    """Choose the reference images of RCA and encode them with the trained weights."""
    from cxrfactory.rca.reference import build_reference, encoder_of

    encode, graph = encoder_of(weights, device)
    build_reference(labelled, output, encode, graph, fraction, size, split)


def rca(
    images: Annotated[Path, typer.Option(help="Image shard (.parquet).")],
    landmarks: Annotated[Path, typer.Option(help="Landmark shard of the same images (.parquet).")],
    reference: Annotated[Path, typer.Option(help="Reference set from rca-reference (.parquet).")],
    output: Annotated[Path, typer.Option(help="Scores to write (.parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of images that could not be scored (.parquet).")],
    references: Annotated[int, typer.Option(help="References an image is compared with.", min=1)] = 5,
    size: Annotated[int, typer.Option(help="Side at which pairs are registered, pixels.", min=64, max=1024)] = 256,
    workers: Annotated[int, typer.Option(help="Images side by side; the bytes do not depend on it.", min=1)] = 1,
    method: Method = "deep",
    network: Network = "pretrained-registration",
    interpolation: Interpolation = "nearest",
    device: Device = "cpu",
) -> None:
    """Estimate the Dice of a shard's masks without truth: reverse classification accuracy."""
    from cxrfactory.logs import about_shard
    from cxrfactory.rca.aligners import AlignerChoice
    from cxrfactory.rca.shard import rca_shard

    choice = AlignerChoice(method, network, interpolation, device)
    with about_shard(output):
        rca_shard(images, landmarks, reference, output, rejected, choice, references, size, workers)


def rca_check(
    reference: Annotated[Path, typer.Option(help="Reference set from rca-reference (.parquet).")],
    output: Annotated[Path, typer.Option(help="Folder for table (CSV), summary (JSON) and picture (PNG).")],
    images: Annotated[list[Path] | None, typer.Option(help="Image shard (.parquet); repeat for each.")] = None,
    landmarks: Annotated[list[Path] | None, typer.Option(help="Landmark shard of the same images; repeat.")] = None,
    truth: Annotated[Path | None, typer.Option(help="True masks of the images (truth.parquet of the cohort).")] = None,
    labelled: Annotated[Path | None, typer.Option(help="Or labelled images that are no references (.parquet).")] = None,
    split: Annotated[str | None, typer.Option(help="Only labelled images of this split.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights of the references' codes, for labelled images.")] = None,
    model: Annotated[list[Path] | None, typer.Option(help="Weights whose masks are scored as well; repeat.")] = None,
    count: Annotated[int, typer.Option(help="Images to take, by a hash of the id.", min=2)] = 12,
    references: Annotated[int, typer.Option(help="References an image is compared with.", min=1)] = 5,
    method: Method = "deep",
    network: Network = "pretrained-registration",
    interpolation: Interpolation = "nearest",
    device: Device = "cpu",
) -> None:
    """Measure how the RCA score follows the true Dice over good and spoiled masks and those of models."""
    from cxrfactory.errors import CxrError
    from cxrfactory.rca.aligners import AlignerChoice
    from cxrfactory.rca.check import check_labelled, check_truth

    choice = AlignerChoice(method, network, interpolation, device)
    if labelled is not None and weights is not None and not (images or landmarks or truth):
        check_labelled(labelled, weights, model or [], reference, output, choice.build(), count, references, split)
    elif images and landmarks and truth and not (labelled or weights or model or split):
        check_truth(images, landmarks, truth, reference, output, choice.build(), count, references)
    else:
        raise CxrError("give --images, --landmarks and --truth, or --labelled and --weights (and --model, --split)")


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
