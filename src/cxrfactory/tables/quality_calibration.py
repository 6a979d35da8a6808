"""Quality calibrations: files with an estimate of each organ's Dice, each valid only for masks of one network."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.calibration import first_fault
from cxrfactory.tables.weights import PRETRAINED_NAMES, weights_file

AUTO = "auto"  # names the calibration that comes with the package for the weights in use, if there is one
KIND = "quality"
ORGANS = ("right_lung", "left_lung", "lungs", "heart")
Organ = Literal["right_lung", "left_lung", "lungs", "heart"]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnFilms(_Record):
    """The user's films that sharpened one organ's estimate.

    Attributes
    ----------
    films
        Number of films.
    shift
        Amount added to the estimated log error.
    seen_shift
        Amount that the films alone would give.
    """

    films: int = Field(ge=1)
    shift: float
    seen_shift: float


class QualityCalibration(_Record):
    """The content of a quality calibration.

    Attributes
    ----------
    weights
        SHA-256 of the weights for whose masks the estimates are valid.
    alpha
        Share of masks of a left-out source that may lie outside their interval.
    models
        Estimates by organ, as ``metrics.estimate.model.OrganModel.as_dict`` returns them.
    table
        SHA-256 of the tables that the estimates were fitted on.
    sources
        Number of images by organ and source.
    own
        The user's own films by organ; empty without them.
    """

    kind: Literal["quality"] = KIND
    format: Literal[1] = 1
    weights: _Sha256
    alpha: float = Field(gt=0, lt=1)
    models: dict[Organ, dict[str, Any]] = Field(min_length=1)
    table: _Sha256
    sources: dict[Organ, dict[str, int]]
    own: dict[Organ, OwnFilms] = {}


def quality_file(name: str | Path) -> Path:
    """Return the file of a quality calibration that is given by path or by the name of the package's weights.

    Raises
    ------
    CxrError
        If it is a name, and the package has no calibration for these weights.
    """
    if str(name) not in PRETRAINED_NAMES:
        return Path(name)
    weights = weights_file(name)
    path = weights.with_name(f"quality-{weights.stem}.json")
    if not path.is_file():
        raise CxrError(f"the package has no quality calibration for the weights '{name}'; give a file, or none")
    return path


def packaged_calibration(sha256: str) -> Path | None:
    """Return the file of the package's quality calibration for weights of a SHA-256; None if it has none."""
    for name in PRETRAINED_NAMES:
        weights = weights_file(name)
        path = weights.with_name(f"quality-{weights.stem}.json")
        if path.is_file() and read_quality_calibration(path).weights == sha256:
            return path
    return None


def is_quality_calibration(path: str | Path) -> bool:
    """Return whether a file is a quality calibration and not, for example, a calibration of RCA scores."""
    try:
        found = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("kind") == KIND


def write_quality_calibration(calibration: QualityCalibration, path: str | Path) -> None:
    """Write a quality calibration as a JSON file; equal calibrations give equal bytes."""
    write_text(path, json.dumps(calibration.model_dump(mode="json"), indent=2) + "\n")


def read_quality_calibration(path: str | Path) -> QualityCalibration:
    """Read a quality calibration by path or by the name of the package's weights (:func:`quality_file`).

    Raises
    ------
    CxrError
        If the file is missing or has another format.
    """
    path = quality_file(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a quality calibration (calibrate-quality)")
    try:
        return QualityCalibration.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise CxrError(f"{path}: no quality calibration ({first_fault(error)}); make it again") from error


def check_weights(calibration: QualityCalibration, calibrated: str | Path, found: str | None, where: str) -> None:
    """Refuse masks of a network for which a calibration is not valid.

    Parameters
    ----------
    calibration, calibrated
        The calibration and the name of its file.
    found, where
        SHA-256 of the weights that made the masks, and the name of the masks' file.

    Raises
    ------
    CxrError
        If the weights are not recorded or are others.
    """
    if found is None:
        raise CxrError(f"{where}: landmarks with no record of their weights; run the infer stage again")
    if found != calibration.weights:
        raise CxrError(
            f"{calibrated}: quality calibration for weights '{calibration.weights[:12]}...', {where}: masks of weights "
            f"'{found[:12]}...'; make one for these weights (calibrate-quality)"
        )
