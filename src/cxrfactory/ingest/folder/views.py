"""Decide which images of a folder are frontal, from the words of a table or of headers."""

from collections.abc import Sequence

import pandas as pd

from cxrfactory.ingest.rows import VIEWS, is_missing, select_views


def views_of(cells: pd.Series, source: str, frontal: Sequence[str] | None) -> pd.DataFrame:
    """Determine the view of each row, and which rows are frontal.

    Parameters
    ----------
    cells
        Words for the view; empty if none is stated.
    source
        Where the words come from, for the reasons.
    frontal
        Words that count as frontal, in any case; None for PA and AP.

    Returns
    -------
    DataFrame
        ``view`` (a view of the manifest, or null) and ``exclusion_reason`` (null for frontal rows). A reason quotes
        only known words: any other text could be a patient's.
    """
    known = select_views(cells, source, {view: view for view in VIEWS if view not in ("PA", "AP")})
    if frontal is None:
        unknown = known["view"].isna() & ~is_missing(cells)
        known.loc[unknown, "exclusion_reason"] = [_unknown(source, word) for word in cells[unknown]]
        return known
    words = {_plain(word) for word in frontal}
    views = dict(zip(cells, known["view"], strict=True))
    missing = set(cells[is_missing(cells)])
    reasons = {
        cell: None if _plain(cell) in words else _reason(source, cell, view, cell in missing)
        for cell, view in views.items()
    }
    return pd.DataFrame({"view": known["view"], "exclusion_reason": cells.map(reasons).astype(object)})


def _reason(source: str, cell: str, view: str | None, missing: bool) -> str:
    if missing:
        return f"{source} is missing"
    if view is not None:
        return f"{source} is {view}, which is not among the values that count as frontal"
    return _unknown(source, cell)


def _unknown(source: str, cell: str) -> str:
    return f"{source} is an unknown word of {len(cell.strip())} characters"


def _plain(word: str) -> str:
    return " ".join(word.split()).casefold()
