"""NIfTI masks: a folder for each image with one file for each structure, and a table of names, colours and codes.

NIfTI holds no names or colours, and masks may overlap; therefore each mask is a file of its own, as TotalSegmentator
writes them, and ``structures.csv`` names them. The frame is that of :mod:`cxrfactory.export.nrrd`.
"""

import csv
import gzip
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.snomed import code_of
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.errors import CxrError
from cxrfactory.export.chosen import ChosenImages
from cxrfactory.export.colours import colour_of
from cxrfactory.export.output import new_folder
from cxrfactory.export.spacing import Spacing, spacing_of
from cxrfactory.imaging.turns import USUAL, in_plane
from cxrfactory.logs import get_logger
from cxrfactory.tables.file_names import file_stem

log = get_logger(__name__)

TABLE = "structures.csv"
IMAGE = "image"
COLUMNS = ("name", "file", "red", "green", "blue", "scheme", "code", "meaning", "side", "region")
_GZIP_LEVEL = 6


def export_nifti(product: str | Path, output: str | Path, choice: ChosenImagesConfig, with_images: bool = False) -> int:
    """Write ``<release>/<image>/<structure>.nii.gz`` for each chosen mask that is not empty, and ``structures.csv``.

    Parameters
    ----------
    product
        Folder of the product.
    output
        Folder to write, which must not exist or be empty.
    choice
        Images and masks to export.
    with_images
        Whether to write each image as 8-bit ``image.nii.gz`` beside its masks.

    Returns
    -------
    Number of masks.

    Raises
    ------
    CxrError
        If the product or the choice is at fault, the output exists, or an image cannot be read.

    Examples
    --------
    >>> from cxrfactory.config.export import ChosenImagesConfig
    >>> from cxrfactory.export.nifti import export_nifti
    >>> export_nifti(results, folder / "nifti", ChosenImagesConfig(images=["a"], masks=["heart"]))
    1
    """
    chosen = ChosenImages(product, choice)
    count = 0
    with new_folder(output) as folder:
        for image in chosen:
            masks, spacing = chosen.masks(image), spacing_of(image)
            place = folder / image.release / file_stem(image.image_id)
            place.mkdir(parents=True, exist_ok=True)
            for name, mask in masks.items():
                (place / file_name(name)).write_bytes(nifti_file(mask, spacing, image.orientation))
            if with_images:
                (place / f"{IMAGE}.nii.gz").write_bytes(nifti_file(image.image(), spacing, image.orientation))
            count += len(masks)
        if not count:
            raise CxrError(f"{product}: none of the chosen images has a mask; nothing is written")
        _write_table(folder / TABLE, [each.name for each in chosen.structures])
    log.info("%s: %d masks", output, count)
    return count


def file_name(name: str) -> str:
    """Return the file name of a structure's mask."""
    return f"{file_stem(name.replace(' ', '_'))}.nii.gz"


def nifti_file(values: UInt8[np.ndarray, "height width"], spacing: Spacing, orientation: str = USUAL) -> bytes:
    """Return the content of a ``.nii.gz`` file of one slice.

    Parameters
    ----------
    values
        The mask (0 and 1) or image, uint8 [row, column].
    spacing
        Pixel spacing. The unit in the header is mm, or unknown if the spacing is not known.
    orientation
        Directions of rows and columns (:mod:`cxrfactory.imaging.turns`), which the axes of the file state.
    """
    import nibabel

    # NIfTI counts x to the patient's right, y to the front; a film counts to the left and to the feet.
    affine = np.eye(4)
    affine[:2, :2] = -np.transpose(in_plane(orientation)) * (spacing.column_mm, spacing.row_mm)
    made = nibabel.Nifti1Image(np.ascontiguousarray(values.T)[..., None], affine)
    made.header.set_xyzt_units("mm" if spacing.known else "unknown")
    made.set_sform(affine, code="scanner")
    made.set_qform(affine, code="scanner")
    return gzip.compress(made.to_bytes(), _GZIP_LEVEL, mtime=0)


def _write_table(path: Path, names: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name in names:
            code = code_of(name)
            side, region = (each.meaning if each else "" for each in (code.side, code.region))
            kind = (code.kind.scheme, code.kind.value, code.kind.meaning)
            writer.writerow([name, file_name(name), *colour_of(name), *kind, side, region])
