"""Measure the images of one study: rows of the tables, or the reason why an image cannot be measured."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxrfactory.config.measure import MeasureConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.lateral import measure_lateral
from cxrfactory.geometry.measurement import Measurement
from cxrfactory.measure.flags import FLAGS, flags_of
from cxrfactory.measure.grading import graded, scale_of
from cxrfactory.measure.intervals import interval_offsets
from cxrfactory.measure.items import Item, LazyRuns
from cxrfactory.measure.pixels import in_mm, pixel_mm

VALUE_DIGITS, POINT_DIGITS = 6, 3  # decimals


@dataclass
class Measured:
    """Rows of some images.

    Attributes
    ----------
    rows
        Rows of the table of measurements, without points and structures of different lengths.
    images
        Rows of the table of images.
    rejected
        Dataset, image id and reason of images that cannot be measured.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)


def measure_items(items: Iterable[Item], settings: MeasureConfig) -> Measured:
    """Measure images one by one; an image that cannot be measured is rejected with its reason."""
    made = Measured()
    for item in items:
        try:
            rows, image = measure_item(item, settings)
        except CxrError as error:
            made.rejected.append((item.dataset, item.image_id, str(error)))
        else:
            made.rows += rows
            made.images.append(image)
    return made


def measure_item(item: Item, settings: MeasureConfig) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Measure one image.

    Returns
    -------
    The rows of its measurements, and its row of the table of images.

    Raises
    ------
    ImageError
        If the image cannot be measured, for example because the RLE of a mask does not fit it.
    """
    if item.fault:
        raise ImageError(item.fault)
    masks, side = LazyRuns(item), pixel_mm(item)
    if item.lateral:
        found: Sequence[Measurement] = measure_lateral(masks)
        flags: dict[str, bool | None] = dict.fromkeys(FLAGS)
    else:
        landmarks = None if not item.landmarks else {k.replace("_", " "): v for k, v in item.landmarks.items()}
        found = measure_frontal(masks, landmarks)
        flags = flags_of({each.name: each for each in found}, masks, settings)
    offsets = {} if item.lateral else interval_offsets(item, settings)
    rows = [_row(item, each, side, offsets.get(each.name), settings) for each in found]
    return rows, _image_row(item, found, side, flags)


def _row(
    item: Item,
    one: Measurement,
    side_mm: float | None,
    offsets: tuple[float, float] | None,
    settings: MeasureConfig,
) -> dict[str, Any]:
    unit, factor = in_mm(one, side_mm)
    known = not one.excluded and math.isfinite(one.value)
    value = round(one.value * factor, VALUE_DIGITS) if known else None
    low, high = (None, None)
    if known and offsets is not None:
        low, high = (round((one.value + offset) * factor, VALUE_DIGITS) for offset in offsets)
    grade, near = graded(value, scale_of(one.name, settings)) if value is not None else (None, None)
    return {
        "dataset": item.dataset,
        "image_id": item.image_id,
        "view": item.view,
        "measurement": one.name,
        "value": value,
        "unit": unit,
        "low": low,
        "high": high,
        "grade": grade,
        "near_cut": near,
        "excluded": None if known else one.excluded or "The masks give no finite value.",
        "structures": list(one.structures),
        "points": [(round(float(x), POINT_DIGITS), round(float(y), POINT_DIGITS)) for x, y in one.points],
    }


def _image_row(
    item: Item, found: Sequence[Measurement], side_mm: float | None, flags: dict[str, bool | None]
) -> dict[str, Any]:
    known = sum(not each.excluded and math.isfinite(each.value) for each in found)
    return {
        "dataset": item.dataset,
        "image_id": item.image_id,
        "view": item.view,
        "height": item.height,
        "width": item.width,
        "pixel_mm": side_mm,
        "measured": known,
        "excluded": len(found) - known,
        **flags,
    }
