"""Segmentations for 3D Slicer (``.seg.nrrd``): overlapping masks with names, colours and SNOMED CT codes.

An image lies in the plane of the first two axes, at the origin, and one slice thick, which is where Slicer puts a
picture or a projection radiograph that it loads. The unit is the millimetre where the pixel spacing is known, else a
pixel is one unit. The format is that of Slicer's segmentations: http://teem.sourceforge.net/nrrd/format.html for the
file, and ``SegmentN_...`` keys for the segments.
"""

import gzip
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

from cxrfactory.anatomy.snomed import Code, StructureCode, code_of
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.errors import CxrError
from cxrfactory.export.chosen import ChosenImages
from cxrfactory.export.colours import colour_of
from cxrfactory.export.mask_layers import layered
from cxrfactory.export.output import new_folder
from cxrfactory.export.spacing import Spacing, spacing_of
from cxrfactory.imaging.turns import USUAL, in_plane
from cxrfactory.logs import get_logger
from cxrfactory.products.opened import ProductImage
from cxrfactory.tables.file_names import file_stem

log = get_logger(__name__)

_TYPES = {"u1": "uint8", "u2": "uint16"}
_TERMINOLOGY = "Segmentation category and type - DICOM master list"
_REGIONS = "Anatomic codes - DICOM master list"
_GZIP_LEVEL = 6


def export_nrrd(product: str | Path, output: str | Path, choice: ChosenImagesConfig, with_images: bool = False) -> int:
    """Write ``<release>/<image>.seg.nrrd`` for each chosen image that has a mask.

    Parameters
    ----------
    product
        Folder of the product.
    output
        Folder to write, which must not exist or be empty.
    choice
        Images and masks to export.
    with_images
        Whether to write each image as 8-bit ``<image>.nrrd`` beside its segmentation, in the same frame.

    Returns
    -------
    Number of segmentations.

    Raises
    ------
    CxrError
        If the product or the choice is at fault, the output exists, or an image cannot be read.

    Examples
    --------
    >>> from cxrfactory.config.export import ChosenImagesConfig
    >>> from cxrfactory.export.nrrd import export_nrrd
    >>> export_nrrd(results, folder / "slicer", ChosenImagesConfig(images=["a", "b"]))
    2
    """
    chosen = ChosenImages(product, choice)
    count = 0
    with new_folder(output) as folder:
        for image in chosen:
            masks = chosen.masks(image)
            if not masks:
                log.warning("%s: no mask; no segmentation is written", image.image_id)
                continue
            stem = folder / image.release / file_stem(image.image_id)
            stem.parent.mkdir(parents=True, exist_ok=True)
            spacing = spacing_of(image)
            Path(f"{stem}.seg.nrrd").write_bytes(segmentation_file(masks, spacing, image.orientation))
            if with_images:
                Path(f"{stem}.nrrd").write_bytes(image_file(image, spacing))
            count += 1
        if not count:
            raise CxrError(f"{product}: none of the chosen images has a mask; nothing is written")
    log.info("%s: %d segmentations", output, count)
    return count


def segmentation_file(
    masks: Mapping[str, UInt8[np.ndarray, "height width"]], spacing: Spacing, orientation: str = USUAL
) -> bytes:
    """Return the content of a ``.seg.nrrd`` file.

    Parameters
    ----------
    masks
        Mask of each structure: uint8 [row, column], 0 and 1, at least one, all of one shape.
    spacing
        Pixel spacing.
    orientation
        Directions of rows and columns (:mod:`cxrfactory.imaging.turns`), which the axes of the file state.
    """
    layers, places = layered(masks)
    fields = {
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    for number, (name, mask) in enumerate(masks.items()):
        layer, label = places[name]
        fields |= {f"Segment{number}_{key}": value for key, value in _segment(name, mask, layer, label).items()}
    return _nrrd(layers[0][None] if len(layers) == 1 else layers[:, None], spacing, orientation, fields)


def image_file(image: ProductImage, spacing: Spacing) -> bytes:
    """Return the content of an ``.nrrd`` file of the image, 8 bits, in the frame of its segmentation.

    Raises
    ------
    CxrError
        If the image cannot be read.
    """
    return _nrrd(image.image()[None], spacing, image.orientation, {})


def _segment(name: str, mask: np.ndarray, layer: int, label: int) -> dict[str, str]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    extent = (columns[0], columns[-1], rows[0], rows[-1], 0, 0)
    shown = _one_line(name.replace("_", " "))
    return {
        "ID": _one_line(name),
        "Name": shown,
        "NameAutoGenerated": "0",
        "Color": " ".join(f"{part / 255:.6g}" for part in colour_of(name)),
        "ColorAutoGenerated": "0",
        "Extent": " ".join(str(each) for each in extent),
        "LabelValue": str(label),
        "Layer": str(layer),
        "Tags": f"TerminologyEntry:{_terminology(code_of(name))}|",
    }


def _terminology(code: StructureCode) -> str:
    """Return a code in Slicer's serialised form: category, type and its modifier, then region and its modifier."""
    on_region = code.region is not None
    parts = [code.category, code.kind, None if on_region else code.side]
    regions = [code.region, code.side if on_region else None]
    first, second = ("~".join(_triple(each) for each in group) for group in (parts, regions))
    return f"{_TERMINOLOGY}~{first}~{_REGIONS}~{second}"


def _triple(code: Code | None) -> str:
    if code is None:
        return "^^"
    return f"{code.scheme}^{code.value}^{_one_line(code.meaning, '^~|')}"


def _one_line(text: str, reserved: str = "") -> str:
    shown = "".join(sign if sign.isprintable() and sign not in reserved else "_" for sign in text)
    return shown.strip() or "_"


def _nrrd(
    values: Shaped[np.ndarray, "*layers slices height width"],
    spacing: Spacing,
    orientation: str,
    fields: Mapping[str, str],
) -> bytes:
    """Return an NRRD0005 file, gzip, with axes (layer,) along rows, columns, and z; x runs left, y to the feet."""
    several = values.ndim == 4
    # NRRD counts axes from the fastest. The list of layers comes first, as Slicer writes it.
    ordered = np.moveaxis(values, 0, -1) if several else values
    sizes = ordered.shape[::-1]
    steps = zip(in_plane(orientation), (spacing.column_mm, spacing.row_mm), strict=True)
    directions = [*(f"({x * mm:.10g},{y * mm:.10g},0)" for (x, y), mm in steps), "(0,0,1)"]
    lines = [
        "NRRD0005",
        f"type: {_TYPES[values.dtype.str[1:]]}",
        f"dimension: {len(sizes)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(size) for size in sizes)}",
        f"space directions: {' '.join((['none'] if several else []) + directions)}",
        f"kinds: {' '.join((['list'] if several else []) + ['domain'] * 3)}",
        *(["endian: little"] if values.dtype.itemsize > 1 else []),
        "encoding: gzip",
        "space origin: (0,0,0)",
        *([f'space units: "{spacing.unit}" "{spacing.unit}" "{spacing.unit}"'] if spacing.unit else []),
        *(f"{key}:={value}" for key, value in fields.items()),
    ]
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=_GZIP_LEVEL, mtime=0) as stream:
        stream.write(np.ascontiguousarray(ordered, ordered.dtype.newbyteorder("<")).tobytes())
    return ("\n".join(lines) + "\n\n").encode() + packed.getvalue()
