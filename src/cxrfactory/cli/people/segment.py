"""Segment radiographs of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import PreprocessConfig
from cxrfactory.config.options import preparation, with_options

Weights = Annotated[
    Path, typer.Option(help="Trained weights (.safetensors, card beside), pretrained, or pretrained-whole-lungs.")
]
Samples = Annotated[int, typer.Option(help="Latent samples for mean and standard deviation.")]
Precision = Annotated[str, typer.Option(help="fp32, or bf16 for the convolutions.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images in one pass on CUDA.")]
Workers = Annotated[int, typer.Option(min=1, help="Images side by side on the CPU.")]


@with_options(PreprocessConfig)
def segment(
    paths: Annotated[list[Path], typer.Argument(help="Radiographs or folders of them: JPEG, PNG, DICOM.")],
    output: Annotated[Path, typer.Option(help="CSV to write, CheXmask columns at the original resolution.")],
    weights: Weights = Path("pretrained"),
    masks: Annotated[Path | None, typer.Option(help="Folder for mask PNGs, one an organ and image.")] = None,
    overlays: Annotated[Path | None, typer.Option(help="Folder for pictures of the contours.")] = None,
    samples: Samples = 20,
    precision: Precision = "fp32",
    device: Device = "auto",
    batch_size: BatchSize = 16,
    workers: Workers = 2,
    check_orientation: Annotated[
        bool, typer.Option(help="Reject images that lie on their side (4 x the time).")
    ] = True,
    *,
    preprocess_config: PreprocessConfig,
) -> None:
    """Segment radiographs: one row or one named rejection for every file."""
    from cxrfactory.infer.segment import segment as run

    recipe = preparation(preprocess_config)
    how = (samples, precision, device, batch_size, workers, check_orientation)
    run(paths, weights, output, masks, overlays, recipe, *how)
