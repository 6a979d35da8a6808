"""The pixels of one image of a DICOM object, scaled as its header says."""

from functools import lru_cache

import numpy as np
import pydicom
from pydicom.encaps import encapsulate, get_frame
from pydicom.tag import BaseTag

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.dicom_headers import FrameHeader
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, transfer_syntax
from cxrfactory.imaging.dicom_words import stored_values
from cxrfactory.imaging.volume.series_files import SeriesFile


def pixels(frame: FrameHeader) -> np.ndarray:
    """Return the pixels of one image, scaled as the header says, float32.

    Raises
    ------
    ImageError
        If they cannot be decoded or have another size than the header says.
    """
    called = frame.file.called
    try:
        values, _ = stored_values(_single(_dataset(frame.file), frame.frame))
    except ImageError as error:
        raise ImageError(f"{called}: an image that cannot be decoded: {error}") from error
    except DECODING_ERRORS as error:
        raise ImageError(f"{called}: an image that cannot be decoded ({type(error).__name__})") from error
    if values.shape != frame.size:
        raise ImageError(f"{called}: decodes to {values.shape}; expected {frame.size}")
    return (values * np.float32(frame.slope) + np.float32(frame.intercept)).astype(np.float32)


@lru_cache(maxsize=2)  # an enhanced object holds all times of a place, or of all places
def _dataset(file: SeriesFile) -> pydicom.Dataset:
    return file.read()


def _single(dataset: pydicom.Dataset, frame: int) -> pydicom.Dataset:
    """Return an object of one of the frames."""
    count = int(dataset.get("NumberOfFrames") or 1)
    if count == 1:
        return dataset
    single = pydicom.Dataset()
    for tag in filter(_about_pixels, dataset.keys()):
        single.add(dataset[tag])
    single.file_meta = dataset.file_meta
    single.set_original_encoding(*dataset.original_encoding)
    if transfer_syntax(dataset).is_encapsulated:
        single.PixelData = encapsulate([get_frame(dataset.PixelData, frame, number_of_frames=count)])
        single["PixelData"].is_undefined_length = True
        return single
    data = dataset.PixelData
    size = int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated) // 8
    if len(data) < count * size:
        raise ImageError(f"its pixel data have {len(data)} bytes, but {count} frames need {count * size}")
    single.PixelData = data[frame * size : (frame + 1) * size]
    return single


def _about_pixels(tag: BaseTag) -> bool:
    """Return whether an element says how the pixels of one frame are stored."""
    return tag.group == 0x0028 and tag.element != 0x0008
