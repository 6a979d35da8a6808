"""Gather the tests of several models into the tables and pictures of the study."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.plots import plot_dice
from cxrfactory.evaluate.generalise.ranking import rank_scores
from cxrfactory.evaluate.generalise.summary import markdown, summarise
from cxrfactory.evaluate.generalise.testing import IMAGES, KEYS
from cxrfactory.evaluate.models.evaluate_models import write_csv
from cxrfactory.logs import get_logger
from cxrfactory.tables.atomic import atomic_path, write_text

log = get_logger(__name__)


def tabulate(tests: Sequence[str | Path], output: str | Path) -> pd.DataFrame:
    """Write the tables of the study from the folders of its tests.

    Parameters
    ----------
    tests
        Folders of :func:`cxrfactory.evaluate.generalise.testing.measure_model`, one for each model.
    output
        Folder for ``images.csv`` (all tested images, with the name of their test), ``generalise.csv`` (by source, group
        and organ), ``scores.csv`` (quality scores against the true Dice), ``generalise.md`` (both tables),
        ``generalise.png``, and the sheets of the worst unseen images, ``worst-{source}.png``.

    Returns
    -------
    The table of ``generalise.csv``.

    Raises
    ------
    CxrError
        If a folder lacks its table, or two models were tested on the same image, both unseen or both seen.
    """
    output = Path(output)
    tables = [_read(Path(folder)) for folder in tests]
    images = pd.concat(tables, ignore_index=True).sort_values(["source", "image_id", "unseen"], kind="stable")
    twice = images.duplicated(["image_id", "unseen"], keep="first")
    if twice.any():
        row = images[twice].iloc[0]
        seen = "unseen" if row["unseen"] else "seen"
        raise CxrError(
            f"image '{row['image_id']}' of source '{row['source']}' was tested twice as {seen}; give one test of each "
            "source without it and one with it"
        )
    table, ranks = summarise(images), rank_scores(images)
    write_csv(images, output / IMAGES)
    write_csv(table, output / "generalise.csv")
    write_csv(ranks, output / "scores.csv")
    write_text(output / "generalise.md", markdown(table, ranks))
    plot_dice(images, output / "generalise.png")
    for folder, own in zip(map(Path, tests), tables, strict=True):
        if own["unseen"].any():
            _copy_sheets(folder, output)
    log.info("%d tests, %d images of %d sources; wrote %s",
             len(tables), images["image_id"].nunique(), images["source"].nunique(), output)  # fmt: skip
    return table


def _read(folder: Path) -> pd.DataFrame:
    path = folder / IMAGES
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected the folder of study generalise-test")
    try:
        frame = pd.read_csv(path, dtype={"image_id": str, "patient_id": str, "source": str}, keep_default_na=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    missing = [name for name in KEYS if name not in frame.columns]
    if missing:
        raise CxrError(f"{path}: columns {missing} are missing; expected the table of study generalise-test")
    frame.insert(0, "test", folder.name)
    return frame


def _copy_sheets(folder: Path, output: Path) -> None:
    for sheet in sorted(folder.glob("worst-*.png")):
        with atomic_path(output / sheet.name) as temporary:
            shutil.copyfile(sheet, temporary)
