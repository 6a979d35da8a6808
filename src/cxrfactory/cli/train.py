"""``cxrfactory train``."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.cli.options import with_options
from cxrfactory.config import ModelConfig, TrainConfig


@with_options(ModelConfig, TrainConfig)
def train(
    labelled: Annotated[Path, typer.Option(help="Preprocessed labelled table (preprocess-labelled).")],
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
    from cxrfactory.train.run import train_segmenter

    torch.set_num_threads(train_config.threads)
    train_segmenter(labelled, output, model_config, train_config, choose_device(device), history, curves, resume, init)
