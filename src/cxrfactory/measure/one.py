"""Measure the images of one study: rows of the tables, or the reason why an image cannot be measured."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from cxrfactory.config.measure import MeasureConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.geometry.flags import CLIPPED, POOR_INSPIRATION, ROTATED, quality_flags
from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.lateral import measure_lateral
from cxrfactory.geometry.layout import layout_fault
from cxrfactory.geometry.lungs import lung_volume_proxy
from cxrfactory.geometry.measurement import Measurement
from cxrfactory.measure.grading import graded, scale_of
from cxrfactory.measure.intervals import interval_offsets
from cxrfactory.measure.items import Item, LazyRuns
from cxrfactory.measure.pixels import in_mm, pixel_mm
from cxrfactory.measure.upright import on_the_film, with_upright_contours

VALUE_DIGITS, POINT_DIGITS = 6, 3  # decimals
BOTH_VIEWS = "PA+LL"
FLAGS = (ROTATED, CLIPPED, POOR_INSPIRATION)
SAME_MM = 1e-6  # largest difference of the sides of the pixels of two views, as a share


@dataclass
class Measured:
    """Rows of some images.

    Attributes
    ----------
    rows
        Rows of the table of measurements.
    images
        Rows of the table of images; ``first_row`` counts from the first of ``rows``.
    rejected
        Dataset, image id and reason of images that cannot be measured.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class OneImage:
    """An image with its measurements, its upright masks, and the side of its pixels in mm or None."""

    item: Item
    found: Sequence[Measurement]
    masks: LazyRuns
    side_mm: float | None


def measure_items(items: Iterable[Item], settings: MeasureConfig) -> Measured:
    """Measure images one by one, and what two views of a study give together.

    An image that cannot be measured is rejected with its reason. The views of a study follow one another.
    """
    made = Measured()
    for key, group in groupby(items, key=_study):
        images = [image for item in group if (image := _measured(item, settings, made)) is not None]
        if key is not None:
            made.rows += both_views(images, settings)
    return made


def measure_item(item: Item) -> OneImage:
    """Measure one image.

    Raises
    ------
    ImageError
        If the image cannot be measured, for example because the RLE of a mask does not fit it, or because the masks of
        a frontal view are upside down or have exchanged sides.
    """
    if item.fault:
        raise ImageError(item.fault)
    masks, side_mm = LazyRuns(item), pixel_mm(item)
    if item.lateral:
        return OneImage(item, measure_lateral(masks), masks, side_mm)
    if fault := layout_fault(masks):
        raise ImageError(fault)
    contours = with_upright_contours(item).landmarks
    landmarks = {name.replace("_", " "): points for name, points in contours.items()} if contours else None
    found = [on_the_film(each, item) for each in measure_frontal(masks, landmarks)]
    return OneImage(item, found, masks, side_mm)


def both_views(images: Sequence[OneImage], settings: MeasureConfig) -> list[dict[str, Any]]:
    """Return the rows of what a frontal and a lateral image of one study give together; none without both."""
    views = {image.item.lateral: image for image in images}
    if len(images) != len(views) or len(views) < 2:
        return []
    frontal, lateral = views[False], views[True]
    sides = frontal.side_mm, lateral.side_mm
    known = None not in sides
    if known and not math.isclose(*sides, rel_tol=SAME_MM):  # type: ignore[arg-type]
        return []
    study = replace(frontal.item, image_id=frontal.item.group, view=BOTH_VIEWS)
    found = lung_volume_proxy(frontal.masks, lateral.masks)
    return [_row(study, found, sides[0] if known else None, None, settings)]


def _study(item: Item) -> tuple[str, str] | None:
    return (item.dataset, item.group) if item.group else None


def _measured(item: Item, settings: MeasureConfig, made: Measured) -> OneImage | None:
    try:
        image = measure_item(item)
        flags = {} if item.lateral else _flags(image, settings)
        offsets = {} if item.lateral else interval_offsets(with_upright_contours(item), settings)
    except CxrError as error:
        made.rejected.append((item.dataset, item.image_id, str(error)))
        return None
    except (ArithmeticError, LookupError, ValueError) as error:  # one odd mask must not end a run of many hours
        reason = f"its masks cannot be measured ({type(error).__name__}: {error}); report this"
        made.rejected.append((item.dataset, item.image_id, " ".join(reason.split())))
        return None
    made.images.append(_image_row(image, flags) | {"first_row": len(made.rows)})
    made.rows += [_row(item, each, image.side_mm, offsets.get(each.name), settings) for each in image.found]
    return image


def _flags(image: OneImage, settings: MeasureConfig) -> dict[str, Any]:
    limits = {name: getattr(settings, name) for name in ("largest_asymmetry", "least_ribs", "least_contact")}
    flags = quality_flags(image.masks, image.found, **limits)
    return {each.name: each.raised for each in flags} | {"flag_reasons": [each.reason for each in flags if each.raised]}


def _row(
    item: Item,
    one: Measurement,
    side_mm: float | None,
    offsets: tuple[float, float] | None,
    settings: MeasureConfig,
) -> dict[str, Any]:
    unit, factor = in_mm(one, side_mm)
    known = _is_known(one)
    value = round(one.value * factor, VALUE_DIGITS) if known else None
    low, high = None, None
    if known and offsets is not None:
        low, high = (round((one.value + offset) * factor, VALUE_DIGITS) for offset in offsets)
    grade, near = (None, None) if value is None else graded(value, scale_of(one.name, settings))
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
        "note": one.note,
        "structures": list(one.structures),
        "points": [(round(float(x), POINT_DIGITS), round(float(y), POINT_DIGITS)) for x, y in one.points],
    }


def _image_row(image: OneImage, flags: Mapping[str, Any]) -> dict[str, Any]:
    item, known = image.item, sum(map(_is_known, image.found))
    return {
        "dataset": item.dataset,
        "image_id": item.image_id,
        "view": item.view,
        "height": item.height,
        "width": item.width,
        "pixel_mm": image.side_mm,
        "measured": known,
        "excluded": len(image.found) - known,
        **{name: flags.get(name) for name in FLAGS},
        "flag_reasons": flags.get("flag_reasons", []),
    }


def _is_known(one: Measurement) -> bool:
    return not one.excluded and math.isfinite(one.value)
