"""Reading of a radiograph from a DICOM object (PS3.3 C.7.6.3, C.11.1, C.11.2).

Pixel spacing and view position are the only header values in the result. Error messages use fixed words of this module
and never quote a value of the file that could identify a patient.
"""

from pathlib import Path

import numpy as np
import pydicom

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_layout import word_layout
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, read_object, transfer_syntax
from cxrfactory.imaging.dicom_words import stored_values
from cxrfactory.imaging.radiograph.dicom_colour import grey_of_palettes, grey_of_samples
from cxrfactory.imaging.radiograph.dicom_display import displayed
from cxrfactory.imaging.radiograph.dicom_padding import darken, find_padding
from cxrfactory.imaging.radiograph.film_orientation import turned_back
from cxrfactory.imaging.radiograph.image import Radiograph, check_size
from cxrfactory.imaging.radiograph.screening import (
    AS_DEFAULT,
    HeaderChecks,
    frontal_view,
    refuse_other_than_frontal_chest,
)

_GREY = ("MONOCHROME1", "MONOCHROME2")
_PALETTES = "PALETTE COLOR"
# Pairs that PS3.3 C.8.11.3.1.2 excludes; they arise when pixels were inverted and one of the two attributes was
# changed.
_CONTRARY = (("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE"))
# Attributes that state that the pixels identify the patient (PS3.3 C.7.6.1.1). Side markers alone set neither of them.
_BURNT_IN = {"BurnedInAnnotation": "(0028,0301)", "RecognizableVisualFeatures": "(0028,0302)"}


def burnt_in_flag(dataset: pydicom.Dataset) -> str | None:
    """Return name and tag of the attribute that states that the pixels identify the patient; None without one."""
    for name, tag in _BURNT_IN.items():
        if str(dataset.get(name) or "").strip().upper() == "YES":
            return f"{name} {tag}"
    return None


def read_dicom(
    source: Path | bytes, max_megapixels: float, burnt_in: str = "keep", checks: HeaderChecks = AS_DEFAULT
) -> Radiograph:
    """Read a frontal chest radiograph from a DICOM file.

    The steps are, in this order: decode the pixel data and compare them with the header
    (:func:`cxrfactory.imaging.dicom_words.stored_values`); find the padding; apply the Modality LUT Sequence or the
    rescale; apply the first VOI LUT or, without one, the first window (linear, linear exact or sigmoid); invert
    MONOCHROME1 images, whatever the header states about the presentation LUT; give padding the darkest value.

    Parameters
    ----------
    source
        File with or without preamble, or its content.
    max_megapixels
        Larger images are refused before decoding, by the DICOM header and by the header of the compressed stream.
    burnt_in
        ``reject`` refuses images whose header states that the pixels identify the patient (:func:`burnt_in_flag`);
        ``keep`` accepts them with a note.
    checks
        What else the header decides, and the words of views and body parts.

    Raises
    ------
    ImageError
        If the file cannot be decoded, has several frames or true colour, or its header states that it is no frontal
        chest radiograph of a human.
    """
    try:
        dataset = read_object(source)
    except ImageError:
        raise
    except DECODING_ERRORS as error:
        raise ImageError(f"damaged DICOM: its header cannot be read ({type(error).__name__})") from error
    try:
        return turned_back(_read(dataset, max_megapixels, burnt_in, checks), dataset, checks)
    except ImageError:
        raise
    except DECODING_ERRORS as error:
        # The error's own text is left out, because it may quote the header.
        raise ImageError(
            f"DICOM that cannot be decoded ({type(error).__name__}; transfer syntax {_syntax_name(dataset)})"
        ) from error


def _read(dataset: pydicom.Dataset, max_megapixels: float, burnt_in: str, checks: HeaderChecks) -> Radiograph:
    notes = refuse_other_than_frontal_chest(dataset, checks)
    if flag := burnt_in_flag(dataset):
        if burnt_in == "reject":
            raise ImageError(
                f"burnt-in annotation: {flag} is YES, so the pixels may name the patient; look at the image, and set "
                "preprocess.burnt_in to keep where they do not"
            )
        notes.append(f"{flag} is YES; kept, as burnt_in says: its pixels may name the patient")
    missing = [name for name in ("Rows", "Columns", "PixelData") if name not in dataset]
    if missing:
        raise ImageError(f"DICOM without {', '.join(missing)}: no image")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise ImageError(f"DICOM of {frames} frames; expected one")
    check_size(int(dataset.Rows), int(dataset.Columns), max_megapixels)
    photometric = str(dataset.get("PhotometricInterpretation", "")).strip()
    samples = int(dataset.get("SamplesPerPixel", 1))
    if photometric not in (*_GREY, _PALETTES) and samples != 3:
        known = "an unknown one" if photometric else ""
        raise ImageError(f"DICOM of photometric interpretation '{known}'; expected MONOCHROME1 or MONOCHROME2")
    if samples == 3:
        pixels = grey_of_samples(dataset, notes)
        return Radiograph(pixels, _spacing_mm(dataset, notes), frontal_view(dataset, checks), tuple(notes))
    stored, left_out = stored_values(dataset)
    notes += left_out
    layout = word_layout(dataset)
    padding = find_padding(stored, layout, notes)
    if photometric == _PALETTES:
        pixels = grey_of_palettes(stored, dataset, notes)
    else:
        pixels = displayed(stored, dataset, layout, padding, notes)
    pixels = darken(pixels, padding, inverted=photometric == "MONOCHROME1")
    if (photometric, str(dataset.get("PresentationLUTShape") or "").strip()) in _CONTRARY:
        notes.append(f"its PresentationLUTShape contradicts {photometric}; {photometric} is followed")
    return Radiograph(pixels, _spacing_mm(dataset, notes), frontal_view(dataset, checks), tuple(notes), padding)


def _syntax_name(dataset: pydicom.Dataset) -> str:
    try:
        syntax = transfer_syntax(dataset)
        return syntax.name if syntax.is_transfer_syntax else "unknown"
    except DECODING_ERRORS:  # a damaged meta header shows only now, because pydicom parses elements lazily
        return "unknown"


def _spacing_mm(dataset: pydicom.Dataset, notes: list[str]) -> tuple[float, float] | None:
    """Return PixelSpacing, else ImagerPixelSpacing (measured at the detector); None if neither is positive."""
    for name in ("PixelSpacing", "ImagerPixelSpacing"):
        try:
            value = dataset.get(name)
            spacing = [] if value is None else [float(number) for number in np.atleast_1d(value)]
        except (TypeError, ValueError):
            notes.append(f"{name} is not a number and is ignored")
            continue
        if len(spacing) == 2 and all(np.isfinite(number) and number > 0 for number in spacing):
            return spacing[0], spacing[1]
        if spacing:
            notes.append(f"{name} is not two positive numbers and is ignored")
    return None
