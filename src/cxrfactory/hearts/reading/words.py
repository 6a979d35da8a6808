"""Views by words: series descriptions of scanners, and names of files in public data sets of hearts."""

import re

# Words of a description or of a file's name that name a view. A word ends at anything but a letter or digit.
_VIEWS = (
    ("2ch", ("2ch", "2c", "2chamber", "twochamber", "vla", "lax2ch", "la2ch")),
    ("3ch", ("3ch", "3c", "3chamber", "threechamber", "lvot", "lax3ch", "la3ch")),
    ("4ch", ("4ch", "4c", "4chamber", "fourchamber", "hla", "lax4ch", "la4ch")),
    ("sax", ("sax", "sa", "shortaxis", "kurzachse", "short")),
    ("lax", ("lax", "la", "longaxis")),
)
# Views that are none of the four: planes through the right heart and the great vessels.
_OTHERS = ("rvot", "rv2ch", "rv3ch", "aorta", "aortic", "pulmonary", "pa")
_GAPS = (
    (re.compile(r"([234])[ _-]*(ch|chamber|chambers|kammer)\b"), r"\1ch"),
    (re.compile(r"short[ _-]*axis"), "sax"),
    (re.compile(r"long[ _-]*axis"), "lax"),
    (re.compile(r"\brv[ _-]+([23])ch"), r"rv\1ch"),
)


def view_by_words(text: str) -> str:
    """Return the view that words name: ``sax``, ``2ch``, ``3ch``, ``4ch``, ``lax`` or ``other``; empty if none.

    Examples
    --------
    >>> from cxrfactory.hearts.reading.words import view_by_words
    >>> view_by_words("cine_trufi_retro 4CH"), view_by_words("A0S9V9_sa"), view_by_words("localizer")
    ('4ch', 'sax', '')
    """
    lowered = text.lower().replace("_", " ")
    for gap, joined in _GAPS:
        lowered = gap.sub(joined, lowered)
    words = set(re.findall(r"[a-z0-9]+", lowered))
    if words & set(_OTHERS):
        return "other"
    return next((view for view, known in _VIEWS if words & set(known)), "")
