"""Pictures of masks, to be measured: one of a structure, or a label map whose values or colours a legend names."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import refuse_dicom
from cxrfactory.infer.mask_files import FAULTS, FORMATS, read_mask
from cxrfactory.measure.sources.legend import Legend
from cxrfactory.measure.sources.masks import FileMasks, masks_of_labels
from cxrfactory.measure.sources.names import Label, structures_of
from cxrfactory.tables.file_names import printable_name
from cxrfactory.tables.rle import rle_encode


def read_labelled_picture(path: Path, legend: Legend) -> FileMasks:
    """Read the masks of a label map: PNG, TIFF, GIF or BMP.

    Parameters
    ----------
    path
        The picture. With a legend of colours, its colours are the labels, and black and transparent pixels are
        background; otherwise its values, which are the indices of a palette.
    legend
        Name of each label.

    Raises
    ------
    ImageError
        If the picture cannot be read, or a label has no name, or not that of a known structure.
    """
    name = printable_name(path.name)
    if legend.colours:
        return _of_colours(path, legend, name)
    try:
        values = read_mask(path, label_map=True)
    except ImageError as error:
        advice = (
            "; give a --legend of colours, with rows such as '#ff0000,heart'" if "colour picture" in str(error) else ""
        )
        raise ImageError(f"{error}{advice}") from error
    if values.dtype.kind not in "bui":
        raise ImageError(f"{name} has values of type {values.dtype}; expected whole numbers")
    return FileMasks(values.shape, masks_of_labels(values.astype(np.int64), [], legend.names, name))


def _of_colours(path: Path, legend: Legend, name: str) -> FileMasks:
    colours = _read_colours(path, name)
    present = {int(colour) for colour in np.unique(colours)} - {0}
    labels = [Label(f"#{colour:06x}", None, colour in present) for colour in sorted(present | legend.colours.keys())]
    found = structures_of(labels, legend.names, name)
    masks = {structure: colours == int(key[1:], 16) for key, structure in found.items()}
    return FileMasks(colours.shape, {structure: rle_encode(mask.astype(np.uint8)) for structure, mask in masks.items()})


def _read_colours(path: Path, name: str) -> np.ndarray:
    """Return the colours [row, column], red * 65536 + green * 256 + blue; 0 where a pixel is transparent."""
    try:
        refuse_dicom(path)
        with Image.open(path, formats=FORMATS) as picture:
            if getattr(picture, "n_frames", 1) > 1:
                raise ImageError(f"{name} has {picture.n_frames} frames; expected one picture")
            if picture.mode.startswith(("I", "F")):
                raise ImageError(f"{name} has grey values of more than 8 bits; expected colours, as the legend says")
            pixels = np.asarray(picture.convert("RGBA")).astype(np.int64)
    except ImageError:
        raise
    except FAULTS as error:
        raise ImageError(f"{name} is not readable as PNG, TIFF, GIF or BMP") from error
    red, green, blue, alpha = np.moveaxis(pixels, -1, 0)
    return np.where(alpha == 0, 0, (red << 16) + (green << 8) + blue)


def two_values(values: np.ndarray, name: str) -> Bool[np.ndarray, "h w"]:
    """Return the mask of a file of one structure.

    Raises
    ------
    ImageError
        If the file has several values beside 0.
    """
    mask = values > 0
    inside = values[mask]
    if inside.size and inside.min() != inside.max():
        raise ImageError(
            f"{name} has {len(np.unique(values))} values; expected two, 0 outside the structure and another one "
            "inside: give a file for each label, or a --legend that names the values, and cut probabilities at a "
            "threshold"
        )
    return mask
