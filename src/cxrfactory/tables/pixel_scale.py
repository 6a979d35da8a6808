"""Scales of pictures as people write them: mm of a pixel, pixels per mm or cm, or dots per inch."""

import re

_PLAIN = re.compile(r"[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?")
_LARGEST_MM = 2.0  # of a pixel; a plate of 120 mm would have 60 pixels
EXPECTED = "mm of a pixel, such as 0.05, or a text with its unit, such as '62 px/cm', '20 px per mm' or '600 dpi'"
# Names of columns, in lower case with _ for other signs, and the unit that their plain numbers have.
_PIXELS = r"(?:px|pix|pixels?|dots?)"
_COLUMNS = {
    re.compile(rf"mm_(?:per_)?{_PIXELS}"): "mm/px",
    re.compile(rf"(?:um|micrometers?|micrometres?|microns?)_(?:per_)?{_PIXELS}"): "um/px",
    re.compile(rf"{_PIXELS}_(?:per_)?(?:mm|millimet(?:er|re))"): "px/mm",
    re.compile(rf"{_PIXELS}_(?:per_)?(?:cm|centimet(?:er|re))"): "px/cm",
    re.compile(rf"dpi|ppi|{_PIXELS}_(?:per_)?inch"): "dpi",
    re.compile(r"scale|resolution"): "",
}


def mm_of_pixel(said: object, unit: str = "mm/px") -> float:
    """Return the side of a pixel in mm.

    Parameters
    ----------
    said
        A number in ``unit``, or a text with a unit of its own.
    unit
        Unit of plain numbers: ``mm/px``, ``px/cm``, ``dpi`` and the like; empty if they have none.

    Raises
    ------
    ValueError
        If the unit is missing or unknown, or a pixel is 0 or larger than 2 mm; the text says what was expected.

    Examples
    --------
    >>> [round(mm_of_pixel(each), 4) for each in (0.05, "62.5 px/cm", "600 dpi", "20 pixels per mm")]
    [0.05, 0.16, 0.0423, 0.05]
    """
    from cxrfactory.tables.rsml.model import RsmlMetadata
    from cxrfactory.tables.rsml.units import mm_per_pixel, scale_of

    text = str(said).strip()
    if _PLAIN.fullmatch(text):
        text = f"{text} {unit}"
    found, number = scale_of("", text)
    side = mm_per_pixel(RsmlMetadata(unit=found, resolution=number))
    if side is None or side > _LARGEST_MM:
        raise ValueError(EXPECTED)
    return side


def scale_columns(header: list[str]) -> dict[str, str]:
    """Return the columns of a table that give a scale, each with the unit of its plain numbers.

    Examples
    --------
    >>> scale_columns(["plate", "Pixels/cm", "dpi"])
    {'Pixels/cm': 'px/cm', 'dpi': 'dpi'}
    """
    found = {}
    for name in header:
        plain = re.sub(r"[^a-z]+", "_", name.lower().replace("\u00b5", "u").replace("\u03bc", "u")).strip("_")
        for form, unit in _COLUMNS.items():
            if form.fullmatch(plain):
                found[name] = unit
    return found
