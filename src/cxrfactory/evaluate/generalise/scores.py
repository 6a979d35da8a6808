"""Quality scores of the tested masks: the latent spread, and scores that other stages wrote, by image.

The name of a column tells how it is read: ``quality_NAME_ORGAN`` is higher for better masks, ``doubt_NAME_ORGAN`` is
higher for worse ones, and ``estimate_ORGAN``, ``low_ORGAN`` and ``high_ORGAN`` are an estimate of the Dice and the ends
of its interval. ORGAN is ``lungs``, ``heart``, or ``both`` for the mean of the two.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.metrics.conformal import Conformal
from cxrfactory.metrics.uncertainty import organ_spread
from cxrfactory.models.evidence import SIGNALS
from cxrfactory.models.segmenter import SampledLandmarks
from cxrfactory.tables.calibration import check_origin as check_calibration
from cxrfactory.tables.calibration import read_calibration, stored_origin
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rows import Row

ORGANS = ("lungs", "heart", "both")
SCORE = re.compile(rf"(quality|doubt)_\w+_({'|'.join(ORGANS)})|(estimate|low|high)_({'|'.join(ORGANS)})")
# Columns of stage rca -> names of this study.
RCA_NAMES = {
    "dice_rca_mean": "quality_rca_both",
    "dice_rca_max": "quality_rca_max_both",
    "lungs_mean": "quality_rca_lungs",
    "lungs_max": "quality_rca_max_lungs",
    "heart_mean": "quality_rca_heart",
    "heart_max": "quality_rca_max_heart",
    "typicality": "quality_typicality_both",
}
_FEATURES = {"mean": "quality_rca_{organ}", "max": "quality_rca_max_{organ}"}


def own_scores(sampled: SampledLandmarks, graph: LandmarkGraph, size: int) -> Row:
    """Return what a landmark network knows of its own masks.

    ``doubt_spread_*`` is the latent spread by organ, as a share of the image's side. A network with a dense head also
    gives its evidence by organ (``quality_dense_dice_*`` and the other signals of :mod:`cxrfactory.models.evidence`).

    Parameters
    ----------
    sampled
        Landmarks of an image with their spread.
    graph
        Landmark graph of the network.
    size
        Side of the frame of the landmarks, pixels.
    """
    spread = organ_spread(sampled.std, graph, size)
    row: Row = {f"doubt_spread_{organ}": value for organ, value in spread.items()}
    if sampled.evidence is not None:
        for organ, signals in sampled.evidence.organs.items():
            row |= {f"quality_{name}_{organ}": getattr(signals, name) for name in SIGNALS}
    return row


def read_scores(paths: Sequence[str | Path], calibration: str | Path | None = None) -> pd.DataFrame:
    """Read scores of masks by image.

    Parameters
    ----------
    paths
        Tables with a column ``image_id``: Parquet of stage ``rca``, whose columns are renamed, or CSV or Parquet tables
        whose score columns are named as this module's docstring says. Other columns are ignored.
    calibration
        Calibration of ``rca-calibrate`` for RCA scores; it adds the estimate of the Dice and its interval.

    Returns
    -------
    One row for each image that occurs in any table, indexed by ``image_id``; columns in alphabetical order.

    Raises
    ------
    CxrError
        If a table is unreadable, has no ``image_id`` or no score, an image or a column occurs twice, or the
        calibration is not one of these scores.
    """
    frames = [_scores_of(path) for path in paths]
    twice = sorted(name for name, count in pd.Series([c for f in frames for c in f.columns]).value_counts().items()
                   if count > 1)  # fmt: skip
    if twice:
        raise CxrError(f"{', '.join(map(str, paths))}: column '{twice[0]}' is in two tables; give each score once")
    found = pd.concat(frames, axis=1) if frames else pd.DataFrame(index=pd.Index([], name="image_id"))
    if calibration is not None:
        found = found.join(_estimates(found, paths, calibration))
    return found[sorted(found.columns)]


def score_columns(columns: Sequence[str]) -> list[str]:
    """Return the names among some columns that are scores."""
    return [name for name in columns if SCORE.fullmatch(name)]


def _scores_of(path: str | Path) -> pd.DataFrame:
    path = Path(path)
    if path.suffix == ".csv":
        if not path.is_file():
            raise CxrError(f"{path}: no such file; expected a table of scores with a column image_id")
        try:
            frame = pd.read_csv(path, dtype={"image_id": str})
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    else:
        frame = read_table(path)
    if "image_id" not in frame.columns:
        raise CxrError(f"{path}: no column image_id; found {', '.join(map(str, frame.columns))}")
    if (twice := frame["image_id"].duplicated()).any():
        raise CxrError(f"{path}: image_id '{frame.loc[twice, 'image_id'].iloc[0]}' occurs twice; expected it once")
    frame = frame.rename(columns=RCA_NAMES).set_index("image_id")
    names = score_columns(list(frame.columns))
    if not names:
        raise CxrError(
            f"{path}: no column of scores; expected those of stage rca, or names like quality_NAME_lungs, "
            "doubt_NAME_heart"
        )
    try:
        return frame[names].astype(np.float64)
    except (TypeError, ValueError) as error:
        raise CxrError(f"{path}: a score is no number ({' '.join(str(error).split())})") from error


def _estimates(found: pd.DataFrame, paths: Sequence[str | Path], calibration: str | Path) -> pd.DataFrame:
    made = read_calibration(calibration)
    tables = [path for path in paths if Path(path).suffix != ".csv" and stored_origin(path) is not None]
    if not tables:
        raise CxrError(f"{calibration}: a calibration of RCA scores, and no table of stage rca is given (--scores)")
    for path in tables:
        check_calibration(made, calibration, stored_origin(path), str(path))
    return pd.concat([_of_organ(found, organ, model, made.features) for organ, model in made.models.items()], axis=1)


def _of_organ(found: pd.DataFrame, organ: str, model: Mapping[str, object], features: Sequence[str]) -> pd.DataFrame:
    columns = [_FEATURES[name].format(organ=organ) for name in features if name in _FEATURES]
    names = [f"{end}_{organ}" for end in ("estimate", "low", "high")]
    if len(columns) != len(features) or not set(columns) <= set(found.columns):
        return pd.DataFrame(np.nan, found.index, names)
    known = found[columns].dropna()
    values = Conformal.from_dict(model).interval(known.to_numpy(np.float64)) if len(known) else np.empty((0, 3))
    return pd.DataFrame(values, known.index, names).reindex(found.index)
