"""Groups of a release's images by the properties in its manifest: view, sex, age band and finding."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import MANIFEST

log = get_logger(__name__)

AGE_EDGES_YEARS = (0, 18, 40, 60, 80)  # a band includes its lower edge; the last band has no upper edge
NO_FLAG = "(none named)"


@dataclass(frozen=True)
class Attribute:
    """One property of the images, and the groups that its values form.

    Attributes
    ----------
    name
        ``view``, ``sex``, ``age`` or ``finding``.
    groups
        Names of the groups, in order.
    members
        Mask of the rows in each group. Only findings overlap.
    known
        Rows for which the property is known. A group is compared with the other known rows.
    """

    name: str
    groups: list[str]
    members: Bool[np.ndarray, "groups images"]
    known: Bool[np.ndarray, " images"]

    @property
    def mirrored(self) -> bool:
        """Whether there are exactly two groups that are each other's rest: two rows, but one comparison."""
        return len(self.groups) == 2 and bool((self.members.sum(axis=0)[self.known] == 1).all())


def read_people(manifests: Sequence[str | Path]) -> pd.DataFrame:
    """Read the included images of manifests together with the properties of their patients.

    Returns
    -------
    Table with ``image_id``, ``patient`` (text, never empty: an image without a patient counts as its own patient),
    ``view``, ``sex``, ``age`` in years and ``findings``, sorted by ``image_id``.

    Raises
    ------
    CxrError
        If a manifest is unreadable or an image occurs twice.
    """
    frames = []
    for path in manifests:
        frame = read_table(path, MANIFEST)
        frame = frame[frame["included"]]
        alone = frame["patient_id"].isna()
        if alone.any():
            log.info("%s: %d of %d images name no patient; each counts as one", path, alone.sum(), len(frame))
        # Prefixes keep equal ids apart: those of two releases, and those of an image and a patient.
        named = f"{Path(path).stem}/patient/" + frame["patient_id"].astype("string")
        single = f"{Path(path).stem}/image/" + frame["image_id"].astype("string")
        frames.append(frame.assign(patient=named.where(~alone, single)))
    table = pd.concat(frames, ignore_index=True)
    if (twice := table["image_id"].duplicated()).any():
        raise CxrError(f"manifests: image '{table.loc[twice, 'image_id'].iloc[0]}' occurs twice; expected it once")
    columns = ["image_id", "patient", "view", "sex", "age", "findings"]
    return table.sort_values("image_id")[columns].reset_index(drop=True)


def attributes(people: pd.DataFrame) -> list[Attribute]:
    """Group rows of :func:`read_people` by view, sex, age band and finding; omit properties without any value."""
    found = [
        _partition("view", people["view"]),
        _partition("sex", people["sex"]),
        _partition("age", _bands(people["age"]), [_band_name(number) for number in range(len(AGE_EDGES_YEARS))]),
        _findings(people["findings"]),
    ]
    return [attribute for attribute in found if attribute.groups]


def _partition(name: str, cells: pd.Series, order: list[str] | None = None) -> Attribute:
    known = cells.notna().to_numpy(bool)
    there = set(cells[known])
    groups = [group for group in order if group in there] if order else sorted(there)
    members = np.array([(cells == group).to_numpy(bool, na_value=False) for group in groups], bool)
    return Attribute(name, groups, members.reshape(len(groups), len(cells)), known)


def _bands(years: pd.Series) -> pd.Series:
    numbers = np.searchsorted(AGE_EDGES_YEARS, years.to_numpy(np.float64), side="right") - 1
    names = np.array([_band_name(number) for number in range(len(AGE_EDGES_YEARS))], object)
    bands = pd.Series(names[np.clip(numbers, 0, None)], index=years.index)
    return bands.where(years.notna() & (years >= 0), None)


def _band_name(number: int) -> str:
    low = AGE_EDGES_YEARS[number]
    last = number + 1 == len(AGE_EDGES_YEARS)
    return f"{low} and over" if last else f"{low} to {AGE_EDGES_YEARS[number + 1] - 1}"


def _findings(cells: pd.Series) -> Attribute:
    known = cells.notna().to_numpy(bool)
    # A release has at most a few thousand distinct texts, so each distinct text is split once.
    codes, texts = pd.factorize(cells)
    split = [{part.strip() for part in text.split("|")} - {""} or {NO_FLAG} for text in texts]
    groups = sorted(set().union(*split)) if split else []
    if groups == [NO_FLAG]:
        groups = []
    members = np.zeros((len(groups), len(cells)), bool)
    for number, group in enumerate(groups):
        has = np.array([group in parts for parts in split], bool)
        members[number, known] = has[codes[known]]
    return Attribute("finding", groups, members, known)
