"""Class-balanced epochs: images of small classes or sources are repeated, with a new augmentation each time.

CXLSeg (Table II) repeats images with augmentations once, before training, until the classes are of similar size. This
module does it within each epoch. No copy is stored, and a repeated image is augmented differently each time.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table

log = get_logger(__name__)


def balanced(strata: Sequence[str], epoch: int, seed: int, root: bool = False) -> Int[np.ndarray, " m"]:
    """Repeat images so that every stratum is drawn as often as the largest one.

    Every image is drawn at least once. In a stratum of ``n`` images, where the largest has ``m``, each image is drawn
    ``m // n`` times, and ``m % n`` of them, chosen at random by epoch, are drawn once more.

    Parameters
    ----------
    strata
        Source or class of every image.
    epoch, seed
        Numbers that seed the random choice.
    root
        Whether a stratum of ``n`` images is drawn only as often as the square root of ``n`` times ``m``, halfway
        between no balance and a full one.

    Returns
    -------
    Indices of the images, sorted; those of small strata are repeated.
    """
    names = np.asarray(strata)
    members = {name: np.flatnonzero(names == name) for name in np.unique(names)}
    largest = max(map(len, members.values()))
    times = np.zeros(len(names), np.int64)
    for name, indices in members.items():
        rng = np.random.default_rng(seed_of(f"{epoch} {name}", "balance", seed))
        draws = round((largest * len(indices)) ** 0.5) if root else largest
        times[indices] = draws // len(indices)
        times[rng.choice(indices, draws % len(indices), replace=False)] += 1
    return np.repeat(np.arange(len(names)), times)


def read_strata(
    balance: str, classes: str | Path | None, tables: Sequence[Path], image_ids: Sequence[str]
) -> list[str] | None:
    """Read the source or class of each training image; None where nothing is balanced.

    Parameters
    ----------
    balance
        ``none``, ``source``, ``root`` (of sources) or ``class``.
    classes
        CSV with the columns ``image_id`` and ``class``, for ``class``; rows of other images are ignored.
    tables
        Preprocessed labelled tables, schema ``LABELLED_IMAGES``.
    image_ids
        Ids of the training images, in their order.

    Raises
    ------
    CxrError
        If the CSV is unreadable, lacks a column or a training image, or gives an image two classes.
    """
    if balance == "none":
        return None
    found = _sources(tables) if balance in ("source", "root") else _classes(Path(str(classes)))
    missing = [each for each in image_ids if each not in found]
    if missing:
        raise CxrError(
            f"{classes}: {len(missing)} training images have no class, first '{missing[0]}'; expected a row for each"
        )
    strata = [found[each] for each in image_ids]
    counts = Counter(strata)
    shown = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    log.info("balanced by %s: %s; an epoch draws %d in all", balance, shown,
             len(balanced(strata, 0, 0, balance == "root")))  # fmt: skip
    return strata


def _sources(tables: Sequence[Path]) -> dict[str, str]:
    frame = pd.concat([read_table(path, columns=["image_id", "source"]) for path in tables], ignore_index=True)
    return dict(zip(frame["image_id"], frame["source"], strict=True))


def _classes(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a CSV with the columns image_id and class")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    if absent := [name for name in ("image_id", "class") if name not in frame.columns]:
        raise CxrError(f"{path}: columns {absent} are missing; found {list(frame.columns)}")
    frame = frame[["image_id", "class"]].drop_duplicates()
    if (twice := frame["image_id"].duplicated()).any():
        raise CxrError(f"{path}: image '{frame.loc[twice, 'image_id'].iloc[0]}' has two classes; expected one")
    if (blank := frame["class"].str.strip() == "").any():
        raise CxrError(f"{path}: image '{frame.loc[blank, 'image_id'].iloc[0]}' has an empty class")
    return dict(zip(frame["image_id"], frame["class"], strict=True))
