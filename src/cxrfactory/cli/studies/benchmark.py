"""Commands of the benchmark of many networks on projected anatomy."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import BenchmarkScoreConfig, BenchmarkTableConfig
from cxrfactory.config.options import with_options

Labelled = Annotated[Path, typer.Option(help="Preprocessed labelled table (label projections, preprocess-labelled).")]


@with_options(BenchmarkScoreConfig)
def benchmark_score(
    labelled: Labelled,
    weights: Annotated[Path, typer.Option(help="Trained weights (.safetensors, card beside them).")],
    output: Annotated[Path, typer.Option(help="Table of scores to write (.parquet).")],
    cost: Annotated[Path, typer.Option(help="Table of the cost of an image to write (.csv).")],
    studies: Annotated[
        Path | None, typer.Option(help="Table studies.parquet of the projected studies, for distances in mm.")
    ] = None,
    *,
    benchmark_score_config: BenchmarkScoreConfig,
) -> None:
    """Score a network on held-out images: eight measures of each structure of each level, and its cost."""
    from cxrfactory.evaluate.benchmark.score import score_model

    score_model(labelled, weights, output, cost, benchmark_score_config, studies)


@with_options(BenchmarkTableConfig)
def benchmark(
    scores: Annotated[list[Path], typer.Option(help="Table of study benchmark-score; repeat for each training.")],
    cost: Annotated[list[Path], typer.Option(help="Cost of study benchmark-score; repeat for each training.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV, Markdown) and figures (PNG).")],
    findings: Annotated[
        Path | None, typer.Option(help="CSV with patient_id and a column of 0 and 1 for each finding.")
    ] = None,
    *,
    benchmark_table_config: BenchmarkTableConfig,
) -> None:
    """Tabulate the scores of many networks: ranks, levels, groups, classes, tests between all pairs, cost."""
    from cxrfactory.evaluate.benchmark.tabulate import tabulate

    tabulate(scores, cost, output, benchmark_table_config, findings)
