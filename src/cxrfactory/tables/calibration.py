"""Which RCA a score comes from, and the calibration file that holds for scores of that RCA alone."""

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
    """What an RCA score depends on beside the image and its mask.

    Attributes
    ----------
    method
        ``classical``: registration by SimpleITK; ``deep``: by a network.
    references
        How many references an image is compared with.
    size
        Side at which pairs are registered, pixels.
    library
        SHA-256 of the content of the reference library.
    network
        SHA-256 of the registration network's weights; None for the classical method.
    interpolation
        Of the labels that are warped.
    """

    method: Literal["classical", "deep"]
    references: int = Field(ge=1)
    size: int = Field(ge=1)
    library: _Sha256
    network: _Sha256 | None = None
    interpolation: Literal["nearest", "linear"] = "nearest"


class FittedOn(_Record):
    """What a calibration was fitted on; the two groups of images are apart."""

    table: _Sha256  # of the bytes of the table
    images_fit: int = Field(ge=1)
    images_calibration: int = Field(ge=1)
    masks: int = Field(ge=1)
    kinds: dict[str, int]  # masks by kind of spoiling; none: predictions as they are


class Calibration(_Record):
    """A calibration file.

    Attributes
    ----------
    format
        Version of the file.
    origin
        Whose scores it is for.
    alpha
        Share of masks allowed outside their interval.
    features
        What the estimate is made from, of ``mean``, ``max`` and ``std``.
    fitted_on
        Masks of known Dice.
    models
        By ``both``, ``lungs`` and ``heart``: what ``metrics.conformal.Conformal.as_dict`` gives.
    """

    format: Literal[1] = 1
    origin: ScoreOrigin
    alpha: float = Field(gt=0, lt=1)
    features: tuple[Literal["mean", "max", "std"], ...] = Field(min_length=1)
    fitted_on: FittedOn
    models: dict[Literal["both", "lungs", "heart"], dict[str, Any]] = Field(min_length=1)


def write_calibration(calibration: Calibration, path: str | Path) -> None:
    """Write the JSON file; equal calibrations give equal bytes."""
    write_text(path, json.dumps(calibration.model_dump(mode="json"), indent=2) + "\n")


def read_calibration(path: str | Path) -> Calibration:
    """Read the JSON file.

    Raises
    ------
    CxrError
        If it is missing or not of this format.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a calibration from rca-calibrate")
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise CxrError(f"{path}: no calibration of rca-calibrate ({_first(error)}); make it again") from error


def write_scores(frame: pd.DataFrame, path: str | Path, origin: ScoreOrigin) -> None:
    """Write a shard of RCA scores, schema ``RCA``, with where they come from in the file's metadata."""
    write_table(frame, path, RCA, facts={METADATA_KEY: origin.model_dump_json()})


def stored_origin(path: str | Path) -> ScoreOrigin | None:
    """Where the scores of a shard come from; None for a shard written before that was kept.

    Raises
    ------
    CxrError
        If the file is missing or not readable, or its record is not of this format.
    """
    text = (stored_schema(path).metadata or {}).get(METADATA_KEY.encode())
    try:
        return None if text is None else ScoreOrigin.model_validate_json(text)
    except ValidationError as error:
        raise CxrError(f"{path}: no record of its RCA ({_first(error)}); run the rca stage again") from error


def check_origin(calibration: Calibration, calibrated: str | Path, found: ScoreOrigin | None, where: str) -> None:
    """Refuse scores that a calibration was not made for.

    Parameters
    ----------
    calibration, calibrated
        The calibration and its file's name.
    found, where
        Origin of the scores, and where they stand.

    Raises
    ------
    CxrError
        If the scores have no record of their origin, or it differs in any point.
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


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}"
