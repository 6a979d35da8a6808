"""Decoding of the compressed image in a DICOM object to samples as its stream states them (PS3.5 A.4).

The stream is recognised by its own marks, which are stronger than the transfer syntax. Nothing is corrected here:
bits and sign of the samples are the stream's, and :mod:`cxrfactory.imaging.dicom_words` compares them with the
header.
"""

import struct
from dataclasses import dataclass

import numpy as np
import pydicom
from jaxtyping import Shaped
from pydicom.encaps import generate_fragments, get_frame, parse_basic_offsets
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_object import transfer_syntax
from cxrfactory.imaging.radiograph.codestream import Codestream, read_codestream
from cxrfactory.imaging.radiograph.jpeg_stream import decode_grey_jpeg, refuse_damaged_jpeg

_JPEG = b"\xff\xd8\xff"
_MARKED_STREAMS = (_JPEG, b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")  # JPEG and JPEG-LS, JPEG 2000, JP2
_STREAM_END = b"\xff\xd9"  # end mark of all these streams
_PADDING = b"\0\xff"  # DICOM pads a stream to an even length; some encoders append more bytes
_RLE_HEADER_BYTES = 64


@dataclass(frozen=True)
class Samples:
    """Decoded samples of one grey image, and what the stream says of them.

    Attributes
    ----------
    values
        Integers [row, column]; signed where the stream is signed.
    stream
        Header of the stream; None for RLE, which holds words as an uncompressed object does.
    """

    values: Shaped[np.ndarray, "rows columns"]
    stream: Codestream | None


def checked_frame(dataset: pydicom.Dataset) -> tuple[bytes, Codestream | None]:
    """Return the compressed frame of a single-frame object and the header of its stream.

    Raises
    ------
    ImageError
        If there are several frames; if the stream's size or number of components is not that of the header; if it
        lacks its end mark, so that a decoder would invent pixels; if a JPEG of 8 bits is damaged; or if RLE segments
        do not fit the header.
    Exception
        One of :data:`cxrfactory.imaging.dicom_object.DECODING_ERRORS` if the frame cannot be found.
    """
    syntax = transfer_syntax(dataset)
    # Run lengths of RLE may look like the marks of a stream.
    early = None if syntax == RLELossless else read_codestream(bytes(dataset.PixelData[:65536]))
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if early is not None and (early.height, early.width) != (rows, columns):
        raise ImageError(
            f"DICOM whose header says {rows} x {columns} px, but its compressed image {early.height} x {early.width}"
        )
    _refuse_several_frames(dataset)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    samples = int(dataset.get("SamplesPerPixel", 1))
    if not frame.startswith(_MARKED_STREAMS):
        _check_segments(frame, dataset, syntax, samples)
        return frame, None
    if not frame.rstrip(_PADDING).endswith(_STREAM_END):
        raise ImageError("truncated DICOM: its compressed image has no end")
    stream = read_codestream(frame)
    if stream is None:
        raise ImageError("damaged DICOM: its compressed image states no size")
    if syntax == RLELossless:
        raise ImageError(f"DICOM of transfer syntax {syntax.name}, but its pixel data are a {stream.kind} stream")
    if stream.components != samples:
        raise ImageError(
            f"DICOM whose header says {samples} sample{'s' * (samples > 1)} a pixel, but its {stream.kind} stream has "
            f"{stream.components} component{'s' * (stream.components > 1)}"
        )
    if frame.startswith(_JPEG) and samples != 1:  # the damage of a grey image shows when it is decoded
        refuse_damaged_jpeg(frame)
    return frame, stream


def decode_grey(dataset: pydicom.Dataset) -> Samples:
    """Decode the compressed grey image of a single-frame object.

    Raises
    ------
    ImageError
        See :func:`checked_frame`.
    Exception
        One of :data:`cxrfactory.imaging.dicom_object.DECODING_ERRORS` if the stream cannot be decoded.
    """
    frame, stream = checked_frame(dataset)
    if stream is None:
        return Samples(_run_lengths(dataset), None)
    if stream.kind == "JPEG 2000":
        from openjpeg.utils import decode as decode_jpeg_2000

        values = decode_jpeg_2000(frame)
    elif stream.kind == "JPEG" and stream.bits == 8:
        refuse_damaged_jpeg(frame)
        try:
            values = decode_grey_jpeg(frame)
        except ImageError:  # a process that libjpeg-turbo does not support
            values = _other_jpeg(frame)
    else:
        values = _other_jpeg(frame)
    if values.shape != (stream.height, stream.width):
        raise ImageError(f"damaged DICOM: its {stream.kind} stream decodes to {values.shape}")
    return Samples(values, stream)


def _other_jpeg(frame: bytes) -> np.ndarray:
    from libjpeg.utils import decode

    return decode(frame)


def _refuse_several_frames(dataset: pydicom.Dataset) -> None:
    offsets = len(parse_basic_offsets(dataset.PixelData))
    starts = sum(fragment.startswith(_MARKED_STREAMS) for fragment in generate_fragments(dataset.PixelData))
    if max(offsets, starts) > 1:
        raise ImageError(f"DICOM whose header says one frame, but its pixel data hold {max(offsets, starts)}")


def _check_segments(frame: bytes, dataset: pydicom.Dataset, syntax: UID, samples: int) -> None:
    """Refuse RLE whose number of segments is not the header's: one for each byte of each sample (PS3.5 G.2)."""
    if syntax != RLELossless:
        raise ImageError(f"DICOM of transfer syntax {syntax.name}, but its pixel data hold no such stream")
    if len(frame) < _RLE_HEADER_BYTES:
        raise ImageError("truncated DICOM: its RLE image ends within its header")
    found, expected = struct.unpack("<L", frame[:4])[0], samples * int(dataset.BitsAllocated) // 8
    if found != expected:
        raise ImageError(
            f"DICOM of BitsAllocated {int(dataset.BitsAllocated)} and SamplesPerPixel {samples}, but its RLE stream "
            f"has {found} segments; expected {expected}"
        )


def _run_lengths(dataset: pydicom.Dataset) -> np.ndarray:
    options = {"correct_unused_bits": False, "allow_excess_frames": False}
    values, _ = get_decoder(RLELossless).as_array(dataset, index=0, raw=True, **options)
    return values
