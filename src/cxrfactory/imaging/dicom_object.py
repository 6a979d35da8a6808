"""Reading of DICOM objects; a deflated data set is inflated only up to the size that an image can have.

Importing this module silences pydicom's warnings.
"""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_silence import silence_pydicom

silence_pydicom()

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
_MARK = b"DICM"


def read_object(source: Path | bytes, **options: Any) -> pydicom.Dataset:
    """Read a DICOM file, with or without preamble, like ``pydicom.dcmread``.

    Parameters
    ----------
    source
        The file, or its content.
    **options
        Options of ``dcmread``.

    Raises
    ------
    ImageError
        If a deflated data set inflates beyond :data:`LARGEST_INFLATED` or ends early.
    Exception
        One of :data:`DECODING_ERRORS` if the file cannot be read.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
        start = stream.read(_META_BYTES)
        if start.startswith(_MARK) and start[_MARK_PLACE:_META_PLACE] != _MARK:  # the preamble is missing
            return read_object(start[len(_MARK) :] + stream.read(), **options)
        if DeflatedExplicitVRLittleEndian.encode() not in start:
            stream.seek(0)
            return pydicom.dcmread(stream, force=True, **options)
        stream.seek(_META_PLACE if start[_MARK_PLACE:_META_PLACE] == _MARK else 0)
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


def transfer_syntax(dataset: pydicom.Dataset) -> UID:
    """Return the transfer syntax of an object that was read.

    An object without a meta header is uncompressed, and its pixel data are encoded like its header.

    Raises
    ------
    Exception
        One of :data:`DECODING_ERRORS` if the meta header is damaged.
    """
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if syntax is not None:
        return UID(syntax)
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRBigEndian if little is False else ExplicitVRLittleEndian
