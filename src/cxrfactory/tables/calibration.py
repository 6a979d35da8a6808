"""The origin of RCA scores, and calibration files, each of which is valid only for scores of one origin."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.parquet import stored_schema, write_table
from cxrfactory.tables.schemas import RCA

METADATA_KEY = "rca"
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScoreOrigin(_Record):
    """The settings and inputs that determine an RCA score, besides the image and its mask.

    Attributes
    ----------
    method
        ``classical`` for registration by SimpleITK, ``deep`` for registration by a network.
    references
        Number of reference images that an image is compared with.
    size
        Side of the images during registration, pixels.
    library
        SHA-256 of the content of the reference library.
    network
        SHA-256 of the registration network's weights; None for the classical method.
    interpolation
        Interpolation of the warped labels.
    """

    method: Literal["classical", "deep"]
    references: int = Field(ge=1)
    size: int = Field(ge=1)
    library: _Sha256
    network: _Sha256 | None = None
    interpolation: Literal["nearest", "linear"] = "nearest"


class FittedOn(_Record):
    """The data that a calibration was fitted on; the two groups of images are disjoint."""

    table: _Sha256  # SHA-256 of the table's bytes
    images_fit: int = Field(ge=1)
    images_calibration: int = Field(ge=1)
    masks: int = Field(ge=1)
    kinds: dict[str, int]  # number of masks by kind of degradation; "none" means unchanged predictions


class Calibration(_Record):
    """The content of a calibration file.

    Attributes
    ----------
    format
        Version of the file format.
    origin
        Origin of the scores for which the calibration is valid.
    alpha
        Share of masks that may lie outside their interval.
    features
        Features of the estimate, from ``mean``, ``max`` and ``std``.
    fitted_on
        Masks of known Dice on which the calibration was fitted.
    models
        Models for ``both``, ``lungs`` and ``heart``, as ``metrics.conformal.Conformal.as_dict`` returns them.
    """

    format: Literal[1] = 1
    origin: ScoreOrigin
    alpha: float = Field(gt=0, lt=1)
    features: tuple[Literal["mean", "max", "std"], ...] = Field(min_length=1)
    fitted_on: FittedOn
    models: dict[Literal["both", "lungs", "heart"], dict[str, Any]] = Field(min_length=1)


def write_calibration(calibration: Calibration, path: str | Path) -> None:
    """Write a calibration as a JSON file; equal calibrations give equal bytes."""
    write_text(path, json.dumps(calibration.model_dump(mode="json"), indent=2) + "\n")


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration from a JSON file.

    Raises
    ------
    CxrError
        If the file is missing or has another format.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a calibration from rca-calibrate")
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise CxrError(f"{path}: no calibration of rca-calibrate ({first_fault(error)}); make it again") from error


def write_scores(frame: pd.DataFrame, path: str | Path, origin: ScoreOrigin) -> None:
    """Write a shard of RCA scores (schema ``RCA``) with their origin in the file's metadata."""
    write_table(frame, path, RCA, facts={METADATA_KEY: origin.model_dump_json()})


def stored_origin(path: str | Path) -> ScoreOrigin | None:
    """Return the origin of the scores of a shard; None for a shard of an earlier version, which did not store it.

    Raises
    ------
    CxrError
        If the file is missing or unreadable, or the stored origin has another format.
    """
    text = (stored_schema(path).metadata or {}).get(METADATA_KEY.encode())
    try:
        return None if text is None else ScoreOrigin.model_validate_json(text)
    except ValidationError as error:
        raise CxrError(f"{path}: no record of its RCA ({first_fault(error)}); run the rca stage again") from error


def check_origin(calibration: Calibration, calibrated: str | Path, found: ScoreOrigin | None, where: str) -> None:
    """Refuse scores for which a calibration is not valid.

    Parameters
    ----------
    calibration, calibrated
        The calibration and the name of its file.
    found, where
        Origin of the scores, and the name of their file.

    Raises
    ------
    CxrError
        If the origin of the scores is not stored, or differs from the calibration's in any field.
    """
    if found is None:
        raise CxrError(f"{where}: scores with no record of their reference library; run the rca stage again")
    for name, value in calibration.origin:
        other = getattr(found, name)
        if other != value:
            raise CxrError(
                f"{calibrated}: calibration for {name} {_short(value)}, {where}: scores of {name} {_short(other)}; "
                "calibrate the RCA in use (rca-calibrate)"
            )


def _short(value: object) -> str:
    return f"'{value[:12]}...'" if isinstance(value, str) and len(value) == 64 else f"'{value}'"


def first_fault(error: ValidationError) -> str:
    """Return where a record of a JSON file first differs from its format, and how, as one line."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}"
