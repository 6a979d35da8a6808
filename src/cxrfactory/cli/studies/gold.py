"""Commands of the gold standard: export to readers, import, evaluation."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import with_options
from cxrfactory.config.studies import BootstrapConfig, GoldSampleConfig


@with_options(GoldSampleConfig)
def gold_export(
    product: Annotated[Path, typer.Option(help="Packed release: Parquet/<Release>.parquet of the product.")],
    images: Annotated[
        list[Path], typer.Option(help="Preprocessed image shard of the release, or a folder of shards; repeat.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for tasks (JSON), labelling interface (XML), sample (CSV).")],
    *,
    gold_sample_config: GoldSampleConfig,
) -> None:
    """Sample a release and write Label Studio tasks with its landmarks as keypoints to correct."""
    from cxrfactory.evaluate.gold.export import export_gold

    export_gold(product, images, output, gold_sample_config)


def gold_import(
    export: Annotated[Path, typer.Option(help="Label Studio's export of the project, format JSON.")],
    output: Annotated[Path, typer.Option(help="Folder for <Release>_annotations.csv and its rejected tasks.")],
    reader: Annotated[str | None, typer.Option(help="Short name of the reader; a part of the file names.")] = None,
    annotator: Annotated[
        int | None, typer.Option(help="Id of the user whose annotations are used if tasks have several.")
    ] = None,
) -> None:
    """Turn corrected Label Studio tasks into gold-standard landmarks and masks, as CheXmask publishes them."""
    from cxrfactory.evaluate.gold.collect import import_gold

    import_gold(export, output, reader, annotator)


@with_options(BootstrapConfig)
def gold_evaluate(
    predicted: Annotated[list[Path], typer.Option(help="Preprocessed/<Release>.csv of the product; repeat.")],
    annotations: Annotated[list[Path], typer.Option(help="<Release>[_<reader>]_annotations.csv; repeat.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and picture (PNG).")],
    sample: Annotated[
        list[Path] | None, typer.Option(help="<Release>.sample.csv; adds a table of the random images only; repeat.")
    ] = None,
    *,
    bootstrap_config: BootstrapConfig,
) -> None:
    """Measure a product against its gold standard: Dice, Hausdorff distance and its 95th percentile, landmark error."""
    from cxrfactory.evaluate.gold.evaluate_gold import evaluate_gold

    evaluate_gold(predicted, annotations, output, bootstrap_config, sample or [])
