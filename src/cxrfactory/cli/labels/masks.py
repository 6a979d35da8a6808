"""Folders of masks, and the factory's own masks, to labelled tables."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import PreprocessConfig
from cxrfactory.config.options import preparation, with_options
from cxrfactory.tables.rca_threshold import RECOMMENDED_RCA_MEAN


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
    """Label images by lung outlines of another convention, which correct a model's landmarks."""
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


def label_own_masks(
    images: Annotated[list[Path], typer.Option(help="Image shard (.parquet); repeat for each.")],
    landmarks: Annotated[list[Path], typer.Option(help="Landmark shard; repeat for each.")],
    rca: Annotated[list[Path], typer.Option(help="RCA shard; repeat for each.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of the release (Parquet), for the patients.")],
    output: Annotated[Path, typer.Option(help="Labelled table to write (.parquet), for train.")],
    rejected: Annotated[Path, typer.Option(help="Table of the images left out (.parquet).")],
    source: Annotated[str, typer.Option(help="Name of the release; it goes before the ids.")],
    at_least: Annotated[float, typer.Option(min=0, max=1, help="Smallest RCA mean to train on.")] = (
        RECOMMENDED_RCA_MEAN
    ),
    count: Annotated[int, typer.Option(min=1, help="At most so many images, by a hash of the id.")] = 1000,
    val_fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of patients for validation.")] = 0.1,
    without: Annotated[Path | None, typer.Option(help="Labelled table whose validation patients are left out.")] = None,
) -> None:
    """Label a release's images with the factory's own landmarks, to train on them again."""
    from cxrfactory.labelling.own_masks import label_own_masks as run

    run(images, landmarks, rca, manifest, output, rejected, source, at_least, count, val_fraction, without)
