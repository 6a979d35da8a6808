"""Tier 1 of the technical validation: tables and a plot that compare a product with its gold standard."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.config.studies import BootstrapConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.gold.landmarks import landmark_errors, plot_landmark_errors
from cxrfactory.evaluate.gold.sample import RANDOM_CHOICE
from cxrfactory.evaluate.gold.tables import (
    IMAGE_COLUMNS,
    PREDICTED,
    Annotated,
    compare,
    pairs,
    read_annotations,
    read_predicted,
    summarise,
)
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.atomic import write_text

log = get_logger(__name__)


def evaluate_gold(
    predicted: Sequence[str | Path],
    annotations: Sequence[str | Path],
    output: str | Path,
    settings: BootstrapConfig,
    samples: Sequence[str | Path] = (),
) -> pd.DataFrame:
    """Compare published landmarks and masks with corrected ones, and readers with each other.

    Parameters
    ----------
    predicted
        ``Preprocessed/{release}.csv`` of the product, or of CheXmask.
    annotations
        ``{release}[_{reader}]_annotations.csv``.
    output
        Folder for ``images.csv``, ``summary.csv``, ``landmarks.csv`` and ``landmarks.png``. If samples are given,
        ``summary_random.csv`` is written too; it covers only the randomly drawn images, which represent the release.
    samples
        ``{release}.sample.csv`` tables written by gold-export.
    settings
        Settings of the bootstrap intervals.

    Returns
    -------
    The table ``summary.csv``.

    Raises
    ------
    CxrError
        If a table is unreadable, its name is not as expected, it belongs to no predicted release, or a sample lacks an
        image.
    """
    output, paths = Path(output), [Path(path) for path in predicted]
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        raise CxrError(f"predicted tables {sorted(names)}: a release is named twice; give each once")
    chosen_by = _chosen_by(samples)
    readers = read_annotations(annotations, names)
    compared: list[tuple[Annotated, Annotated]] = []
    sizes: dict[str, pd.Series] = {}
    for path in paths:
        mine = [each for each in readers if each.release == path.stem]
        if not mine:
            raise CxrError(f"{path}: no annotations of release '{path.stem}' given")
        table = read_predicted(path, set().union(*(each.rows.index for each in mine)))
        sizes[path.stem] = table.rows["Height"]
        compared += pairs(table, mine)
        log.info("%s: %d images annotated by %s", path.stem, len(table.rows), ", ".join(each.reader for each in mine))
    rows = [row for found, truth in progress(compared, "gold-evaluate")
            for row in compare(found, truth, sizes[truth.release])]  # fmt: skip
    images = pd.DataFrame(rows, columns=IMAGE_COLUMNS)
    if images.empty:
        raise CxrError(f"{', '.join(names)}: no image is annotated; nothing to compare")
    summary = summarise(images, settings)
    errors = landmark_errors(compared, sizes)
    _write(images, output / "images.csv")
    _write(summary, output / "summary.csv")
    _write(errors, output / "landmarks.csv")
    plot_landmark_errors(errors, output / "landmarks.png")
    if chosen_by is not None:
        random = images[_choices(images, chosen_by) == RANDOM_CHOICE]
        _write(summarise(random, settings), output / "summary_random.csv")
        log.info("%d of %d images were drawn at random", random[["release", "image_id"]].drop_duplicates().shape[0],
                 images[["release", "image_id"]].drop_duplicates().shape[0])  # fmt: skip
    for row in summary[(summary["found"] == PREDICTED) & (summary["measure"] == "dice")].itertuples():
        log.info("%s, %s, against %s: Dice %.3f [%.3f, %.3f] over %d images", row.release, row.organ, row.truth,
                 row.mean, row.ci_low, row.ci_high, row.images)  # fmt: skip
    log.info("wrote %s", output)
    return summary


def _chosen_by(samples: Sequence[str | Path]) -> pd.Series | None:
    if not samples:
        return None
    frames = []
    for path in map(Path, samples):
        try:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
        missing = [name for name in ("release", "image_id", "chosen_by") if name not in frame]
        if missing:
            raise CxrError(f"{path}: columns {missing} are missing; expected the sample table of gold-export")
        frames.append(frame)
    table = pd.concat(frames).set_index(["release", "image_id"])["chosen_by"]
    if (twice := table.index.duplicated()).any():
        raise CxrError(f"samples: image '{table.index[twice][0][1]}' occurs twice; give each release's sample once")
    return table


def _choices(images: pd.DataFrame, chosen_by: pd.Series) -> pd.Series:
    keys = pd.MultiIndex.from_frame(images[["release", "image_id"]])
    unknown = keys.difference(chosen_by.index)
    if len(unknown):
        raise CxrError(f"samples: image '{unknown[0][1]}' of '{unknown[0][0]}' is not in them; give every release's")
    return pd.Series(chosen_by.reindex(keys).to_numpy(), index=images.index)


def _write(frame: pd.DataFrame, path: Path) -> None:
    write_text(path, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
