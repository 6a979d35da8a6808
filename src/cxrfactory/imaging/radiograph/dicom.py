"""Reading of a radiograph from a DICOM object (PS3.3 C.7.6.3, C.11.1, C.11.2).

Pixel spacing and view position are the only header values in the result. Error messages use fixed words of this module
and never quote a value of the file that could identify a patient.
"""

import logging
import warnings
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, read_object, refuse_cut_frame
from cxrfactory.imaging.radiograph.codestream import codestream_shape
from cxrfactory.imaging.radiograph.film_orientation import turned_back
from cxrfactory.imaging.radiograph.image import GREY_TOLERANCE_LOSSY, Radiograph, check_size, grey_of_colour
from cxrfactory.imaging.radiograph.screening import (
    AS_DEFAULT,
    HeaderChecks,
    frontal_view,
    refuse_other_than_frontal_chest,
)

# pydicom's warnings quote header values, which may identify a patient.
warnings.filterwarnings("ignore", module=r"pydicom\.")
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

_GREY = ("MONOCHROME1", "MONOCHROME2")
# Attributes that state that the pixels identify the patient (PS3.3 C.7.6.1.1). Side markers alone set neither of them.
_BURNT_IN = {"BurnedInAnnotation": "(0028,0301)", "RecognizableVisualFeatures": "(0028,0302)"}


def looks_like_dicom(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of DICOM: the DICM mark, or group 2 or 8 without preamble."""
    if head[128:132] == b"DICM":
        return True
    return len(head) >= 8 and head[:2] in (b"\x02\x00", b"\x08\x00") and head[3:4] == b"\x00"


def burnt_in_flag(dataset: pydicom.Dataset) -> str | None:
    """Return name and tag of the attribute that states that the pixels identify the patient; None without one."""
    for name, tag in _BURNT_IN.items():
        if str(dataset.get(name) or "").strip().upper() == "YES":
            return f"{name} {tag}"
    return None


def read_dicom(
    path: Path, max_megapixels: float, burnt_in: str = "keep", checks: HeaderChecks = AS_DEFAULT
) -> Radiograph:
    """Read a frontal chest radiograph from a DICOM file.

    The steps are, in this order: decode the pixel data; apply the Modality LUT Sequence or the rescale; apply the first
    VOI LUT or, without one, the first window (linear, linear exact or sigmoid); invert MONOCHROME1 images, whatever the
    header states about the presentation LUT.

    Parameters
    ----------
    path
        File with or without preamble.
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
        dataset = read_object(path)
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
    if photometric not in _GREY and samples != 3:
        known = photometric if photometric in ("PALETTE COLOR", "") else "an unknown one"
        raise ImageError(f"DICOM of photometric interpretation '{known}'; expected MONOCHROME1 or MONOCHROME2")
    _name_transfer_syntax(dataset)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        shape = codestream_shape(bytes(dataset.PixelData[:65536]))
        if shape is not None and shape != (dataset.Rows, dataset.Columns):
            raise ImageError(
                f"DICOM whose header says {dataset.Rows} x {dataset.Columns} px, but its compressed image "
                f"{shape[0]} x {shape[1]}"
            )
        refuse_cut_frame(dataset)
    stored = dataset.pixel_array
    if samples == 3:
        pixels = grey_of_colour(stored, GREY_TOLERANCE_LOSSY)
    else:
        pixels = _to_display(stored, dataset, notes)
        if photometric == "MONOCHROME1":
            pixels = pixels.max() - pixels + pixels.min()
    return Radiograph(pixels, _spacing_mm(dataset, notes), frontal_view(dataset, checks), tuple(notes))


def _to_display(stored: np.ndarray, dataset: pydicom.Dataset, notes: list[str]) -> np.ndarray:
    values = apply_modality_lut(stored, dataset)
    if "VOILUTSequence" not in dataset and "WindowWidth" in dataset:
        widths = np.atleast_1d(dataset.WindowWidth if dataset.WindowWidth is not None else 0)
        least = 1 if dataset.get("VOILUTFunction", "LINEAR") in ("LINEAR", "") else 0
        if not len(widths) or float(widths[0]) < least or float(widths[0]) == 0 or "WindowCenter" not in dataset:
            notes.append("its VOI window has no positive width; the full range of values is used")
            return _compact(values)
    if "VOILUTSequence" in dataset and not all(
        dataset.VOILUTSequence and dataset.VOILUTSequence[0].get(name) for name in ("LUTDescriptor", "LUTData")
    ):
        notes.append("its VOI table is empty and is ignored")
    return _compact(apply_voi_lut(values, dataset, index=0))


def _compact(values: np.ndarray) -> np.ndarray:
    """Convert integers that fit to uint8 or uint16 (negative ones are shifted up to 0), other values to float32."""
    if values.dtype in (np.uint8, np.uint16):
        return values
    if values.dtype.kind in "iu":
        low, high = min(int(values.min()), 0), int(values.max())
        if high - low <= 65535:
            return (values.astype(np.int64) - low).astype(np.uint16)
    return values.astype(np.float32)


def _name_transfer_syntax(dataset: pydicom.Dataset) -> None:
    # A file without preamble has no file meta; its data are uncompressed and encoded like its header.
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
    if "TransferSyntaxUID" in dataset.file_meta:
        return
    implicit, little = dataset.original_encoding
    if implicit:
        syntax: UID = ImplicitVRLittleEndian
    else:
        syntax = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = syntax


def _syntax_name(dataset: pydicom.Dataset) -> str:
    try:
        syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
        known = syntax is not None and UID(syntax).is_transfer_syntax
        return UID(syntax).name if known else "unknown"
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
