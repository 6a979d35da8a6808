"""Pairs of a reference grade and a system's grade for the same case."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.agreement.graded import Graded
from cxrfactory.evaluate.agreement.reading import keys_of, patient_codes, read_columns


@dataclass(frozen=True)
class Links:
    """The reference's key and the patient of every measured key.

    Attributes
    ----------
    rows
        Columns ``reference_key`` and ``patient`` by measured key, and ``of_reference``: patient by reference key.
    name
        Names of the files, for messages.
    """

    rows: pd.DataFrame
    of_reference: pd.Series
    name: str


def read_links(paths: Sequence[str | Path], measured: Sequence[str], reference: Sequence[str], patient: str) -> Links:
    """Read the tables that link images with reports, such as manifests; rows without a report are skipped.

    Raises
    ------
    CxrError
        If a column is missing, or a measured key occurs with two reports.
    """
    frames = []
    for path in paths:
        frame = read_columns(path, list(dict.fromkeys([*measured, *reference])), [patient])
        frame = frame[(frame[list(reference)] != "").all(axis=1)]
        keys = {"key": keys_of(path, frame, measured), "reference_key": keys_of(path, frame, reference)}
        frames.append(pd.DataFrame(keys | {"patient": frame.get(patient, "")}))
    name = ", ".join(map(str, paths))
    rows = pd.concat(frames, ignore_index=True).drop_duplicates()
    if (twice := rows["key"].duplicated()).any():
        raise CxrError(f"{name}: key '{rows.loc[twice, 'key'].iloc[0]}' occurs with two reports; expected one of each")
    people = rows[["reference_key", "patient"]].drop_duplicates("reference_key").set_index("reference_key")["patient"]
    return Links(rows.set_index("key"), people, name)


@dataclass
class Pairs:
    """Cases of one finding that a system and the reference have graded.

    Attributes
    ----------
    system
        Name of the system.
    measurement, finding
        Items that are compared.
    rows
        Columns ``case`` (the system's key), ``reference_key``, ``patient`` (text), ``reference`` and ``answer``
        (grades from 0, or ``PRESENT``), ``value`` (float64, NaN for none); sorted by case.
    by_image
        Whether a case is an image, whose report a link names, and not a report itself.
    left_out
        Number of the system's rows that are no pairs, by reason, and of the reference's rows that have no grade.
    """

    system: str
    measurement: str
    finding: str
    rows: pd.DataFrame
    by_image: bool
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def graded(self) -> pd.DataFrame:
        """Pairs in which both sides state a grade."""
        return self.rows[(self.rows["reference"] >= 0) & (self.rows["answer"] >= 0)]

    @property
    def patients(self) -> np.ndarray:
        """Index of every case's patient, from 0 without gaps."""
        return patient_codes(self.rows["patient"], self.rows["reference_key"])


def pair(
    system: str, graded: Graded, reference: Graded, items: tuple[str, str], links: Links | None, by_image: bool
) -> Pairs:
    """Join the grades of a system with those of the reference.

    Parameters
    ----------
    system
        Name of the system.
    graded, reference
        Tables of grades.
    items
        Measurement and finding: the items of the two tables.
    links
        Reports of the images; None if both tables have the same keys.
    by_image
        Whether the system's keys are those of images, which the links turn into those of reports.
    """
    measurement, finding = items
    own = graded.rows[graded.rows["item"] == measurement].rename(columns={"key": "case", "grade": "answer"})
    truth = reference.rows[reference.rows["item"] == finding].set_index("key")
    left_out = Counter({reason: n for (item, reason), n in graded.left_out.items() if item == measurement})
    keys, people = own["case"], own["patient"]
    if links is not None and by_image:
        keys = own["case"].map(links.rows["reference_key"])
        people = _filled(people, own["case"].map(links.rows["patient"]))
        left_out["no report"] += int(keys.isna().sum())
    elif links is not None:
        people = _filled(people, keys.map(links.of_reference))
    left_out.update({f"reference: {reason}": n for (item, reason), n in reference.left_out.items() if item == finding})
    known = keys.isin(truth.index)
    left_out["no reference grade"] += int((~known & keys.notna()).sum())
    own, keys, people = own[known], keys[known], people[known]
    rows = pd.DataFrame(
        {
            "case": own["case"],
            "reference_key": keys,
            "patient": _filled(people, keys.map(truth["patient"])),
            "reference": keys.map(truth["grade"]).astype(int),
            "answer": own["answer"],
            "value": own["value"],
        }
    )
    left_out = Counter({reason: n for reason, n in left_out.items() if n})
    rows = rows.sort_values("case").reset_index(drop=True)
    return Pairs(system, measurement, finding, rows, links is not None and by_image, left_out)


def shared(systems: Sequence[Pairs]) -> list[Pairs]:
    """Return the pairs of every system on the cases of the first system that all systems have graded.

    A system that graded reports and not images gives the answer for a report to each of its images.
    """
    first = systems[0]
    keep = np.ones(len(first.rows), bool)
    places = []
    for other in systems[1:]:
        column = "reference_key" if first.by_image and not other.by_image else "case"
        place = first.rows[column].map(pd.Series(np.arange(len(other.rows)), index=other.rows["case"]))
        keep &= place.notna().to_numpy()
        places.append(place)
    own = first.rows[keep].reset_index(drop=True)
    kept = [own]
    for other, place in zip(systems[1:], places, strict=True):
        rows = other.rows.iloc[place[keep].astype(int).to_numpy()].reset_index(drop=True)
        kept.append(own.assign(answer=rows["answer"], value=rows["value"]))
    return [
        replace(system, rows=rows, by_image=first.by_image, left_out=Counter())
        for system, rows in zip(systems, kept, strict=True)
    ]


def _filled(first: pd.Series, second: pd.Series) -> pd.Series:
    return first.where(first != "", second.fillna(""))
