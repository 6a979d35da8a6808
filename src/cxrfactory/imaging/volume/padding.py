"""Replacement of padding in CT slices (PS3.3 C.7.5.1.1.2): pixels outside the reconstructed field become air."""

import numpy as np
import pydicom

from cxrfactory.imaging.dicom_layout import word_layout
from cxrfactory.imaging.radiograph.dicom_padding import free_to_edge
from cxrfactory.imaging.volume.grid import AIR_HU

# A padding value in this range of HU also occurs in tissue, so only pixels from which it reaches the slice's edge along
# the row and along the column are padding.
_TISSUE_HU = (-900.0, 4000.0)


def fill_padding(pixels: np.ndarray, header: pydicom.Dataset, slope: float, intercept: float) -> int:
    """Set the padding of a slice to air, in place, and return the number of pixels that changed.

    Padding is PixelPaddingValue or, with PixelPaddingRangeLimit, the range between both, read as for radiographs
    (:func:`cxrfactory.imaging.dicom_layout.word_layout`). Air is the stored value next to
    :data:`cxrfactory.imaging.volume.grid.AIR_HU`.

    Parameters
    ----------
    pixels
        Stored values [row, column], int16 or uint16.
    header
        Data set of the slice.
    slope, intercept
        Scaling of the stored values to HU.
    """
    layout = word_layout(header)
    padding = layout.is_padding(pixels)
    if padding is None or layout.padding is None or slope == 0:
        return 0
    low, high = layout.padding
    if not padding.any():
        return 0
    ends = sorted((low * slope + intercept, high * slope + intercept))
    if ends[0] < _TISSUE_HU[1] and ends[1] > _TISSUE_HU[0]:
        padding = free_to_edge(padding)
    kind = np.iinfo(pixels.dtype)
    air = int(np.clip(round((AIR_HU - intercept) / slope), kind.min, kind.max))
    changed = int(np.count_nonzero(padding & (pixels != air)))
    pixels[padding] = air
    return changed
