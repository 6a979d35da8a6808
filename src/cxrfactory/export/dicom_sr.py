"""DICOM SR (TID 1500, Measurement Report) of an image's measurements: cardiothoracic ratio and quality scores.

The report refers to the image and not to a frame of a segmentation, so that it opens without one. No measurement here
has a public code in DICOM's context groups; each has a private code with its meaning in words.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from pydicom.dataset import Dataset

from cxrfactory import __version__
from cxrfactory.anatomy.organs import BOTH_LUNGS, HEART, LUNGS
from cxrfactory.anatomy.snomed import Code, code_of, private_code
from cxrfactory.export.dicom_parts import Algorithm, concept, highdicom, instance, private_scheme
from cxrfactory.export.dicom_source import MANUFACTURER, MODEL, SourceImage, derived_uid
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.products.opened import ProductImage

SERIES_NUMBER = 901
_LANGUAGE = Code("RFC5646", "en", "English")
_PROCEDURE = Code("LN", "43468-8", "XR unspecified body region")  # of CID 100, which has no code for the chest
_DEVICE = Code("DCM", "121007", "Device")
_RATIO = Code("UCUM", "{ratio}", "ratio")
_DIGITS = 6  # of a value; a DICOM decimal string holds 16 characters
_SCORES = {
    "dice_estimate": "Estimated Dice of lungs and heart",
    "dice_low": "Estimated Dice, lower end of interval",
    "dice_high": "Estimated Dice, upper end of interval",
    "dice_rca_mean": "Dice by reverse classification accuracy",
}


@dataclass(frozen=True)
class Measured:
    """A measurement: its meaning in words, and its value, a ratio."""

    meaning: str
    value: float


def measurements(image: ProductImage, masks: Mapping[str, UInt8[np.ndarray, "height width"]]) -> list[Measured]:
    """Return what can be reported of an image: the cardiothoracic ratio of its masks, and its quality scores.

    Parameters
    ----------
    image
        The image, with its scores.
    masks
        Its masks: uint8 [row, column], 0 and 1.
    """
    found = []
    lungs = [masks[name] for name in (*LUNGS, BOTH_LUNGS) if name in masks]
    if HEART in masks and (BOTH_LUNGS in masks or len(lungs) == len(LUNGS)):
        ratio = cardiothoracic_ratio(np.any(lungs, axis=0), masks[HEART] != 0)
        found.append(Measured("Cardiothoracic ratio", ratio))
    found += [Measured(meaning, image.scores[name]) for name, meaning in _SCORES.items() if name in image.scores]
    return [each for each in found if each.value is not None and math.isfinite(each.value)]


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
    values = "\0".join(f"{each.meaning}={each.value!r}" for each in found)
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
                name=concept(private_code(each.meaning)), value=round(each.value, _DIGITS), unit=concept(_RATIO)
            )
            for each in found
        ],
    )
