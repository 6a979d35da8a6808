"""Decide which images of a folder are frontal, from the words of a table or of headers."""

from collections.abc import Sequence

import pandas as pd

from cxrfactory.imaging.vocabulary.words import Vocabulary
from cxrfactory.ingest.rows import select_views


def views_of(
    cells: pd.Series, source: str, frontal: Sequence[str] | None, words: Vocabulary | None = None
) -> pd.DataFrame:
    """Determine the view of each row, and which rows are frontal.

    Parameters
    ----------
    cells
        Words for the view; empty if none is stated.
    source
        Where the words come from, for the reasons.
    frontal
        Words that count as frontal, in any case; None for PA and AP in every spelling of the view words.
    words
        The view words; by default those of the package.

    Returns
    -------
    DataFrame
        ``view`` (a view of the manifest, or null) and ``exclusion_reason`` (null for frontal rows). A reason quotes
        only known words: any other text could be a patient's.
    """
    found = select_views(cells, source, words=words, quote=False)
    if frontal is None:
        return found
    chosen = cells.map(_plain).isin({_plain(word) for word in frontal})
    others = found["exclusion_reason"].fillna(f"{source} is not among the values that count as frontal")
    return found.assign(exclusion_reason=others.astype(object).where(~chosen, None))


def _plain(word: str) -> str:
    return " ".join(word.split()).casefold()
