"""Reading of DICOM objects; a deflated data set is inflated only up to the size that an image can have."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.jpeg_stream import refuse_damaged_jpeg

LARGEST_INFLATED = 1 << 28  # bytes; 100 Mpx of 16 bits are 200 MB

# Exceptions that pydicom and the decoders raise on damaged data.
DECODING_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

_MARK_PLACE, _META_PLACE = 128, 132
_META_GROUP = 2
_META_BYTES = 1 << 16  # a meta header has a few hundred bytes
_JPEG = b"\xff\xd8\xff"
_MARKED_STREAMS = (_JPEG, b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")  # JPEG and JPEG-LS, JPEG 2000, JP2
_STREAM_END = b"\xff\xd9"  # end mark of all these streams
_PADDING = b"\0\xff"  # DICOM pads a stream to an even length; some encoders append more bytes


def read_object(path: Path, **options: Any) -> pydicom.Dataset:
    """Read a DICOM file, with or without preamble, like ``pydicom.dcmread``.

    Parameters
    ----------
    path
        The file.
    **options
        Options of ``dcmread``.

    Raises
    ------
    ImageError
        If a deflated data set inflates beyond :data:`LARGEST_INFLATED` or ends early.
    Exception
        One of :data:`DECODING_ERRORS` if the file cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(_META_BYTES)
        if DeflatedExplicitVRLittleEndian.encode() not in start:
            stream.seek(0)
            return pydicom.dcmread(stream, force=True, **options)
        stream.seek(_META_PLACE if start[_MARK_PLACE:_META_PLACE] == b"DICM" else 0)
        meta = FileMetaDataset(read_dataset(stream, False, True, stop_when=lambda tag, *_: tag.group != _META_GROUP))
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            stream.seek(0)
            return pydicom.dcmread(stream, force=True, **options)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        body = inflater.decompress(stream.read(), LARGEST_INFLATED)
    if inflater.unconsumed_tail:
        raise ImageError(f"deflated DICOM of more than {LARGEST_INFLATED >> 20} MiB; expected one image")
    if not inflater.eof:
        raise ImageError("truncated DICOM: its deflated data set ends early")
    dataset = pydicom.dcmread(io.BytesIO(body), force=True, **options)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian  # the syntax of the inflated data set
    dataset.file_meta = meta
    return dataset


def refuse_cut_frame(dataset: pydicom.Dataset) -> None:
    """Refuse a single-frame object with a truncated compressed stream, whose missing pixels a decoder would invent.

    Streams without start and end marks (RLE) are not checked here.

    Raises
    ------
    ImageError
        If a JPEG, JPEG-LS or JPEG 2000 stream lacks its end mark, or a JPEG of 8 bits is damaged.
    Exception
        One of :data:`DECODING_ERRORS` if the frame cannot be found.
    """
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if frame.startswith(_MARKED_STREAMS) and not frame.rstrip(_PADDING).endswith(_STREAM_END):
        raise ImageError("truncated DICOM: its compressed image has no end")
    if frame.startswith(_JPEG):
        refuse_damaged_jpeg(frame)
