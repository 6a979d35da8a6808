"""DICOM SR (TID 1500, Measurement Report) of an image's measurements and quality scores.

The report refers to the image and not to a frame of a segmentation, so that it opens without one. Each measurement of
masks refers to the points on the image that it was taken from. No measurement here has a public code in DICOM's context
groups; each has a private code with its meaning in words.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from pydicom.dataset import Dataset

from cxrfactory import __version__
from cxrfactory.anatomy.organs import BOTH_LUNGS, HEART, LUNGS
from cxrfactory.anatomy.snomed import Code, code_of, private_code
from cxrfactory.errors import ImageError
from cxrfactory.export.dicom_parts import Algorithm, concept, highdicom, instance, private_scheme
from cxrfactory.export.dicom_source import MANUFACTURER, MODEL, SourceImage, derived_uid
from cxrfactory.export.spacing import spacing_of
from cxrfactory.geometry.measurement import DEFINITIONS
from cxrfactory.imaging.turns import displayed
from cxrfactory.measure.items import FRONTAL_VIEWS, Item
from cxrfactory.measure.one import measure_item
from cxrfactory.measure.pixels import in_mm
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.products.opened import ProductImage

SERIES_NUMBER = 901
_LANGUAGE = Code("RFC5646", "en", "English")
_PROCEDURE = Code("LN", "43468-8", "XR unspecified body region")  # of CID 100, which has no code for the chest
_DEVICE = Code("DCM", "121007", "Device")
# Units of the reported measurements. Lengths in pixels are left out: programs would read them as another size.
_UNITS = {
    "ratio": Code("UCUM", "{ratio}", "ratio"),
    "degree": Code("UCUM", "deg", "degree"),
    "count": Code("UCUM", "{count}", "count"),
    "mm": Code("UCUM", "mm", "millimeter"),
    "mm2": Code("UCUM", "mm2", "square millimeter"),
}
_RATIO, _RATIO_NAME = "ctr_columns", "Cardiothoracic ratio"
_LINE = 2  # points of a line; more points in pairs are several lines
_DIGITS = 6  # of a value; a DICOM decimal string holds 16 characters
_SCORES = {
    "dice_estimate": "Estimated Dice of lungs and heart",
    "dice_low": "Estimated Dice, lower end of interval",
    "dice_high": "Estimated Dice, upper end of interval",
    "dice_rca_mean": "Dice by reverse classification accuracy",
}


@dataclass(frozen=True)
class Measured:
    """A measurement.

    Attributes
    ----------
    meaning
        Its name in words.
    value, unit
        Its value, and the unit: ``ratio``, ``degree``, ``count``, ``mm`` or ``mm2``.
    points
        Points (x, y) that it was taken from, pixels of the image with integers at pixel centres.
    """

    meaning: str
    value: float
    unit: str = "ratio"
    points: Sequence[tuple[float, float]] = ()


def measurements(image: ProductImage, masks: Mapping[str, UInt8[np.ndarray, "height width"]]) -> list[Measured]:
    """Return what can be reported of an image: the measurements of its masks, and its quality scores.

    Of an image whose pixels are not square, only the cardiothoracic ratio is reported, and lengths and areas only where
    the pixel size is known.

    Parameters
    ----------
    image
        The image, with its scores.
    masks
        Its masks: uint8 [row, column], 0 and 1.
    """
    found = _of_masks(image, masks)
    lungs = [masks[name] for name in (*LUNGS, BOTH_LUNGS) if name in masks]
    known = any(each.meaning == _RATIO_NAME for each in found)
    if not known and HEART in masks and (BOTH_LUNGS in masks or len(lungs) == len(LUNGS)):
        upright = (displayed(each, image.orientation) for each in (np.any(lungs, axis=0), masks[HEART] != 0))
        ratio = cardiothoracic_ratio(*upright)
        found.append(Measured(_RATIO_NAME, ratio))
    found += [Measured(meaning, image.scores[name]) for name, meaning in _SCORES.items() if name in image.scores]
    return [each for each in found if each.value is not None and math.isfinite(each.value)]


def _of_masks(image: ProductImage, masks: Mapping[str, UInt8[np.ndarray, "height width"]]) -> list[Measured]:
    """Return the measurements that have a value and a unit of a report."""
    spacing = spacing_of(image)
    item = Item(
        dataset=image.release,
        image_id=image.image_id,
        view=getattr(image, "view", FRONTAL_VIEWS[0]),
        height=image.height,
        width=image.width,
        rles={name: text for name, text in image.rles.items() if name in masks},
        landmarks=getattr(image, "landmarks", None),
        orientation=image.orientation,
        spacing_mm=(spacing.row_mm, spacing.column_mm) if spacing.known else None,
    )
    try:
        measured = measure_item(item)
    except ImageError:  # pixels that are not square
        return []
    found = []
    for one in measured.found:
        unit, factor = in_mm(one, measured.side_mm)
        if unit in _UNITS and not one.excluded:
            meaning = _RATIO_NAME if one.name == _RATIO else DEFINITIONS[one.name].title
            found.append(Measured(meaning, one.value * factor, unit, one.points))
    return found


def report(source: SourceImage, found: list[Measured], algorithm: Algorithm) -> Dataset:
    """Return the DICOM SR of measurements of an image.

    Parameters
    ----------
    source
        The image that the report refers to.
    found
        The measurements, at least one.
    algorithm
        What made the masks that were measured.

    Raises
    ------
    CxrError
        If highdicom is not installed.
    """
    hd = highdicom()
    values = "\0".join(f"{each.meaning}={each.value!r} {each.unit} {each.points}" for each in found)
    uid = source.uid("measurements", algorithm.name, __version__, algorithm.weights_sha256 or "", values)
    content = hd.sr.MeasurementReport(
        observation_context=_observer(),
        procedure_reported=concept(_PROCEDURE),
        imaging_measurements=[_group(source, found, algorithm)],
        language_of_content_item_and_descendants=hd.sr.LanguageOfContentItemAndDescendants(concept(_LANGUAGE)),
    )
    made = hd.sr.ComprehensiveSR(
        evidence=[source.header],
        content=content[0],
        is_complete=True,
        **instance(uid, SERIES_NUMBER, "Measurements of cxrfactory"),
    )
    made.CodingSchemeIdentificationSequence = [private_scheme()]
    return source.finish(made)


def _observer() -> Any:
    hd = highdicom()
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=derived_uid(MANUFACTURER, __version__), name=MANUFACTURER, manufacturer_name=MANUFACTURER, model_name=MODEL
    )
    context = hd.sr.ObserverContext(observer_type=concept(_DEVICE), observer_identifying_attributes=device)
    return hd.sr.ObservationContext(observer_device_context=context)


def _group(source: SourceImage, found: list[Measured], algorithm: Algorithm) -> Any:
    hd = highdicom()
    made_by = hd.sr.AlgorithmIdentification(
        name=algorithm.name,
        version=__version__,
        parameters=[f"{name}={value}" for name, value in algorithm.parameters.items()] or None,
    )
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=source.uid("tracking"), identifier="Measurements of the whole image"
        ),
        algorithm_id=made_by,
        finding_sites=[hd.sr.FindingSite(concept(code_of("thoracic cavity").kind))],
        source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(source.header)],
        measurements=[
            hd.sr.Measurement(
                name=concept(private_code(each.meaning)),
                value=round(each.value, _DIGITS),
                unit=concept(_UNITS[each.unit]),
                referenced_coordinates=_coordinates(source, each) or None,
            )
            for each in found
        ],
    )


def _coordinates(source: SourceImage, one: Measured) -> list[Any]:
    """Return the points of a measurement as graphics on the image: lines of two points, or all points as one line."""
    hd = highdicom()
    points = np.array(one.points, np.float64).reshape(-1, 2) + 0.5  # in DICOM, 0.5 is the centre of the first pixel
    points = points.clip(0, (source.header.Columns, source.header.Rows))
    in_pairs = len(points) and len(points) % _LINE == 0
    lines = np.split(points, len(points) // _LINE) if in_pairs else [points] * bool(len(points))
    kind = hd.sr.GraphicTypeValues
    return [
        hd.sr.CoordinatesForMeasurement(
            kind.POINT if len(line) == 1 else kind.POLYLINE,
            line,
            hd.sr.SourceImageForRegion.from_source_image(source.header),
        )
        for line in lines
    ]
