"""Grey values of a radiograph from its stored values: modality table or rescale, then VOI table or window (PS3.3 C.11).

All of it acts on single values, so it is computed once for each value that can occur, and not for each pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pydicom
from jaxtyping import Bool, Shaped

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_layout import WordLayout
from cxrfactory.imaging.radiograph.dicom_luts import read_lut
from cxrfactory.imaging.radiograph.image import USELESS_WINDOW

_LARGEST_TABULATED = 2  # bytes of a stored value; larger ones are computed a pixel at a time
# A window that gives this share of the pixels one grey shows nothing; they must have been of more greys before.
_ONE_GREY, _OF_MORE_GREYS = 0.995, 0.9
# A window was meant for the values before the rescale if less than the first share of the picture's greys is inside it
# after the rescale, and more than the second before it.
_MOST_SATURATED, _FEW_SATURATED = 0.4, 0.6
_MODALITY, _VOI = "ModalityLUTSequence", "VOILUTSequence"
_NAMES = {_MODALITY: "modality table", _VOI: "VOI table"}  # in messages
STORED_WINDOW = (
    "its VOI window fits the stored values and not those after the rescale or modality "
    "table; it is applied to the stored ones"
)
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class _Range:
    """Values that the stored bits can have after the modality step."""

    lowest: float
    highest: float


def displayed(
    stored: Shaped[np.ndarray, "height width"],
    dataset: pydicom.Dataset,
    layout: WordLayout,
    padding: Bool[np.ndarray, "height width"] | None,
    notes: list[str],
) -> Shaped[np.ndarray, "height width"]:
    """Return the grey values that a radiograph's header asks for, before the inversion of MONOCHROME1.

    Parameters
    ----------
    stored
        Stored values.
    dataset
        The object, for its tables, rescale and windows.
    layout
        What the header says about the stored values.
    padding
        Pixels that are no image; they have no part in the decisions.
    notes
        Gets a line for each thing that was tolerated.

    Returns
    -------
    uint8, uint16 or float32; values below 0 are shifted up to 0 where they are whole numbers of at most 16 bits.

    Raises
    ------
    ImageError
        If a table or the rescale cannot be read, or has no meaning.
    """
    picture = stored if padding is None else stored[~padding]
    low, high = int(picture.min()), int(picture.max())
    modality, span = _modality_step(dataset, layout, low, high, notes)
    if stored.dtype.itemsize > _LARGEST_TABULATED:
        values = modality(stored if padding is None else np.clip(stored, low, high))
        shown = _voi_step(dataset, values, span, notes)
        return _compact(values if shown is None else shown)
    levels, mask = np.arange(low, high + 1), (1 << (8 * stored.dtype.itemsize)) - 1
    values = modality(levels)
    shown = _voi_step(dataset, values, span, notes)
    if shown is not None:
        counts = _counts(stored, padding)[levels & mask]
        if values is not levels and _VOI not in dataset and _fits_stored(shown, dataset, levels, layout, counts):
            notes.append(STORED_WINDOW)
            shown = _window(dataset, levels, _Range(layout.lowest, layout.highest), [])
        if shown is not None and _shows_little(shown, counts):
            notes.append(USELESS_WINDOW)
            shown = None
    table = _compact(values if shown is None else shown)
    if stored.dtype.kind == "u" and table.dtype.kind == "u" and np.array_equal(table, levels):
        return stored
    if table.dtype == np.uint16 and stored.dtype.itemsize == 2 and (np.diff(table.astype(np.int64)) == 1).all():
        return stored.view(np.uint16) + np.uint16((int(table[0]) - low) & mask)  # modulo 65536
    whole = np.full(mask + 1, table[0])  # by the bits of the stored value
    whole[levels & mask] = table
    return np.take(whole, stored.view(f"u{stored.dtype.itemsize}"), mode="clip")  # which is faster than "raise"


def modality_values(
    stored: Shaped[np.ndarray, "height width"], dataset: pydicom.Dataset, layout: WordLayout, notes: list[str]
) -> Shaped[np.ndarray, "height width"]:
    """Return stored values after the Modality LUT or the rescale, and before any VOI table or window.

    Raises
    ------
    ImageError
        If the table or the rescale cannot be read, or has no meaning.
    """
    return _modality_step(dataset, layout, int(stored.min()), int(stored.max()), notes)[0](stored)


def _modality_step(
    dataset: pydicom.Dataset, layout: WordLayout, low: int, high: int, notes: list[str]
) -> tuple[Callable[[np.ndarray], np.ndarray], _Range]:
    item = _table_item(dataset, _MODALITY, notes)
    if item is not None:
        little = _little_endian(dataset)
        lut = read_lut(item, _NAMES[_MODALITY], low, high, layout.signed, little, notes)
        return lut.apply, _Range(0, (1 << lut.bits) - 1)
    slope, intercept = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept") or 0.0
    slope = 1.0 if slope is None else slope
    if slope == 0:
        raise ImageError(f"one-colour image: every pixel is {intercept:g} by RescaleSlope 0; expected another slope")
    ends = sorted((layout.lowest * slope + intercept, layout.highest * slope + intercept))
    span = _Range(*ends)
    if slope == 1 and intercept == 0:
        return lambda values: values, span
    if slope.is_integer() and intercept.is_integer() and max(abs(end) for end in ends) < 1 << 53:
        return lambda values: values.astype(np.int64) * int(slope) + int(intercept), span
    return lambda values: values.astype(np.float64) * slope + intercept, span


def _voi_step(dataset: pydicom.Dataset, values: np.ndarray, span: _Range, notes: list[str]) -> np.ndarray | None:
    """Return values after the first VOI table or else the first window; None if there is neither."""
    item = _table_item(dataset, _VOI, notes)
    if item is not None:
        # Tables map whole numbers; a rescale can give others.
        whole = values if values.dtype.kind in "iu" else np.floor(values + 0.5).astype(np.int64)
        signed = span.lowest < 0
        little = _little_endian(dataset)
        return read_lut(item, _NAMES[_VOI], int(whole.min()), int(whole.max()), signed, little, notes).apply(whole)
    return _window(dataset, values, span, notes) if "WindowWidth" in dataset else None


def _window(dataset: pydicom.Dataset, values: np.ndarray, span: _Range, notes: list[str]) -> np.ndarray | None:
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper() or "LINEAR"
    if function not in _FUNCTIONS:
        raise ImageError(f"DICOM whose VOILUTFunction is unknown; expected one of {', '.join(_FUNCTIONS)}")
    width, centre = _number(dataset, "WindowWidth"), _number(dataset, "WindowCenter")
    positive = width is not None and (width >= 1 if function == "LINEAR" else width > 0)
    if width is None or centre is None or not positive:
        notes.append("its VOI window has no positive width; the full range of values is used")
        return None
    values, height = values.astype(np.float64), span.highest - span.lowest
    if function == "SIGMOID":
        with np.errstate(over="ignore"):
            return height / (1 + np.exp(-4 * (values - centre) / width)) + span.lowest
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    below, above = values <= centre - width / 2, values > centre + width / 2
    shown = (values - centre) / (width or 1) + 0.5
    return np.where(below, 0.0, np.where(above, 1.0, shown)) * height + span.lowest


def _fits_stored(
    shown: np.ndarray, dataset: pydicom.Dataset, levels: np.ndarray, layout: WordLayout, counts: np.ndarray
) -> bool:
    """Return whether a window saturates most pixels after the rescale, and few before it."""
    whole = _inside(levels, counts)
    if _inside(shown, counts) >= _MOST_SATURATED * whole:
        return False
    before = _window(dataset, levels, _Range(layout.lowest, layout.highest), [])
    return before is not None and _inside(before, counts) > _FEW_SATURATED * whole


def _inside(shown: np.ndarray, counts: np.ndarray) -> float:
    """Return the number of pixels with neither the darkest nor the brightest grey of all values."""
    return float(counts[(shown > shown.min()) & (shown < shown.max())].sum())


def _counts(stored: np.ndarray, padding: np.ndarray | None) -> np.ndarray:
    """Return how many pixels of the picture have each pattern of bits."""
    words = np.ascontiguousarray(stored.view(f"u{stored.dtype.itemsize}"))
    patterns = 1 << (8 * words.dtype.itemsize)
    picture = None if padding is None else (~padding).astype(np.uint8)
    return cv2.calcHist([words], [0], picture, [patterns], [0, patterns]).ravel()


def _shows_little(shown: np.ndarray, counts: np.ndarray) -> bool:
    """Return whether nearly all pixels get one grey of several; refuse if all of them do."""
    total = counts.sum()
    if counts.max() > _OF_MORE_GREYS * total:
        return False
    greys, which = np.unique(shown, return_inverse=True)
    shares = np.bincount(which, counts) / total
    if np.count_nonzero(shares) == 1:
        raise ImageError(f"one-colour image: every pixel is {greys[shares.argmax()]:g} by its VOI window or table")
    return bool(shares.max() > _ONE_GREY)


def _table_item(dataset: pydicom.Dataset, sequence: str, notes: list[str]) -> pydicom.Dataset | None:
    """Return the first item of a sequence that has a table; None if there is none."""
    if sequence not in dataset:
        return None
    items = list(dataset.get(sequence) or [])
    tables = [item for item in items if all(item.get(part) for part in ("LUTDescriptor", "LUTData"))]
    if not tables:
        if items and sequence == _MODALITY:  # without it, the values have another meaning
            raise ImageError(f"DICOM whose {_NAMES[sequence]} has no descriptor or no data; expected both")
        notes.append(f"its {_NAMES[sequence]} is empty and is ignored")
        return None
    if len(items) > 1:
        notes.append(f"it has {len(items)} items for a {_NAMES[sequence]}; the first with a table is used")
    return tables[0]


def _number(dataset: pydicom.Dataset, name: str) -> float | None:
    """Return the first number of an attribute; None if it is absent or empty."""
    try:
        value = dataset.get(name)
        numbers = [] if value is None or value == "" else np.atleast_1d(value).tolist()
        number = float(numbers[0]) if numbers else None
    except (TypeError, ValueError) as error:
        raise ImageError(f"DICOM whose {name} is not a number; expected one") from error
    if number is not None and not np.isfinite(number):
        raise ImageError(f"DICOM whose {name} is not finite; expected a number")
    return number


def _little_endian(dataset: pydicom.Dataset) -> bool:
    return dataset.original_encoding[1] is not False


def _compact(values: np.ndarray) -> np.ndarray:
    """Convert integers that fit to uint8 or uint16 (negative ones are shifted up to 0), other values to float32."""
    if values.dtype in (np.uint8, np.uint16):
        return values
    if values.dtype.kind in "iu":
        low, high = min(int(values.min()), 0), int(values.max())
        if high - low <= 65535:
            return (values.astype(np.int64) - low).astype(np.uint16)
    return values.astype(np.float32)
