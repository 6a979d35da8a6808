"""Convert cells of release tables to cells of the manifest: views, findings, and safe ids and paths."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from cxrfactory.imaging.vocabulary.words import FRONTAL_VIEWS, Vocabulary, default_vocabulary, described
from cxrfactory.imaging.vocabulary.words import VIEWS as VIEWS
from cxrfactory.tables.paths import path_fault

_MISSING = {"", "nan", "none", "null", "na", "n/a"}
# _UNSAFE matches a backslash, a control character, a leading slash or drive letter, or an empty, "." or ".." component.
_PLAIN = r"[A-Za-z0-9._/-]{1,200}"
_UNSAFE = r"[\\\x00-\x1f\x7f]|^/|^[A-Za-z]:|(?:^|/)\.{0,2}(?:/|$)"


def is_missing(cells: pd.Series) -> pd.Series:
    """Return which text cells are missing values (empty, nan, None, ...)."""
    return cells.str.strip().str.lower().isin(_MISSING)


def known(cells: pd.Series) -> pd.Series:
    """Return the cells with missing values replaced by null."""
    return cells.astype(object).where(~is_missing(cells), None)


def select_views(
    cells: pd.Series,
    column: str,
    other: Mapping[str, str | None] | None = None,
    words: Vocabulary | None = None,
    quote: bool = True,
) -> pd.DataFrame:
    """Determine from one column which rows are frontal: only PA and AP are, in every spelling of the view words.

    Parameters
    ----------
    cells
        Text cells of the column.
    column
        Name of the column, for the reasons.
    other
        Values (upper case) that mean something else in this table than in the view words, and their views; None if a
        value names no view.
    words
        The view words; by default those of the package.
    quote
        Whether a reason may quote a value that is in no table. A hospital's own table may hold patients' texts in any
        column; then the reason gives the value's length.

    Returns
    -------
    DataFrame
        Columns ``view`` and ``exclusion_reason``; the reason is null for frontal rows. The view of a frontal row is
        null if the value does not say whether it is PA or AP. A row with a missing or unknown value is excluded.
    """
    text = cells.str.strip()
    found = {
        value: _view_and_reason(value, column, other or {}, words or default_vocabulary(), quote)
        for value in text.unique()
    }
    columns = {
        name: text.map({value: each[place] for value, each in found.items()}).astype(object)
        for place, name in enumerate(("view", "exclusion_reason"))
    }
    return pd.DataFrame({name: column.where(column.notna(), None) for name, column in columns.items()})


def _view_and_reason(
    value: str, column: str, other: Mapping[str, str | None], words: Vocabulary, quote: bool
) -> tuple[str | None, str | None]:
    """Return the view that one value names, and the reason to exclude its rows."""
    if value.upper() in other:
        view = other[value.upper()]
        return view, None if view in FRONTAL_VIEWS else f"{column} is {value}, not PA or AP"
    if value.lower() in _MISSING:
        return None, f"{column} is missing"
    named = words.view(value)
    if named.frontal_view:
        return named.view, None
    if named.unknown:
        unknown = f"'{printable(value)}' is unknown" if quote else f"is {described(value)}"
        return None, f"{column} {unknown}, expected PA or AP"
    return named.view, f"{column} is {printable(value)}, not PA or AP"


def select_sides(cells: pd.Series, column: str, words: Vocabulary | None = None) -> pd.DataFrame:
    """Determine from a column of Frontal and Lateral which rows are frontal; see :func:`select_views`."""
    sides = select_views(cells, column, words=words)
    reason = sides["exclusion_reason"].str.replace(", not PA or AP", ", not Frontal", regex=False)
    return sides.assign(exclusion_reason=reason.str.replace(", expected PA or AP", "", regex=False).astype(object))


def printable(value: str, limit: int = 40) -> str:
    """Return the text of a table cell for a message: on one line, escaped, and at most ``limit`` characters long.

    A longer text is cut off, and ``...`` is added.
    """
    text = value.encode("unicode_escape").decode()
    return text if len(text) <= limit else f"{text[:limit]}..."


def unsafe(paths: pd.Series) -> pd.Series:
    """Return which relative paths could lead out of the folder that they are joined to, or are no file name in it."""
    found = paths.str.contains(_UNSAFE, regex=True).astype(bool)
    # Paths with other characters are rare, so each of them is checked individually.
    closer = ~found & ~paths.str.fullmatch(_PLAIN).astype(bool)
    found.loc[closer] = np.array([path_fault(path) is not None for path in paths[closer]], bool)
    return found


def guard(rows: pd.DataFrame, id_is_file_name: bool) -> pd.DataFrame:
    """Exclude rows whose id is empty, or whose id or path could lead out of the release's root.

    Such a row stays in the manifest without its path, so that no stage opens the file. A row without an id gets the id
    ``no-id:<table>:<row>``.

    Parameters
    ----------
    rows
        Rows with the columns ``image_id``, ``path``, ``exclusion_reason``, ``table`` and ``row``.
    id_is_file_name
        True if the id names a file and therefore must not contain a path separator.
    """
    rows = rows.copy()
    ids, paths = rows["image_id"], rows["path"].astype(object)
    empty = ids.str.strip() == ""
    bad_id = ~empty & (unsafe(ids) | (ids.str.contains("/", regex=False) if id_is_file_name else False))
    bad_path = ~empty & ~bad_id & (paths.isna() | unsafe(paths.fillna("")).astype(bool))
    rows.loc[empty, "image_id"] = [
        f"no-id:{table}:{row}" for table, row in zip(rows.table[empty], rows.row[empty], strict=True)
    ]
    for where, reason in (
        (empty, "image id is empty"),
        (bad_id, "image id is no plain name inside the release folder"),
        (bad_path, "path is not inside the release folder"),
    ):
        rows.loc[where, "exclusion_reason"] = reason
    rows["path"] = paths.where(~(empty | bad_id | bad_path), None)
    return rows


def quoted_words(cell: str) -> list[str]:
    """Return the strings in the text of a Python list (``"['a', 'b']"``), without evaluating the text."""
    return [single or double for single, double in re.findall(r"'([^']*)'|\"([^\"]*)\"", cell)]


def study_year(dates: pd.Series) -> pd.Series:
    """Return the year (float) of text cells ``YYYYMMDD``, also as a float (``.0``), or null for other text."""
    years = dates.str.extract(r"^([0-9]{4})[0-9]{4}(?:\.0)?$")[0]
    return pd.to_numeric(years).astype(float)


def collapse(rows: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Keep the first row of each id, for tables with several rows per image; all rows without an id are kept.

    Returns
    -------
    DataFrame
        First row of each id, in order of appearance.
    ndarray of int
        For each row of the input, the index of the row of its id in the result.
    """
    key = rows["image_id"].where(
        rows["image_id"].str.strip() != "", "\0" + rows["table"] + "\0" + rows["row"].astype(str)
    )
    codes, _ = pd.factorize(key)
    first = ~pd.Series(codes, index=rows.index).duplicated()
    return rows[first].reset_index(drop=True), codes


def draft(positioned: pd.DataFrame, image_id: pd.Series, path: pd.Series, **columns: object) -> pd.DataFrame:
    """Assemble manifest rows; columns that are not given are null.

    Parameters
    ----------
    positioned
        Source rows with the columns ``table`` and ``row``.
    image_id, path
        Id of each image in the release, and its path relative to the release's root.
    **columns
        Any of ``patient_id``, ``study_id``, ``view``, ``sex``, ``age``, ``findings``, ``exclusion_reason``.
    """
    rows = positioned[["table", "row"]].assign(image_id=image_id, path=path)
    for name in ("patient_id", "study_id", "view", "sex", "age", "findings", "exclusion_reason"):
        rows[name] = columns.get(name)
    return rows
