"""Radiographs and slices that cannot be used, each with marks where a message might quote the file."""

from collections.abc import Callable

import cv2
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from tests.privacy.headers import file_bytes, radiograph, raw
from tests.privacy.marks import UID_ROOT, WORD, mark

PIXELS = np.random.default_rng(0).integers(0, 4096, (96, 80)).astype(np.uint16)

# Text where a number or a known word belongs: the value that a decoder's message likes to quote.
_WRONG_VALUES = {
    "Modality": "CS", "SOPClassUID": "UI", "BodyPartExamined": "CS", "PatientSpeciesDescription": "LO",
    "PatientBreedDescription": "LO", "PhotometricInterpretation": "CS", "NumberOfFrames": "IS", "WindowCenter": "DS",
    "WindowWidth": "DS", "RescaleSlope": "DS", "RescaleIntercept": "DS", "SamplesPerPixel": "LO", "Rows": "LO",
    "Columns": "LO", "BitsAllocated": "LO", "BitsStored": "LO", "PixelRepresentation": "LO", "PixelSpacing": "DS",
    "ImagerPixelSpacing": "DS", "VOILUTFunction": "CS", "ViewPosition": "CS", "SpecificCharacterSet": "CS",
    "BurnedInAnnotation": "CS", "PlanarConfiguration": "LO", "PixelAspectRatio": "IS", "PatientBirthDate": "DA",
    "ReferencedImageSequence": "SQ", "RescaleType": "LO", "HighBit": "LO",
}  # fmt: skip


def broken_radiographs() -> dict[str, bytes]:
    """Files by name; none has pixels that a reader of patients' names would need."""
    files = {f"wrong-{keyword}": _changed(_write(keyword, vr)) for keyword, vr in _WRONG_VALUES.items()}
    files |= {name: _changed(change) for name, change in _CHANGES.items()}
    whole = file_bytes(radiograph(PIXELS))
    for share in (0.0005, 0.1, 0.5, 0.9, 0.99):
        files[f"cut-{share:g}"] = whole[: 140 + int(share * (len(whole) - 140))]
    rng = np.random.default_rng(1)
    small = file_bytes(radiograph(PIXELS, full=False))
    explicit = b"1.2.840.10008.1.2.1\0"
    files["syntax"] = small.replace(explicit, f"{UID_ROOT}.123".encode())
    files["not-encapsulated"] = small.replace(explicit, b"1.2.840.10008.1.2.5\0")
    files["big-endian"] = small.replace(explicit, b"1.2.840.10008.1.2.2\0")
    header = len(small) - PIXELS.nbytes
    for number in range(12):
        bytes_ = bytearray(small)
        for place in rng.integers(132, header, 3):
            bytes_[place] ^= 1 << rng.integers(8)
        files[f"flipped-{number:02d}"] = bytes(bytes_)
    files["text"] = f"Patient: {mark()}\nBorn: {mark('DA')}\n".encode()
    files["no-mark"] = whole[132:2000]
    return files


def _changed(change: Callable[[Dataset], None]) -> bytes:
    dataset = radiograph(PIXELS, full=False)
    change(dataset)
    return file_bytes(dataset)


def _write(keyword: str, vr: str) -> Callable[[Dataset], None]:
    return lambda dataset: raw(dataset, keyword, mark(), vr)


def _encapsulated(syntax: str, stream: bytes) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelData = encapsulate([stream])
        dataset["PixelData"].VR = "OB"

    return change


def _set(**values: object) -> Callable[[Dataset], None]:
    return lambda dataset: [setattr(dataset, name, value) for name, value in values.items()]


def _no_pixels(dataset: Dataset) -> None:
    del dataset.PixelData


def _lateral(dataset: Dataset) -> None:
    del dataset.ViewPosition
    dataset.SeriesDescription = f"{mark()} LATERAL"


def _bad_lut(dataset: Dataset) -> None:
    item = Dataset()
    item.LUTExplanation, item.LUTDescriptor = mark(), [4, 0, 16]
    item["LUTDescriptor"].VR = "US"
    dataset.VOILUTSequence = Sequence([item])


def _bad_modality_lut(dataset: Dataset) -> None:
    item = Dataset()
    item.ModalityLUTType = mark()
    dataset.ModalityLUTSequence = Sequence([item])


def _unknown_charset(dataset: Dataset) -> None:
    raw(dataset, "SpecificCharacterSet", f"ISO 2022 {WORD}")
    raw(dataset, "PatientName", mark().encode() + b"\xff\xfe\x80", "PN")


def _jpeg(cut: int) -> bytes:
    """A JPEG with a comment, cut off."""
    data = cv2.imencode(".jpg", (PIXELS >> 4).astype(np.uint8))[1].tobytes()
    words = mark().encode()
    return (data[:2] + b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words + data[2:])[:cut]


def _jpeg2000(cut: int) -> bytes:
    data = cv2.imencode(".jp2", (PIXELS >> 4).astype(np.uint8))[1].tobytes()
    start = data.index(b"\xff\x4f\xff\x51")
    stream, words = data[start:], mark().encode()
    size = 4 + int.from_bytes(stream[4:6], "big")
    comment = b"\xff\x64" + (len(words) + 4).to_bytes(2, "big") + b"\0\1" + words
    return (stream[:size] + comment + stream[size:])[:cut]


_CHANGES: dict[str, Callable[[Dataset], None]] = {
    "burnt-in": _set(BurnedInAnnotation="YES"),
    "recognizable": _set(RecognizableVisualFeatures="yes "),
    "no-pixels": _no_pixels,
    "lateral": _lateral,
    "canine": lambda dataset: setattr(dataset, "StudyDescription", f"{mark()} CANINE THORAX"),
    "oblique": _set(ViewPosition="LLO"),
    "frames": _set(NumberOfFrames=3),
    "half": lambda dataset: setattr(dataset, "PixelData", dataset.PixelData[: PIXELS.nbytes // 2]),
    "bits": _set(BitsAllocated=77),
    "lut": _bad_lut,
    "modality-lut": _bad_modality_lut,
    "charset": _unknown_charset,
    "jpeg": _encapsulated(JPEGBaseline8Bit, _jpeg(700)),
    "jpeg2000": _encapsulated(JPEG2000Lossless, _jpeg2000(400)),
    "rle": _encapsulated(RLELossless, mark().encode() * 9),
    "rescale": lambda dataset: [raw(dataset, name, mark()) for name in ("RescaleSlope", "RescaleIntercept")],
    "sequence": lambda dataset: raw(dataset, "RequestAttributesSequence", mark().encode() * 7, "SQ"),
}
