"""Grey image of a DICOM object in colour, with three samples a pixel or with palettes: equal channels, or a tint."""

import numpy as np
import pydicom

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_layout import word_layout
from cxrfactory.imaging.dicom_object import transfer_syntax
from cxrfactory.imaging.dicom_stream import checked_frame
from cxrfactory.imaging.dicom_words import check_length
from cxrfactory.imaging.radiograph.dicom_luts import read_lut
from cxrfactory.imaging.radiograph.image import GREY_TOLERANCE_LOSSY, grey_of_colour
from cxrfactory.imaging.radiograph.tint import grey_of_channels


def grey_of_samples(dataset: pydicom.Dataset, notes: list[str]) -> np.ndarray:
    """Return the grey image [row, column] of an object with three samples a pixel.

    Raises
    ------
    ImageError
        If header and pixel data disagree about bits or length, or the image has true colour.
    Exception
        One of :data:`cxrfactory.imaging.dicom_object.DECODING_ERRORS` if the pixel data cannot be decoded.
    """
    layout = word_layout(dataset)
    syntax = transfer_syntax(dataset)
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax.is_encapsulated:
        _, stream = checked_frame(dataset)
        if stream is not None and stream.bits > layout.allocated:
            raise ImageError(
                f"DICOM of BitsAllocated {layout.allocated}, but its {stream.kind} stream has samples of "
                f"{stream.bits} bits"
            )
    elif dataset.get("PlanarConfiguration") is None:
        raise ImageError("DICOM of 3 samples a pixel without PlanarConfiguration; expected 0 or 1")
    elif dataset.PhotometricInterpretation != "YBR_FULL_422":  # which has two samples a pixel on average
        check_length(dataset, layout.allocated, 3)
        _mend_order(dataset, layout.allocated, notes)
    dataset.pixel_array_options(allow_excess_frames=False)
    if not syntax.is_encapsulated or syntax.name == "RLE Lossless":
        dataset.pixel_array_options(allow_excess_frames=False, correct_unused_bits=False)
    stored = dataset.pixel_array
    if layout.stored < 8 * stored.dtype.itemsize and int(stored.max()) > layout.highest:
        raise ImageError(
            f"DICOM of BitsStored {layout.stored}, but its samples use {int(stored.max()).bit_length()} bits"
        )
    return grey_of_channels(stored, GREY_TOLERANCE_LOSSY, notes)


def grey_of_palettes(stored: np.ndarray, dataset: pydicom.Dataset, notes: list[str]) -> np.ndarray:
    """Return the grey image [row, column] of an object of PALETTE COLOR (PS3.3 C.7.9).

    Parameters
    ----------
    stored
        Stored values [row, column], which the palettes of red, green and blue map.
    dataset
        The object.
    notes
        Gets a line for each deviation of a palette that was tolerated.

    Raises
    ------
    ImageError
        If a palette is missing or cannot be read, or the palettes differ, so that the image has true colour.
    """
    if "SegmentedRedPaletteColorLookupTableData" in dataset:
        raise ImageError("DICOM with segmented palettes; expected plain ones, so export it in grey (MONOCHROME2)")
    little_endian, signed = dataset.original_encoding[1] is not False, int(dataset.get("PixelRepresentation") or 0) == 1
    low, high = int(stored.min()), int(stored.max())
    channels = []
    for colour in ("Red", "Green", "Blue"):
        names = {f"{colour}PaletteColorLookupTable{part}": f"LUT{part}" for part in ("Descriptor", "Data")}
        if any(name not in dataset or dataset[name].is_empty for name in names):
            raise ImageError(f"DICOM of PALETTE COLOR without its palette of {colour.lower()}; expected three palettes")
        item = pydicom.Dataset()
        for name, plain in names.items():
            item.add_new(plain, dataset[name].VR, dataset[name].value)
        lut = read_lut(item, f"palette of {colour.lower()}", low, high, signed, little_endian, notes)
        channels.append(lut.apply(np.arange(low, high + 1)))
    table = grey_of_colour(np.stack(channels, -1)[None], 0)[0]
    return table[stored.astype(np.int64) - low]


def _mend_order(dataset: pydicom.Dataset, allocated: int, notes: list[str]) -> None:
    """Set PlanarConfiguration to the order of the samples if the three channels are equal in the other order alone."""
    count = int(dataset.Rows) * int(dataset.Columns)
    flat = np.frombuffer(dataset.PixelData, f"u{allocated // 8}", 3 * count)
    said = int(dataset.PlanarConfiguration)
    by_pixel, by_plane = flat.reshape(count, 3).T, flat.reshape(3, count)
    channels, others = (by_plane, by_pixel) if said else (by_pixel, by_plane)
    if _equal(channels) or not _equal(others):
        return
    notes.append(f"its PlanarConfiguration is {said}, but its samples are in the other order, in which they are equal")
    dataset.PlanarConfiguration = 1 - said


def _equal(channels: np.ndarray) -> bool:
    return np.array_equal(channels[0], channels[1]) and np.array_equal(channels[1], channels[2])
