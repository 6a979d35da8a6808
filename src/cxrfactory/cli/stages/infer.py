"""Image shards to landmark shards."""

from pathlib import Path
from typing import Annotated

import typer

Weights = Annotated[
    Path, typer.Option(help="Trained weights (.safetensors, card beside), pretrained, or pretrained-whole-lungs.")
]
Samples = Annotated[int, typer.Option(help="Latent samples for mean and standard deviation.")]
Precision = Annotated[str, typer.Option(help="fp32, or bf16 for the convolutions.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images in one pass on CUDA.")]
Workers = Annotated[int, typer.Option(min=1, help="Images side by side on the CPU.")]


def infer(
    images: Annotated[Path, typer.Option(help="Image shard (preprocess).")],
    weights: Weights,
    output: Annotated[Path, typer.Option(help="Landmark shard to write.")],
    rejected: Annotated[Path, typer.Option(help="Table of rejected images to write.")],
    samples: Samples = 20,
    precision: Precision = "fp32",
    device: Device = "auto",
    batch_size: BatchSize = 16,
    workers: Workers = 1,
) -> None:
    """Find the landmarks of every image of a shard, with their uncertainty."""
    from cxrfactory.infer.shard import infer_shard
    from cxrfactory.logs import about_shard

    with about_shard(output):
        infer_shard(images, weights, output, rejected, samples, precision, device, batch_size, workers)


def overlays(
    images: Annotated[list[Path], typer.Option(help="Image shards.")],
    landmarks: Annotated[list[Path], typer.Option(help="Landmark shards, in the same order.")],
    output: Annotated[Path, typer.Option(help="PNG to write.")],
    graph: Annotated[str, typer.Option(help="Landmark graph.")] = "lungs-heart",
    count: Annotated[int, typer.Option(min=1, help="How many images.")] = 12,
) -> None:
    """Draw the contours of some images of a release side by side."""
    from cxrfactory.anatomy.graph import landmark_graph
    from cxrfactory.infer.montage import montage

    montage(images, landmarks, landmark_graph(graph), output, count)
