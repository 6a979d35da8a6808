"""Gather the scores of all models and repeats into the tables and figures of the benchmark."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.config.benchmark import BenchmarkTableConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.benchmark.cases import read_findings
from cxrfactory.evaluate.benchmark.markdown import markdown
from cxrfactory.evaluate.benchmark.plots import plot_cost, plot_ranks, plot_structures
from cxrfactory.evaluate.benchmark.score import SCORES
from cxrfactory.evaluate.benchmark.summary import classes_of, pairs_of, ranks_of, summarise
from cxrfactory.evaluate.models.evaluate_models import write_csv
from cxrfactory.logs import get_logger
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.parquet import read_table

log = get_logger(__name__)

COST_COLUMNS = ("model", "seed", "parameters", "ms_median", "peak_mb", "gflops")


def tabulate(
    scores: Sequence[str | Path],
    costs: Sequence[str | Path],
    output: str | Path,
    settings: BenchmarkTableConfig,
    findings: str | Path | None = None,
) -> pd.DataFrame:
    """Write the tables and figures of the benchmark.

    Parameters
    ----------
    scores, costs
        Tables of :func:`cxrfactory.evaluate.benchmark.score.score_model`, one of each for every model and repeat.
    output
        Folder for ``ranking.csv`` (one row for each model, best first), ``summary.csv`` (by partition, view and model),
        ``classes.csv`` (by view and structure), ``pairs.csv`` (every two models, with tests and effect sizes),
        ``cost.csv``, ``benchmark.md``, ``structures.png``, ``ranking.png`` and ``cost.png``. All files except those on
        cost and ``ranking.csv`` and ``benchmark.md``, which hold times, are the same in every run.
    settings
        Bootstrap, and the area that counts as large.
    findings
        CSV of findings by patient; see :func:`cxrfactory.evaluate.benchmark.cases.read_findings`.

    Returns
    -------
    The table of ``ranking.csv``.

    Raises
    ------
    CxrError
        If a table is missing or unreadable, the same model and repeat occur twice, models were scored on different
        images, or a finding's patients are none of the scored ones.
    """
    output = Path(output)
    table = pd.concat([read_table(path, SCORES) for path in scores], ignore_index=True)
    _check(table, scores)
    found = read_findings(findings)
    if len(found.columns) and not set(found.index) & set(table["patient_id"]):
        raise CxrError(
            f"{findings}: none of its patients was scored; expected ids such as '{table['patient_id'].iloc[0]}'"
        )
    spent = pd.concat([_read_cost(Path(path)) for path in costs], ignore_index=True)
    classes = classes_of(table)
    ranks, pairs = ranks_of(classes, spent, settings), pairs_of(classes, settings)
    summary = summarise(table, settings, found)
    for name, frame in (
        ("ranking", ranks),
        ("summary", summary),
        ("classes", classes),
        ("pairs", pairs),
        ("cost", spent),
    ):
        write_csv(frame, output / f"{name}.csv")
    write_text(output / "benchmark.md", markdown(ranks, summary, pairs))
    plot_structures(classes, ranks, output / "structures.png")
    plot_ranks(ranks, output / "ranking.png")
    plot_cost(ranks, output / "cost.png")
    log.info("%d models, %d structures in their views, best %s (Dice %.4f); wrote %s", len(ranks),
             len(classes[["view", "level", "structure"]].drop_duplicates()), ranks["model"].iloc[0],
             ranks["dice"].iloc[0], output)  # fmt: skip
    return ranks


def _check(table: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    runs = table.drop_duplicates(["model", "seed"])
    if len(runs) < len(paths):
        raise CxrError(
            f"{len(paths)} tables of scores hold {len(runs)} trainings; expected one table for each model and seed"
        )
    images = table.groupby(["model", "seed"])["image_id"].agg(lambda ids: tuple(sorted(set(ids))))
    if images.nunique() > 1:
        first = images.index[0]
        other = next(key for key in images.index if images[key] != images[first])
        raise CxrError(
            f"models were scored on different images: {first[0]}, seed {first[1]}: {len(images[first])} images; "
            f"{other[0]}, seed {other[1]}: {len(images[other])}; score all on one table"
        )


def _read_cost(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    if missing := [name for name in COST_COLUMNS if name not in frame]:
        raise CxrError(f"{path}: columns {missing} are missing; expected the table of study benchmark-score")
    return frame
