"""List a folder of one's own as manifest rows: one for each image file, and one for each row of its table."""

import logging
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cxrfactory.config import DatasetConfig
from cxrfactory.config.datasets import ALL_FRONTAL, FOLDER_LEVEL, FROM_HEADER, IMAGE_ID
from cxrfactory.errors import CxrError
from cxrfactory.imaging.vocabulary.words import Vocabulary
from cxrfactory.ingest.datasets import table_of
from cxrfactory.ingest.folder.file_index import MISSING
from cxrfactory.ingest.folder.files import NOT_UTF8, TWIN, Files, has_plain_name, list_files
from cxrfactory.ingest.folder.headers import NOT_DICOM, UNREADABLE, read_headers
from cxrfactory.ingest.folder.join import Found, find_files
from cxrfactory.ingest.folder.private import pseudonymised
from cxrfactory.ingest.folder.table import COLUMNS, read_table
from cxrfactory.ingest.folder.views import views_of
from cxrfactory.ingest.rows import is_missing, known, printable, quoted_words
from cxrfactory.logs import get_logger
from cxrfactory.tables.people import ages, sexes

UNLISTED = "the table does not list this file"
# German, French, Spanish, Portuguese, Italian, Vietnamese; English words are known to all tables. "h" and "d" mean
# different things in different languages, and are left out.
_SEXES = {
    "F": ("w", "weiblich", "frau", "femme", "féminin", "mujer", "femenino", "hembra", "feminino", "mulher", "femmina",
          "femminile", "woman", "nữ"),
    "M": ("männlich", "maennlich", "mann", "homme", "masculin", "hombre", "masculino", "varón", "varon", "homem",
          "maschio", "maschile", "man", "nam"),
    "O": ("divers",),
}  # fmt: skip
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)  # a long number as a spreadsheet shows it
_FACTS = ("view", "sex", "age", "patient_id", "study_id")

log = get_logger(__name__)


def read_folder(settings: DatasetConfig, name: str, words: Vocabulary | None = None) -> pd.DataFrame:
    """List the images of a folder.

    Parameters
    ----------
    settings
        The folder, its table and where facts about its images are found.
    name
        Name of the dataset in messages.
    words
        The view words; by default those of the package.

    Returns
    -------
    DataFrame
        Rows as :func:`cxrfactory.ingest.rows.draft` makes them. With ``pseudonymise``, ids are pseudonyms and paths are
        names of links in the private folder. ``attrs["aside"]`` counts the other entries of the folder by reason.

    Raises
    ------
    CxrError
        If the folder or the table cannot be read, if an id occurs twice, or if nothing says which images are frontal.
    """
    labels = _Labels(settings, name)
    files = list_files(Path(settings.root), settings.follow_links, labels.root)
    rows = _without_table(files.rows) if settings.table is None else _with_table(settings, files, labels)
    _refuse_repeated(rows, labels, settings.pseudonymise)
    rows = _with_facts(rows, settings, labels, words)
    if settings.pseudonymise:
        rows = pseudonymised(rows, settings, name)
    else:
        odd = rows["file"].notna() & ~rows["path"].fillna("").map(has_plain_name)
        rows.loc[odd, "exclusion_reason"] = NOT_UTF8
    rows.attrs["aside"] = dict(files.aside)
    return rows.drop(columns="file")


class _Labels:
    """How messages call the folder and its table: by their paths, or by their keys where paths must not be shown."""

    def __init__(self, settings: DatasetConfig, name: str) -> None:
        self.quote = not settings.pseudonymise
        self.root = settings.root if self.quote else f"datasets.{name}.root"
        self.table = str(table_of(settings)) if self.quote else f"datasets.{name}.table"
        self.key = f"datasets.{name}"


def _without_table(files: pd.DataFrame) -> pd.DataFrame:
    return _draft(files["path"], files["path"], files["file"], files["reason"], table="", row=range(1, len(files) + 1))


def _with_table(settings: DatasetConfig, files: Files, labels: _Labels) -> pd.DataFrame:
    """Join a table to the files of the folder; rows without a file and files without a row are excluded."""
    path, root = Path(str(table_of(settings))), Path(settings.root)
    table = read_table(path, settings.columns, labels.table, labels.quote)
    log.info("%s: %d rows; columns for %s", labels.table, len(table), ", ".join(n for n in COLUMNS if n in table))
    if settings.view is None and "view" not in table:
        raise CxrError(
            f"{labels.key}: nothing says which images are frontal; expected columns: {{view: NAME}}, view: from-header "
            "(DICOM headers say it) or view: all-frontal (every image is frontal)"
        )
    cells = table["path"] if "path" in table else table["image_id"]
    below = path.resolve().parent.relative_to(root.resolve()) if _is_below(path, root) else Path()
    start = "" if below == Path() else below.as_posix()
    found = find_files(cells.tolist(), files.rows["path"].tolist(), root, start, labels.quote)
    _tell_join(found, table["row"].tolist(), cells.tolist(), len(files.rows), labels)
    listed = files.rows.set_index("path")
    paths = [place.path for place in found.places]
    openable = [None if path is None else listed.at[path, "file"] for path in paths]
    aside = [None if path is None else listed.at[path, "reason"] for path in paths]
    aside = _without_twins(aside, openable)
    reasons = [place.reason or reason for place, reason in zip(found.places, aside, strict=True)]
    ids = table["image_id"] if "image_id" in table else pd.Series(paths, dtype=object).fillna(cells)
    rows = _draft(ids, pd.Series(paths, dtype=object), openable, reasons, path.name, table["row"])
    for column in ("patient_id", "study_id", "view", "sex", "age", "findings"):
        if column in table:
            rows[column] = table[column]
    rest = files.rows[~files.rows["path"].isin(set(paths))]
    others = _draft(_unlike(rest["path"], set(ids)), rest["path"], rest["file"], rest["reason"].fillna(UNLISTED))
    return pd.concat([rows, others], ignore_index=True)


def _without_twins(aside: list[str | None], files: list[Path | None]) -> list[str | None]:
    """Return the reasons without those of second links, where the table names such a link alone and not its target."""
    if TWIN not in aside:
        return aside
    real = [None if file is None else os.path.realpath(file) for file in files]
    times = Counter(real)
    return [None if why == TWIN and times[path] == 1 else why for why, path in zip(aside, real, strict=True)]


def _is_below(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def _tell_join(found: Found, rows: list[int], cells: list[str], files: int, labels: _Labels) -> None:
    """Say how many rows have a file; rows without any file at all are an error."""
    said = f"{labels.table}: {found.hits} of {len(rows)} rows name one of the {files} files of {labels.root}"
    if found.hits == 0:
        why = found.places[0].reason or MISSING
        first = f"; row {rows[0]}: '{printable(cells[0], 200)}': {why}" if labels.quote else f"; row {rows[0]}: {why}"
        raise CxrError(f"{said}{first}; expected paths relative to the root or to the table's folder, or file names")
    if found.dropped:
        log.warning(
            "%s: paths are read without their first %d folders, which are not here", labels.table, found.dropped
        )
    if found.respelt:
        place = next(at for at, place in enumerate(found.places) if place.respelt and place.reason is None)
        example = f"; first row {rows[place]}"
        example += f": '{printable(cells[place], 200)}' is '{found.places[place].path}'" if labels.quote else ""
        log.warning(
            "%s: %d rows write their file in another way (case, accents, leading zeros or folders), and each fits one "
            "file%s", labels.table, found.respelt, example,
        )  # fmt: skip
    level = logging.WARNING if 2 * found.hits < min(len(rows), files) else logging.INFO
    log.log(level, "%s", said)


def _draft(ids: Any, paths: Any, files: Any, reasons: Any, table: str = "", row: Any = 0) -> pd.DataFrame:
    facts = dict.fromkeys(("patient_id", "study_id", "view", "sex", "age", "findings"), "")
    columns = {"table": table, "image_id": list(ids), "path": list(paths), "file": list(files)}
    frame = pd.DataFrame({**columns, **facts, "exclusion_reason": list(reasons)}, dtype=object)
    frame.insert(1, "row", row if isinstance(row, int) else list(row))
    return frame


def _unlike(paths: pd.Series, taken: set[str]) -> list[str]:
    """Return ids of files that the table does not list, other than the ids of the table."""
    found = []
    for path in paths:
        while path in taken:
            path = f"file:{path}"
        found.append(path)
    return found


def _refuse_repeated(rows: pd.DataFrame, labels: _Labels, private: bool) -> None:
    named = rows[rows["image_id"] != ""]
    twice = named["image_id"].duplicated()
    if not twice.any():
        return
    second = named[twice].iloc[0]
    first = named[named["image_id"] == second["image_id"]].iloc[0]
    what = "an image id" if private else f"image id '{printable(second['image_id'], 200)}'"
    rounded = bool(_ROUNDED.fullmatch(second["image_id"]))
    remedy = "a spreadsheet rounded it: export the column again as text" if rounded else "each image may be listed once"
    raise CxrError(
        f"{labels.table}: row {second['row']}: {what} stands already in row {first['row']} "
        f"({int(twice.sum())} repeated in all); {remedy}"
    )


def _with_facts(rows: pd.DataFrame, settings: DatasetConfig, labels: _Labels, words: Vocabulary | None) -> pd.DataFrame:
    """Complete the facts of each row from headers and paths, and exclude what is not frontal."""
    rows = rows.copy()
    headers = _fill_from_headers(rows, settings)
    for column, source in (("patient_id", settings.patient), ("study_id", settings.study)):
        rows[column] = _from_path(rows, column, source, labels)
    for column, convert in (("sex", sexes_of_words), ("age", ages)):
        cells = rows[column]
        rows[column] = convert(cells)
        lost = int((rows[column].isna() & ~is_missing(cells)).sum())
        if lost:
            log.warning("%s: %d values of %s are not understood, and count as unknown", labels.key, lost, column)
    rows["findings"] = _findings(rows["findings"]) if (rows["findings"] != "").any() else None
    usable = rows["exclusion_reason"].isna()
    if settings.view == ALL_FRONTAL:
        return rows.assign(view=None)
    source = "the view in the header" if settings.table is None else "the view"
    views = views_of(rows["view"], source, settings.frontal, words)
    if settings.view == FROM_HEADER:
        faults = {
            NOT_DICOM: "no view is stated: the file is not DICOM, so it has no header",
            UNREADABLE: "no view is stated: the DICOM header is damaged",
        }
        for fault, reason in faults.items():
            where = (rows["view"] == "") & headers.eq(fault)
            views.loc[where, "exclusion_reason"] = reason
    rows["view"] = views["view"]
    rows.loc[usable, "exclusion_reason"] = views.loc[usable, "exclusion_reason"]
    return rows


def sexes_of_words(cells: pd.Series) -> pd.Series:
    """Normalise words for sex in the languages of hospitals to F, M or O; all others become null."""
    words = {word: sex for sex, names in _SEXES.items() for word in names}
    return sexes(cells.map(lambda cell: words.get(cell.strip().casefold(), cell)))


def _fill_from_headers(rows: pd.DataFrame, settings: DatasetConfig) -> pd.Series:
    """Fill missing facts in place from headers where the config allows it; return the fault of each file's header."""
    allowed = {"view": settings.view, "sex": settings.sex, "age": settings.age}
    allowed |= {"patient_id": settings.patient, "study_id": settings.study}
    wanted = [column for column in _FACTS if allowed[column] == FROM_HEADER]
    faults = pd.Series("", rows.index, dtype=object)
    asked = rows["exclusion_reason"].isna() & rows["file"].notna() & (rows[wanted] == "").any(axis=1)
    if not wanted or not asked.any():
        return faults
    found = pd.DataFrame(read_headers(rows.loc[asked, "file"].tolist(), wanted), index=rows.index[asked], dtype=object)
    for column in wanted:
        missing = asked & (rows[column] == "")
        rows.loc[missing, column] = found.loc[missing[missing].index, column]
    faults.loc[asked] = found["fault"]
    log.info(
        "read %d headers: %d not DICOM, %d damaged", len(found), (found["fault"] == NOT_DICOM).sum(),
        (found["fault"] == UNREADABLE).sum(),
    )  # fmt: skip
    return faults


def _from_path(rows: pd.DataFrame, column: str, source: str | None, labels: _Labels) -> pd.Series:
    """Return the patients or studies of all rows; null where none is known."""
    cells = known(rows[column])
    if source is None:
        return cells
    missing = cells.isna()
    if source == IMAGE_ID:
        return cells.mask(missing, rows["image_id"])
    if source != FROM_HEADER:
        cells = cells.mask(missing, rows["path"].map(_picker(source)))
        cells = cells.where(cells.notna(), None)
    nothing = int((cells.isna() & rows["exclusion_reason"].isna()).sum())
    if nothing:
        log.warning("%s: %d images have no %s by '%s'", labels.key, nothing, column, source)
    return cells


def _picker(source: str) -> Any:
    """Return a function from a path to the patient or study in it, or None."""
    level = FOLDER_LEVEL.fullmatch(source)
    pattern = re.compile(source)

    def pick(path: str | None) -> str | None:
        if path is None:
            return None
        if level:
            folders = path.split("/")[:-1]
            return folders[int(level[1]) - 1] if len(folders) >= int(level[1]) else None
        match = pattern.search(path)
        return (match[1] or None) if match else None

    return pick


def _findings(cells: pd.Series) -> pd.Series:
    words: Mapping[str, str | None] = {cell: _joined(cell) for cell in cells.unique()}
    return cells.map(words).astype(object)


def _joined(cell: str) -> str | None:
    """Return findings joined by vertical bars: from a list in brackets, or from text with bars or semicolons."""
    if not cell:
        return None
    if cell.startswith("["):
        return "|".join(word.replace("|", "/") for word in quoted_words(cell))
    return "|".join(part for word in re.split(r"[|;]", cell) if (part := word.strip()))
