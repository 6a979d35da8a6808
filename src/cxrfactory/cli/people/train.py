"""Train networks, and write their weights for others."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.config.options import with_options


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


def train_post_dae(
    output: Annotated[Path, typer.Option(help="Weights to write, .safetensors; the card is .json beside it.")],
    labelled: Annotated[
        list[Path] | None, typer.Option(help="Preprocessed labelled table; repeat for several. Images are not read.")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="Landmark set instead: clinical.csv beside RL, LL and H.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="CSV of Dice before and after, by kind, image and organ.")] = None,
    examples: Annotated[Path | None, typer.Option(help="Picture of held-out masks, spoiled and mended.")] = None,
    graph: Annotated[str, typer.Option(help="Landmark graph whose organs are mended.")] = "lungs-heart",
    input_size: Annotated[int, typer.Option(min=16, help="Side of the network's masks, pixels.")] = 64,
    latent: Annotated[int, typer.Option(min=1, help="Size of the code.")] = 256,
    steps: Annotated[int, typer.Option(min=20, help="Training steps.")] = 3000,
    batch_size: Annotated[int, typer.Option(min=2, help="Masks a step.")] = 16,
    learning_rate: Annotated[float, typer.Option(min=0, help="Highest learning rate; cosine to 0.")] = 2e-3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random draw.")] = 0,
) -> None:
    """Train Post-DAE, which makes masks of any segmenter plausible, on contours alone; CPU, one thread."""
    from cxrfactory.anatomy.graph import landmark_graph
    from cxrfactory.errors import CxrError
    from cxrfactory.models.postprocess import PostProcessor
    from cxrfactory.tables.atomic import write_text
    from cxrfactory.tables.weights import read_weights
    from cxrfactory.train.data.shapes import shapes_of_landmarks, shapes_of_tables
    from cxrfactory.train.postprocess.examples import write_examples
    from cxrfactory.train.postprocess.post_dae import train_post_dae as run

    if bool(labelled) == (landmarks is not None):
        raise CxrError("give either --labelled or --landmarks")
    organs = landmark_graph(graph)
    train, val = shapes_of_tables(labelled, organs) if labelled else shapes_of_landmarks(landmarks, organs)
    settings = {"graph": graph, "input_size": input_size, "latent": latent}
    rows = run(train, val, output, settings, steps, batch_size, learning_rate, seed)
    if report is not None:
        write_text(report, rows.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    if examples is not None:
        write_examples(PostProcessor(*read_weights(output)), val, examples)


def train_mask_landmarks(
    root: Annotated[Path, typer.Option(help="Landmark set: clinical.csv beside RL, LL and H.")],
    output: Annotated[Path, typer.Option(help="Models to write (.npz).")],
    steps: Annotated[int, typer.Option(min=1, help="Training steps an organ.")] = 1200,
    seed: Annotated[int, typer.Option(help="Of the first weights and the order.")] = 0,
) -> None:
    """Learn the models behind mask-to-landmarks from filled expert contours."""
    from cxrfactory.train.mask_landmarks import train_mask_landmarks as run

    run(root, output, steps, seed)
