"""The signals of mask quality in landmark shards, and the record of the weights that made a shard.

The column ``evidence`` of a landmark shard holds, for each organ and for both lungs together, the agreement of the
network's answers; ``latent_norm`` holds one number for the image. A signal's name is the organ and the agreement, such
as ``lungs_soft_dice``, or ``latent_norm``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.tables.agreements import AGREEMENTS
from cxrfactory.tables.parquet import read_table, stored_schema

EVIDENCE = "evidence"
LATENT_NORM = "latent_norm"
WEIGHTS_KEY = "weights_sha256"  # entry of the shard's metadata

Records = Sequence[Mapping[str, object]]  # cell of the column evidence


def signals_of(records: Records | None, latent_norm: float | None) -> dict[str, float]:
    """Return the signals of one image by name; unknown ones are absent."""
    found = {
        f"{each['organ']}_{name}": float(each[name])  # type: ignore[arg-type]
        for each in (() if records is None else records)
        for name in AGREEMENTS
        if each.get(name) is not None
    }
    return found if latent_norm is None else found | {LATENT_NORM: float(latent_norm)}


def signal_row(known: Mapping[str, float], names: Sequence[str]) -> np.ndarray:
    """Return the named signals in their order, float64; NaN for those that are not known."""
    return np.array([known.get(name, np.nan) for name in names], np.float64)


def read_signals(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Read the signals of landmark shards.

    Returns
    -------
    One row for each image, indexed by ``image_id``; one column for each signal.

    Raises
    ------
    CxrError
        If a shard is unreadable or has no signals, or an image occurs twice.
    """
    frames = []
    for path in paths:
        check_evidence(path)
        read = read_table(path, columns=["image_id", EVIDENCE, LATENT_NORM])
        rows = [
            signals_of(records, None if norm != norm else norm)
            for records, norm in zip(read[EVIDENCE], read[LATENT_NORM], strict=True)
        ]
        frames.append(pd.DataFrame(rows, index=pd.Index(read["image_id"], name="image_id"), dtype=np.float64))
    frame = pd.concat(frames)
    if (twice := frame.index.duplicated()).any():
        raise CxrError(f"{', '.join(map(str, paths))}: image '{frame.index[twice][0]}' occurs twice; expected it once")
    return frame


def check_evidence(path: str | Path) -> None:
    """Refuse a landmark shard without signals.

    Raises
    ------
    CxrError
        If no image has any; an empty shard passes.
    """
    norms = read_table(path, columns=[LATENT_NORM])[LATENT_NORM]
    if len(norms) and norms.isna().all():
        raise CxrError(
            f"{path}: column '{EVIDENCE}' is empty; expected landmarks of a network with a dense head (hybrid-unet): "
            "run the infer stage again with such weights"
        )


def stored_weights(path: str | Path) -> str | None:
    """Return the SHA-256 of the weights that made a landmark shard; None for a shard of an earlier version."""
    text = (stored_schema(path).metadata or {}).get(WEIGHTS_KEY.encode())
    return None if text is None else text.decode()
