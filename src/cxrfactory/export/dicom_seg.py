"""DICOM SEG of a radiograph's masks: one segment a mask, which may overlap (BINARY).

A standard segmentation of a projection radiograph has no plane geometry, and viewers and converters that expect one
fail: OHIF hangs, dcmqi stops. Therefore the frames get the geometry of a plane at the origin, 1 mm thick, which claims
no place in the patient, because the object names no frame of reference. ``docs/formats/dicom.md`` has the tests.
"""

from collections.abc import Mapping
from copy import deepcopy
from hashlib import sha256
from typing import Any

import numpy as np
from jaxtyping import UInt8
from pydicom.dataset import Dataset

from cxrfactory import __version__
from cxrfactory.anatomy.snomed import code_of, plain_text
from cxrfactory.errors import CxrError
from cxrfactory.export.colours import colour_of
from cxrfactory.export.dicom_parts import Algorithm, concept, highdicom, identification, instance, private_scheme
from cxrfactory.export.dicom_source import MANUFACTURER, SERIAL, SourceImage, derived_uid

SERIES_NUMBER = 900
_CREATOR = f"{MANUFACTURER}^"  # without the caret, dciodvfy takes the name for one without a family name
_LABEL = "MASKS"


def segmentation(
    source: SourceImage, masks: Mapping[str, UInt8[np.ndarray, "height width"]], algorithm: Algorithm
) -> Dataset:
    """Return the DICOM SEG of an image's masks.

    Parameters
    ----------
    source
        The image that the segmentation refers to.
    masks
        Mask of each organ or structure: uint8 [row, column], 0 and 1, of the image's shape.
    algorithm
        What made the masks.

    Returns
    -------
    Dataset
        The object, to be saved with ``enforce_file_format=True``. Its UID depends on the image, the masks and the
        algorithm only.

    Raises
    ------
    CxrError
        If there is no mask, a shape differs, or highdicom is not installed or refuses the header.
    """
    shape = (source.header.Rows, source.header.Columns)
    if not masks:
        raise CxrError("a segmentation needs at least one mask that is not empty")
    for name, mask in masks.items():
        if mask.shape != shape:
            raise CxrError(f"mask of {name} of shape {mask.shape}; the image has {shape}")
    hd = highdicom()
    uid = source.uid("segmentation", algorithm.name, __version__, algorithm.weights_sha256 or "", _digest(masks))
    described = [_description(number, name, source, algorithm) for number, name in enumerate(masks, 1)]
    try:
        made = hd.seg.Segmentation(
            [_placed(source.header)],
            np.stack(list(masks.values()), axis=-1)[None],
            hd.seg.SegmentationTypeValues.BINARY,
            described,
            device_serial_number=SERIAL,
            content_label=_LABEL,
            content_description=plain_text(algorithm.name),
            content_creator_name=_CREATOR,
            omit_empty_frames=False,
            **instance(uid, SERIES_NUMBER, "Masks of cxrfactory"),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CxrError(f"a segmentation cannot refer to an image of this header ({type(error).__name__})") from error
    made.CodingSchemeIdentificationSequence = [private_scheme()]
    return source.finish(_without_place(made, source.header))


def _placed(header: Dataset) -> Dataset:
    """Return a header with the geometry of a plane at the origin, and with all that a segmentation copies from it."""
    placed = deepcopy(header)
    placed.FrameOfReferenceUID = derived_uid(str(header.SOPInstanceUID), "frame of reference")
    placed.PositionReferenceIndicator = ""
    placed.ImagePositionPatient = [0, 0, 0]
    placed.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    placed.SliceThickness = 1
    return placed


def _without_place(made: Dataset, header: Dataset) -> Dataset:
    for name in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        if name in made:
            delattr(made, name)
    made.PatientOrientation = header.get("PatientOrientation") or ""
    return made


def _description(number: int, name: str, source: SourceImage, algorithm: Algorithm) -> Any:
    hd = highdicom()
    code = code_of(name)
    described = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=plain_text(name.replace("_", " ")),
        segmented_property_category=concept(code.category),
        segmented_property_type=concept(code.kind),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=identification(algorithm),
        tracking_uid=source.uid("segment", name),
        tracking_id=plain_text(name),
        anatomic_regions=None if code.region is None else [concept(code.region)],
        display_color=hd.color.CIELabColor.from_rgb(*colour_of(name)),
    )
    if code.side is not None and code.region is None:
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [concept(code.side)]
    elif code.side is not None:
        described.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [concept(code.side)]
    return described


def _digest(masks: Mapping[str, np.ndarray]) -> str:
    found = sha256()
    for name, mask in masks.items():
        found.update(name.encode("utf-8", "surrogatepass") + b"\0")
        found.update(np.packbits(mask != 0).tobytes())
    return found.hexdigest()
