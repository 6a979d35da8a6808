"""Convert cells of tables to what is known of people: sex and age."""

import pandas as pd

OLDEST_YEARS = 120.0
_DAYS_A_YEAR = 365.25
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M", "o": "O", "other": "O"}


def sexes(cells: pd.Series) -> pd.Series:
    """Normalise text cells to F, M or O; all other values become null (unknown)."""
    found = cells.str.strip().str.lower().map(_SEXES).astype(object)
    return found.where(found.notna(), None)


def ages(cells: pd.Series) -> pd.Series:
    """Convert numbers or DICOM age strings (``058Y``, ``011M``, ``003W``, ``010D``) to ages in years (float).

    The result is null if the text is not an age or if the age is above 120 years.
    """
    parts = cells.str.strip().str.upper().str.extract(r"^([0-9]{1,6}(?:\.[0-9]{1,6})?)([YMWD]?)$")
    per_year = parts[1].map({"": 1.0, "Y": 1.0, "M": 12.0, "W": _DAYS_A_YEAR / 7, "D": _DAYS_A_YEAR})
    return plausible_ages(pd.to_numeric(parts[0]).astype(float) / per_year.astype(float))


def plausible_ages(years: pd.Series) -> pd.Series:
    """Return the ages with values outside [0, 120] years replaced by null."""
    return years.where((years >= 0) & (years <= OLDEST_YEARS)).astype(float)
