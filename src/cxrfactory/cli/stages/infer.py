"""Commands that turn image shards into landmark shards, and draw landmarks."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.infer import PredictConfig
from cxrfactory.config.options import with_options


@with_options(PredictConfig)
def infer(
    images: Annotated[Path, typer.Option(help="Image shard (stage preprocess).")],
    weights: Annotated[
        Path, typer.Option(help="Trained weights (.safetensors with card), pretrained, or pretrained-whole-lungs.")
    ],
    output: Annotated[Path, typer.Option(help="Landmark shard to write.")],
    rejected: Annotated[Path, typer.Option(help="Table of rejected images to write.")],
    workers: Annotated[int, typer.Option(min=1, help="Number of images processed in parallel on the CPU.")] = 1,
    *,
    predict_config: PredictConfig,
) -> None:
    """Find the landmarks of every image of a shard, with their uncertainty."""
    from cxrfactory.infer.shard import infer_shard
    from cxrfactory.logs import about_shard

    with about_shard(output):
        infer_shard(images, weights, output, rejected, predict_config, workers)


def overlays(
    images: Annotated[list[Path], typer.Option(help="Image shards.")],
    landmarks: Annotated[list[Path], typer.Option(help="Landmark shards, in the same order.")],
    output: Annotated[Path, typer.Option(help="PNG to write.")],
    graph: Annotated[str, typer.Option(help="Name of the landmark graph.")] = "lungs-heart",
    count: Annotated[int, typer.Option(min=1, help="Number of images.")] = 12,
) -> None:
    """Draw the contours of some images of a release side by side."""
    from cxrfactory.anatomy.graph import landmark_graph
    from cxrfactory.infer.montage import montage

    montage(images, landmarks, landmark_graph(graph), output, count)
