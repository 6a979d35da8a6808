"""Commands of reverse classification accuracy: network, references, scores, calibration."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import with_options
from cxrfactory.config.rca import CalibrateConfig, RcaCheckConfig, RcaReferenceConfig, RcaScoreConfig
from cxrfactory.config.registration import RegistrationConfig


@with_options(RegistrationConfig)
def train_registration(
    labelled: Annotated[
        list[Path], typer.Option(help="Preprocessed labelled table (stage preprocess-labelled); repeat for several.")
    ],
    output: Annotated[
        Path, typer.Option(help="Weights to write (.safetensors); their card (.json) is written beside them.")
    ],
    history: Annotated[
        Path | None, typer.Option(help="CSV of the training to write, one row for each validation.")
    ] = None,
    *,
    registration_config: RegistrationConfig,
) -> None:
    """Train the registration network of deep RCA on pairs of labelled radiographs."""
    import torch

    from cxrfactory.train.registration.run import train_registration as run

    torch.set_num_threads(registration_config.threads)
    run(labelled, output, registration_config, history)


@with_options(RcaReferenceConfig)
def rca_reference(
    labelled: Annotated[Path, typer.Option(help="Preprocessed labelled table (stage preprocess-labelled).")],
    weights: Annotated[Path, typer.Option(help="Weights (.safetensors with card) that encode the images.")],
    output: Annotated[Path, typer.Option(help="Reference set to write (.parquet).")],
    split: Annotated[str | None, typer.Option(help="Use only labelled images of this split.")] = None,
    device: Annotated[str, typer.Option(help="Device of the encoder: auto, cpu or cuda.")] = "cpu",
    *,
    rca_reference_config: RcaReferenceConfig,
) -> None:
    """Choose the reference images of RCA and encode them with the trained weights."""
    from cxrfactory.rca.reference import build_reference, encoder_of

    encode, graph = encoder_of(weights, device)
    build_reference(labelled, output, encode, graph, rca_reference_config, split)


@with_options(RcaScoreConfig)
def rca(
    images: Annotated[Path, typer.Option(help="Image shard (stage preprocess, .parquet).")],
    landmarks: Annotated[Path, typer.Option(help="Landmark shard of the same images (stage infer, .parquet).")],
    reference: Annotated[Path, typer.Option(help="Reference set from stage rca-reference (.parquet).")],
    output: Annotated[Path, typer.Option(help="Scores to write (.parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of images that could not be scored (.parquet).")],
    workers: Annotated[
        int, typer.Option(help="Number of images processed in parallel; the output does not depend on it.", min=1)
    ] = 1,
    *,
    rca_score_config: RcaScoreConfig,
) -> None:
    """Estimate the Dice of a shard's masks without truth by reverse classification accuracy (RCA)."""
    from cxrfactory.logs import about_shard
    from cxrfactory.rca.shard import rca_shard

    with about_shard(output):
        rca_shard(images, landmarks, reference, output, rejected, rca_score_config, workers)


@with_options(RcaCheckConfig)
def rca_check(
    reference: Annotated[Path, typer.Option(help="Reference set from stage rca-reference (.parquet).")],
    output: Annotated[Path, typer.Option(help="Folder for table (CSV), summary (JSON) and picture (PNG).")],
    images: Annotated[list[Path] | None, typer.Option(help="Image shard (.parquet); repeat for each.")] = None,
    landmarks: Annotated[list[Path] | None, typer.Option(help="Landmark shard of the same images; repeat.")] = None,
    truth: Annotated[Path | None, typer.Option(help="True masks of the images (truth.parquet of the cohort).")] = None,
    labelled: Annotated[
        Path | None,
        typer.Option(help="Labelled images outside the reference set (.parquet); they replace shards and truth."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights that encoded the references; goes with --labelled.")
    ] = None,
    model: Annotated[
        list[Path] | None, typer.Option(help="Weights of a model whose masks are scored too; repeat.")
    ] = None,
    *,
    rca_check_config: RcaCheckConfig,
) -> None:
    """Compare RCA scores with the true Dice of good masks, spoiled masks and masks of models."""
    from cxrfactory.errors import CxrError
    from cxrfactory.rca.check import check_labelled, check_truth

    if labelled is not None and weights is not None and not (images or landmarks or truth):
        check_labelled(labelled, weights, model or [], reference, output, rca_check_config)
    elif images and landmarks and truth and not (labelled or weights or model or rca_check_config.split):
        check_truth(images, landmarks, truth, reference, output, rca_check_config)
    else:
        raise CxrError("give --images, --landmarks and --truth, or --labelled and --weights (and --model, --split)")


@with_options(CalibrateConfig)
def rca_calibrate(
    masks: Annotated[Path, typer.Option(help="Folder of stage rca-check: masks of known Dice with their scores.")],
    output: Annotated[Path, typer.Option(help="Calibration to write (.json).")],
    check: Annotated[
        int, typer.Option(help="Number of random splits of the images to measure the coverage on.", min=0)
    ] = 0,
    picture: Annotated[Path | None, typer.Option(help="Plot to write (.png): true Dice over its estimate.")] = None,
    *,
    calibrate_config: CalibrateConfig,
) -> None:
    """Calibrate RCA scores to estimate the true Dice with an interval; --check measures coverage (.check.csv)."""
    from cxrfactory.rca.calibrate import calibrate, coverage, plot_calibration

    calibration = calibrate(masks, output, calibrate_config)
    if check:
        coverage(masks, output.with_suffix(".check.csv"), calibrate_config, check)
    if picture is not None:
        plot_calibration(masks, calibration, picture)
