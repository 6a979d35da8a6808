"""Technical validation of the product: gold standard, statistics of RCA, bias, retraining on its own masks."""

from pathlib import Path
from typing import Annotated

import typer


def gold_export(
    product: Annotated[Path, typer.Option(help="Packed release: Parquet/<Release>.parquet of the product.")],
    images: Annotated[list[Path], typer.Option(help="Its preprocessed image shard, or a folder of them; repeat.")],
    output: Annotated[Path, typer.Option(help="Folder for tasks (JSON), labelling interface (XML), sample (CSV).")],
    bins: Annotated[int, typer.Option(min=0, help="Bins of the RCA histogram; one image of each.")] = 10,
    random: Annotated[int, typer.Option(min=0, help="Images beside them, at random.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sample.")] = 0,
) -> None:
    """Sample a release and write Label Studio tasks with its landmarks as keypoints to correct."""
    from cxrfactory.evaluate.gold.export import export_gold

    export_gold(product, images, output, bins, random, seed)


def gold_import(
    export: Annotated[Path, typer.Option(help="Label Studio's export of the project, format JSON.")],
    output: Annotated[Path, typer.Option(help="Folder for <Release>_annotations.csv and its rejected tasks.")],
    reader: Annotated[str | None, typer.Option(help="Short name of the reader, put into the file's name.")] = None,
    annotator: Annotated[
        int | None, typer.Option(help="Number of the user whose annotations count, where tasks have several.")
    ] = None,
) -> None:
    """Turn corrected Label Studio tasks into gold-standard landmarks and masks, as CheXmask publishes them."""
    from cxrfactory.evaluate.gold.collect import import_gold

    import_gold(export, output, reader, annotator)


def gold_evaluate(
    predicted: Annotated[list[Path], typer.Option(help="Preprocessed/<Release>.csv of the product; repeat.")],
    annotations: Annotated[list[Path], typer.Option(help="<Release>[_<reader>]_annotations.csv; repeat.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and picture (PNG).")],
    sample: Annotated[
        list[Path] | None, typer.Option(help="<Release>.sample.csv; adds the table of the random images; repeat.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Draws of the bootstrap intervals.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Measure a product against its gold standard: Dice, HD, HD95, and the error of each landmark."""
    from cxrfactory.evaluate.gold.run import evaluate_gold

    evaluate_gold(predicted, annotations, output, sample or [], resamples, seed)


def rca_statistics(
    product: Annotated[
        list[Path], typer.Option(help="Folder of the product, Parquet table of it, or CheXmask CSV; repeat.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and picture (PNG).")],
) -> None:
    """Describe how RCA scores are distributed, by release and organ."""
    from cxrfactory.evaluate.product.rca_statistics import rca_statistics as describe

    describe(product, output)


def bias(
    product: Annotated[Path, typer.Option(help="Packed release: Parquet/<Release>.parquet, or a CheXmask CSV.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of the release (Parquet).")],
    output: Annotated[Path, typer.Option(help="Folder for table (CSV) and picture (PNG).")],
    at_least: Annotated[float, typer.Option(min=0, max=1, help="RCA mean below which a mask counts as poor.")] = 0.7,
    least_patients: Annotated[int, typer.Option(min=2, help="Groups of fewer are listed, not compared.")] = 10,
    resamples: Annotated[int, typer.Option(min=1, help="Draws of the bootstrap intervals.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Compare RCA between groups of patients: view, sex, age band, finding."""
    from cxrfactory.evaluate.bias.gaps import measure_bias

    measure_bias(product, manifest, output, at_least, least_patients, resamples, seed)


def bias_discovery(
    scores: Annotated[Path, typer.Option(help="CSV with RCA and true Dice: rca_check.csv, or images.csv of evaluate.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and picture (PNG).")],
    manifest: Annotated[
        list[Path] | None, typer.Option(help="Manifest of the images: groups of patients; repeat. None: made cohorts.")
    ] = None,
    cohorts: Annotated[int, typer.Option(min=1, help="Cohorts to draw from the spoiled masks of rca-check.")] = 200,
    resamples: Annotated[int, typer.Option(min=1, help="Draws of the bootstrap intervals.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 0,
) -> None:
    """Compare the gaps between groups that RCA predicts with the true ones."""
    from cxrfactory.evaluate.bias.discovery import discover_bias

    discover_bias(scores, output, manifest or [], cohorts, resamples, seed)


def label_own_masks(
    images: Annotated[list[Path], typer.Option(help="Image shard (.parquet); repeat for each.")],
    landmarks: Annotated[list[Path], typer.Option(help="Landmark shard; repeat for each.")],
    rca: Annotated[list[Path], typer.Option(help="RCA shard; repeat for each.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of the release (Parquet), for the patients.")],
    output: Annotated[Path, typer.Option(help="Labelled table to write (.parquet), for train.")],
    rejected: Annotated[Path, typer.Option(help="Table of the images left out (.parquet).")],
    source: Annotated[str, typer.Option(help="Name of the release; it goes before the ids.")],
    at_least: Annotated[float, typer.Option(min=0, max=1, help="Smallest RCA mean to train on.")] = 0.7,
    count: Annotated[int, typer.Option(min=1, help="At most so many images, by a hash of the id.")] = 1000,
    val_fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of patients for validation.")] = 0.1,
    without: Annotated[Path | None, typer.Option(help="Labelled table whose validation patients are left out.")] = None,
) -> None:
    """Label a release's images with the factory's own landmarks, to train on them again."""
    from cxrfactory.labelling.own_masks import label_own_masks as run

    run(images, landmarks, rca, manifest, output, rejected, source, at_least, count, val_fraction, without)
