"""Commands that turn folders of masks, and the workflow's own masks, into labelled tables."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import LabelLungMasksConfig, LabelMasksConfig, PreprocessConfig
from cxrfactory.config.options import preparation, with_options
from cxrfactory.config.studies import OwnMasksConfig

Root = Annotated[
    Path,
    typer.Option(
        help="Folder with table.csv (image_id, patient_id), images/ and masks/; or with columns file and mask_NAME."
    ),
]
Output = Annotated[Path, typer.Option(help="Labelled table to write (.parquet), as stage preprocess-labelled does.")]
Rejected = Annotated[Path, typer.Option(help="Table of rejected images to write (.parquet).")]


@with_options(LabelMasksConfig, PreprocessConfig)
def label_outlines(
    root: Root,
    weights: Annotated[Path, typer.Option(help="Weights of a landmark model of lungs and heart.")],
    output: Output,
    rejected: Rejected,
    *,
    label_masks_config: LabelMasksConfig,
    preprocess_config: PreprocessConfig,
) -> None:
    """Label images with a model's landmarks, corrected by lung outlines of another convention."""
    from cxrfactory.labelling.outlines import label_outlines as run

    run(root, weights, output, rejected, preparation(preprocess_config), label_masks_config)


@with_options(LabelLungMasksConfig, PreprocessConfig)
def label_masks(
    root: Root,
    output: Output,
    rejected: Rejected,
    *,
    label_lung_masks_config: LabelLungMasksConfig,
    preprocess_config: PreprocessConfig,
) -> None:
    """Label images from drawn masks: the masks and landmarks on their borders, with their definition of lungs."""
    from cxrfactory.labelling.lung_masks import label_masks as run

    run(root, output, rejected, preparation(preprocess_config), label_lung_masks_config)


@with_options(OwnMasksConfig)
def label_own_masks(
    images: Annotated[list[Path], typer.Option(help="Image shard (.parquet); repeat for each.")],
    landmarks: Annotated[list[Path], typer.Option(help="Landmark shard; repeat for each.")],
    rca: Annotated[list[Path], typer.Option(help="RCA shard; repeat for each.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of the release (Parquet), for the patients.")],
    output: Annotated[Path, typer.Option(help="Labelled table to write (.parquet), for train.")],
    rejected: Annotated[Path, typer.Option(help="Table of the images left out (.parquet).")],
    source: Annotated[str, typer.Option(help="Name of the release; it precedes the image ids.")],
    without: Annotated[Path | None, typer.Option(help="Labelled table whose validation patients are left out.")] = None,
    *,
    own_masks_config: OwnMasksConfig,
) -> None:
    """Label a release's images with the workflow's own landmarks, as training data."""
    from cxrfactory.labelling.own_masks import RunShards
    from cxrfactory.labelling.own_masks import label_own_masks as run

    run(RunShards(images, landmarks, rca), manifest, output, rejected, source, own_masks_config, without)
