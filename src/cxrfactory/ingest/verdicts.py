"""Exclude the images and the CT studies that a person judged bad, by a table of verdicts."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.ingest.registry import layout as facts_of
from cxrfactory.ingest.rows import printable
from cxrfactory.ingest.tabular import read_columns
from cxrfactory.logs import get_logger
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.tables.joins import partners

BAD = "bad"
REASON = f"excluded by verdict ({BAD})"
COLUMNS = ("dataset", "image_id", "verdict")

log = get_logger(__name__)


def exclude_by_verdict(
    rows: pd.DataFrame, file: str | Path | None, name: str, layout: str, quote: bool = True
) -> pd.DataFrame:
    """Give the reason :data:`REASON` to the images of a dataset whose last verdict is ``bad``.

    Notes of the table are not read, because a reason of exclusion is published with the product, and a note is a
    person's free text. A row that has a reason already keeps it.

    Parameters
    ----------
    rows
        Rows with the columns ``image_id`` and ``exclusion_reason``; with pseudonyms, the ids are pseudonyms, as in the
        product.
    file
        CSV table with the columns ``dataset``, ``image_id`` and ``verdict``; None excludes nothing.
    name
        Name of the dataset in the config.
    layout
        Layout of the dataset; its published name in the column ``dataset`` denotes the dataset too.
    quote
        Whether messages may quote ids of the table.

    Raises
    ------
    CxrError
        If the table is missing, cannot be read, or holds an id that the dataset does not have.
    """
    if file is None:
        return rows
    bad = _bad_images(Path(file), {name, facts_of(layout).published_name or name})
    judged = rows["image_id"].isin(list(bad))
    rest = pd.Series(sorted(set(bad) - set(rows["image_id"])), dtype=object)
    places, _ = partners(rest, rows["image_id"].astype(object).reset_index(drop=True), "images", name)
    unknown = list(rest[places < 0])
    if unknown:
        shown = f"image '{printable(unknown[0], 200)}'" if quote else "an image (not quoted: pseudonymise)"
        raise CxrError(
            f"{file}: row {bad[unknown[0]]}: {shown} is not in {name} ({len(unknown)} of {len(bad)} ids are unknown"
            f"{_other_kind(unknown[0], rows)}); expected the ids of the product's images"
        )
    judged.iloc[places] = True  # ids that a spreadsheet wrote in another way
    judged &= rows["exclusion_reason"].isna()
    log.info("%s: %d of %d images judged %s are excluded by %s; %d were excluded already", name, int(judged.sum()),
             len(bad), BAD, file, len(bad) - int(judged.sum()))  # fmt: skip
    reasons = rows["exclusion_reason"].astype(object)
    return rows.assign(exclusion_reason=reasons.where(~judged, REASON))


def _other_kind(unknown: str, rows: pd.DataFrame) -> str:
    """Return what an unknown id is, if it is the id of a patient or of a study of the rows."""
    for column, kind in (("study_id", "study"), ("patient_id", "patient")):
        if column in rows:
            known = rows[column].dropna().drop_duplicates().astype(object).reset_index(drop=True)
            place = partners(pd.Series([unknown], dtype=object), known, kind, "rows")[0][0]
            if place >= 0:
                count = int((rows[column] == known[place]).sum())
                return f"; it is a {kind}, of {count} images"
    return ""


def studies_judged_bad(file: str | Path | None, name: str, studies: Collection[str]) -> set[str]:
    """Return the studies of a CT release of which a person judged one of the views bad.

    Parameters
    ----------
    file
        CSV table with the columns ``dataset``, ``image_id`` and ``verdict``; None judges nothing. An image id is that
        of the product, ``<study>/<view>``, or the study's id alone, which stands for all its views.
    name
        Name of the release in the config.
    studies
        Ids of the release's studies.

    Raises
    ------
    CxrError
        If the table is missing, cannot be read, or holds an id that the release does not have.
    """
    if file is None:
        return set()
    bad = _bad_images(Path(file), {name})
    known = {study: study for study in studies} | {f"{study}/{view}": study for study in studies for view in VIEWS}
    unknown = sorted(set(bad) - set(known))
    if unknown:
        raise CxrError(
            f"{file}: row {bad[unknown[0]]}: '{printable(unknown[0], 200)}' is not in {name} ({len(unknown)} of "
            f"{len(bad)} ids are unknown); expected ids of the product: STUDY/{' or STUDY/'.join(VIEWS)}, or STUDY"
        )
    found = {known[each] for each in bad}
    log.info("%s: %d studies judged %s are excluded by %s", name, len(found), BAD, file)
    return found


def _bad_images(path: Path, names: Collection[str]) -> dict[str, int]:
    """Return the ids whose last verdict is bad, each with the number of its row."""
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a CSV table with the columns {', '.join(COLUMNS)}")
    table = read_columns(path, COLUMNS)
    mine = table[table["dataset"].str.strip().isin(list(names))]
    last = mine.drop_duplicates("image_id", keep="last")
    bad = last[last["verdict"].str.strip().str.lower() == BAD]
    return {image_id: int(row) + 1 for row, image_id in zip(bad.index, bad["image_id"], strict=True)}
