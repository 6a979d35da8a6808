"""``cxrfactory train-post-dae``."""

from pathlib import Path
from typing import Annotated

import typer


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
