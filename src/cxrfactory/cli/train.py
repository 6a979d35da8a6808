"""``cxrfactory train``."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.cli.options import preparation, with_options
from cxrfactory.config import ModelConfig, PreprocessConfig, RegistrationConfig, TrainConfig


@with_options(ModelConfig, TrainConfig)
def train(
    labelled: Annotated[
        list[Path], typer.Option(help="Preprocessed labelled table (preprocess-labelled); repeat for several.")
    ],
    output: Annotated[Path, typer.Option(help="Weights to write, .safetensors; the card is .json beside it.")],
    history: Annotated[Path | None, typer.Option(help="CSV of the run, one row an epoch.")] = None,
    curves: Annotated[Path | None, typer.Option(help="Picture of loss and validation Dice.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    resume: Annotated[bool, typer.Option(help="Go on from an interrupted run of the same settings.")] = True,
    init: Annotated[Path | None, typer.Option(help="Weights of the same network to start from.")] = None,
    *,
    model_config: ModelConfig,
    train_config: TrainConfig,
) -> None:
    """Train a segmenter on labelled radiographs: weights, card, history, curves."""
    import torch

    from cxrfactory.models.device import choose_device
    from cxrfactory.train.segmenter.run import train_segmenter

    torch.set_num_threads(train_config.threads)
    train_segmenter(labelled, output, model_config, train_config, choose_device(device), history, curves, resume, init)


@with_options(PreprocessConfig)
def label_outlines(
    root: Annotated[Path, typer.Option(help="Folder with table.csv (image_id, patient_id), images/ and masks/.")],
    weights: Annotated[Path, typer.Option(help="Weights of a landmark model of lungs and heart.")],
    output: Annotated[Path, typer.Option(help="Labelled table to write (.parquet), as preprocess-labelled does.")],
    rejected: Annotated[Path, typer.Option(help="Table of rejected images to write (.parquet).")],
    source: Annotated[str, typer.Option(help="Name of the set; it goes before the ids.")],
    val_fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of patients for validation.")] = 0.25,
    *,
    preprocess_config: PreprocessConfig,
) -> None:
    """Label images whose lungs are outlined in another convention: a model's landmarks, corrected by the outlines."""
    from cxrfactory.labelling.outlines import label_outlines as run

    run(root, weights, output, rejected, preparation(preprocess_config), source, val_fraction)


@with_options(PreprocessConfig)
def label_masks(
    root: Annotated[Path, typer.Option(help="Folder with table.csv (image_id, patient_id), images/ and masks/.")],
    output: Annotated[Path, typer.Option(help="Labelled table to write (.parquet), as preprocess-labelled does.")],
    rejected: Annotated[Path, typer.Option(help="Table of rejected images to write (.parquet).")],
    source: Annotated[str, typer.Option(help="Name of the set; it goes before the ids.")],
    definition: Annotated[
        str, typer.Option(help="What the masks include: whole-lungs (also behind the heart), or lungs.")
    ] = "whole-lungs",
    val_fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of patients for validation.")] = 0.25,
    *,
    preprocess_config: PreprocessConfig,
) -> None:
    """Label images by their lung masks: landmarks on the masks' borders, labels of the masks' own definition."""
    from cxrfactory.labelling.lung_masks import label_masks as run

    run(root, output, rejected, preparation(preprocess_config), source, definition, val_fraction)


def export_weights(
    weights: Annotated[Path, typer.Option(help="Trained weights (.safetensors, card beside).")],
    output: Annotated[Path, typer.Option(help="Weights to write, in 16 bits.")],
    facts: Annotated[Path, typer.Option(help="YAML of facts for the card: use, data, licences, failures.")],
) -> None:
    """Write weights for others: 16 bits, and a card that says what they are good for."""
    import yaml

    from cxrfactory.errors import CxrError
    from cxrfactory.tables.weights import export_weights as run

    found = yaml.safe_load(facts.read_text(encoding="utf-8")) if facts.is_file() else None
    if not isinstance(found, dict):
        raise CxrError(f"{facts}: expected a YAML file of keys and values")
    run(weights, output, found)


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
