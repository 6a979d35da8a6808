"""Parts of labelled tables: the lungs alone, and patients in the order of a hash."""

from collections.abc import Sequence

import pandas as pd

from cxrfactory.tables.keys import seed_of

WITH_LUNGS = ("L", "LH", "LHC")  # label codes of images whose lungs end at the heart
WITH_HEART = ("LH", "LHC")
LUNG_POINTS = 94  # landmarks of both lungs, which come first in every code of the two tuples above


def lungs_only(table: pd.DataFrame) -> pd.DataFrame:
    """Return the images with lungs, without what else is annotated: landmarks of the lungs alone, no drawn masks."""
    held = table[table["labels"].isin(WITH_LUNGS)]
    points = [list(each[: 2 * LUNG_POINTS]) for each in held["landmarks"]]
    return held.assign(labels="L", landmarks=pd.Series(points, index=held.index), regions=None)


def by_hash(patients: Sequence[str], purpose: str, seed: int) -> list[str]:
    """Return patients in the order of a hash of their ids, each once."""
    return sorted(set(patients), key=lambda patient: (seed_of(patient, purpose, seed), patient))
