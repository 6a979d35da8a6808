"""Commands that train networks, and write weights for publication."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import MaskLandmarksConfig, ModelConfig, PostDaeConfig, TrainConfig
from cxrfactory.config.options import with_options

Labelled = Annotated[
    list[Path], typer.Option(help="Preprocessed labelled table (stage preprocess-labelled); repeat for several.")
]
Output = Annotated[
    Path, typer.Option(help="Weights to write (.safetensors); their card (.json) is written beside them.")
]


@with_options(ModelConfig, TrainConfig)
def train(
    labelled: Labelled,
    output: Output,
    history: Annotated[Path | None, typer.Option(help="CSV of the training to write, one row for each epoch.")] = None,
    curves: Annotated[Path | None, typer.Option(help="Plot of loss and validation Dice to write.")] = None,
    resume: Annotated[bool, typer.Option(help="Continue an interrupted training of the same settings.")] = True,
    init: Annotated[Path | None, typer.Option(help="Weights of the same network to start from.")] = None,
    without_sources: Annotated[
        list[str] | None, typer.Option(help="Source whose images are used in neither split; repeat for several.")
    ] = None,
    views: Annotated[
        list[str] | None, typer.Option(help="View whose images are used, such as PA; repeat for several.")
    ] = None,
    keep_epochs: Annotated[
        list[int] | None,
        typer.Option(help="Epoch whose weights are also written, as OUTPUT-EPOCH.safetensors; repeat for several."),
    ] = None,
    parts_from: Annotated[
        list[Path] | None,
        typer.Option(help="Weights whose parts this network starts from, such as hybridgnet-autoencoders; repeat."),
    ] = None,
    *,
    model_config: ModelConfig,
    train_config: TrainConfig,
) -> None:
    """Train a segmenter on labelled radiographs and write weights, card, history and curves."""
    import torch

    from cxrfactory.models.device import choose_device
    from cxrfactory.train.segmenter.run import train_segmenter

    torch.set_num_threads(train_config.threads)
    device = choose_device(train_config.device)
    train_segmenter(
        *(labelled, output, model_config, train_config, device, history, curves, resume, init),
        without_sources=without_sources or [],
        views=views or [],
        keep_epochs=keep_epochs or [],
        parts_from=parts_from or [],
    )


def export_weights(
    weights: Annotated[Path, typer.Option(help="Trained weights (.safetensors, card beside them).")],
    output: Annotated[Path, typer.Option(help="Weights to write, with 16 bits for each number.")],
    facts: Annotated[Path, typer.Option(help="YAML file for the card: intended use, data, licences, failures.")],
) -> None:
    """Write 16-bit weights for publication, with a card that states their intended use and limits."""
    from cxrfactory.errors import CxrError
    from cxrfactory.tables.key_values import parse_yaml
    from cxrfactory.tables.weights import export_weights as run

    found = parse_yaml(facts.read_text(encoding="utf-8"), facts) if facts.is_file() else None
    if not isinstance(found, dict):
        raise CxrError(f"{facts}: expected a YAML file of keys and values")
    run(weights, output, found)


@with_options(PostDaeConfig)
def train_post_dae(
    output: Output,
    labelled: Annotated[
        list[Path] | None,
        typer.Option(help="Preprocessed labelled table; its images are not read; repeat for several."),
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="Landmark set instead of tables: clinical.csv beside RL, LL and H.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="CSV to write: Dice before and after correction, by damage, image and organ.")
    ] = None,
    examples: Annotated[
        Path | None, typer.Option(help="Picture to write: held-out masks, damaged and corrected.")
    ] = None,
    *,
    post_dae_config: PostDaeConfig,
) -> None:
    """Train Post-DAE, a denoising autoencoder that corrects masks of any segmenter; it learns from contours only."""
    from cxrfactory.errors import CxrError
    from cxrfactory.train.postprocess.post_dae import read_shapes
    from cxrfactory.train.postprocess.post_dae import train_post_dae as run

    if bool(labelled) == (landmarks is not None):
        raise CxrError("give either --labelled or --landmarks")
    train, val = read_shapes(labelled, landmarks, post_dae_config)
    run(train, val, output, post_dae_config, report, examples)


@with_options(MaskLandmarksConfig)
def train_mask_landmarks(
    root: Annotated[Path, typer.Option(help="Landmark set: clinical.csv beside RL, LL and H.")],
    output: Annotated[Path, typer.Option(help="Models to write (.npz).")],
    *,
    mask_landmarks_config: MaskLandmarksConfig,
) -> None:
    """Train the models behind mask-to-landmarks on filled expert contours."""
    from cxrfactory.train.mask_landmarks import train_mask_landmarks as run

    run(root, output, mask_landmarks_config)
