"""Read masks of known Dice with the signals of the network that drew them, by organ and source."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.metrics.estimate.fit import LEAST_IMAGES, SourceMasks
from cxrfactory.tables.quality_calibration import ORGANS
from cxrfactory.tables.signals import LATENT_NORM, read_signals

log = get_logger(__name__)

KEYS = ("image_id", "patient_id", "source")
LUNGS_TOGETHER = "lungs"


@dataclass(frozen=True)
class KnownMasks:
    """Rows of known Dice with their signals, and the SHA-256 of the files that they come from."""

    rows: pd.DataFrame
    sha256: str


def read_known(tables: Sequence[str | Path], landmarks: Sequence[str | Path] = ()) -> KnownMasks:
    """Read masks of known Dice.

    Parameters
    ----------
    tables
        CSV tables with ``image_id``, ``patient_id``, ``source``, ``dice_ORGAN`` and signals such as
        ``lungs_soft_dice``, or ``quality_soft_dice_lungs`` as in ``images.csv`` of the study of generalisation. Where
        there is a column ``unseen``, only rows of images that the model never saw are taken.
    landmarks
        Landmark shards of the same images and models; they add signals.

    Raises
    ------
    CxrError
        If a file is unreadable, a key column is missing, an image occurs twice, or no row is left.
    """
    rows = pd.concat([_read(Path(path)) for path in tables], ignore_index=True)
    where = ", ".join(map(str, tables))
    if "unseen" in rows.columns:
        rows = rows[rows["unseen"].astype(str).str.lower().isin(["true", "1"])]
    if (twice := rows["image_id"].duplicated()).any():
        raise CxrError(f"{where}: image '{rows.loc[twice, 'image_id'].iloc[0]}' occurs twice; expected it once")
    if rows.empty:
        raise CxrError(f"{where}: no image that the model never saw (column unseen); give tests of other sources")
    if landmarks:
        found = read_signals(landmarks)
        rows = rows.drop(columns=[name for name in found.columns if name in rows]).join(found, on="image_id")
    digest = hashlib.sha256()
    for path in (*tables, *landmarks):
        digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return KnownMasks(rows.reset_index(drop=True), digest.hexdigest())


def signal_names(organ: str, signals: Sequence[str]) -> list[str]:
    """Return the signals that the estimate of an organ reads; the heart's also reads those of both lungs."""
    owners = (organ, LUNGS_TOGETHER) if organ == "heart" else (organ,)
    own = [f"{owner}_{name}" for owner in owners for name in signals if name != LATENT_NORM]
    return own + [LATENT_NORM for name in signals if name == LATENT_NORM]


def organ_masks(known: KnownMasks, organ: str, signals: Sequence[str]) -> dict[str, SourceMasks]:
    """Return the masks of an organ by source; empty if the table lacks the organ or its signals.

    Rows without the organ's Dice or a signal are left out, and so are sources with fewer than
    :data:`~cxrfactory.metrics.estimate.fit.LEAST_IMAGES` rows.
    """
    names = signal_names(organ, signals)
    truth = f"dice_{organ}"
    if not {truth, *names} <= set(known.rows.columns):
        return {}
    rows = known.rows[[*KEYS, truth, *names]].dropna()
    found = {}
    for source, part in rows.groupby("source", sort=True):
        if len(part) < LEAST_IMAGES:
            log.warning("%s: source '%s' has %d images; %d are needed, so it is left out", organ, source, len(part),
                        LEAST_IMAGES)  # fmt: skip
            continue
        ordered = part.sort_values("image_id", kind="stable")
        found[str(source)] = SourceMasks(
            ordered[names].to_numpy(np.float64),
            ordered[truth].to_numpy(np.float64),
            pd.factorize(ordered["patient_id"], sort=True)[0],
        )
    return found


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a table of masks of known Dice, such as images.csv of the "
                       "study of generalisation")  # fmt: skip
    try:
        frame = pd.read_csv(path, dtype={name: str for name in KEYS})
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    missing = [name for name in KEYS if name not in frame.columns]
    if missing:
        raise CxrError(f"{path}: columns {missing} are missing; expected {', '.join(KEYS)}, dice_ORGAN and signals")
    frame = frame.rename(columns={name: new for name in frame.columns if (new := _own_name(name)) not in frame.columns})
    numbers = [name for name in frame.columns if name.startswith("dice_") or name.endswith("_dice")]
    try:
        return frame.astype(dict.fromkeys(numbers, np.float64))
    except ValueError as error:
        raise CxrError(f"{path}: a Dice or a signal is no number ({' '.join(str(error).split())})") from error


def _own_name(name: str) -> str:
    """Return the name of a signal that a study names ``quality_SIGNAL_ORGAN`` or ``doubt_latent_norm_ORGAN``."""
    if name.startswith(f"doubt_{LATENT_NORM}_"):
        return LATENT_NORM
    organ = next((each for each in ORGANS if name.endswith(f"_{each}")), None)
    if name.startswith("quality_") and organ is not None:
        return f"{organ}_{name[len('quality_') : -len(organ) - 1]}"
    return name
