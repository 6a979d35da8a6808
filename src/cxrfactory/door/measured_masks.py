"""Files of masks, to be measured: ``IMAGE.STRUCTURE.png``, or a folder an image with a file a structure."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.anatomy.taxonomy import classes
from cxrfactory.config.measure import MeasureInputConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.infer.mask_files import read_mask
from cxrfactory.measure.items import Item
from cxrfactory.measure.source import Source
from cxrfactory.tables.file_names import printable_name
from cxrfactory.tables.rle import rle_encode


def mask_items(dataset: str, paths: Sequence[Path], given: MeasureInputConfig) -> Source:
    """Return the images of some files of masks, ordered by image id.

    Parameters
    ----------
    dataset
        Name for the rows' dataset.
    paths
        The files; every value above 0 belongs to the structure.
    given
        View of all images, and the side of a pixel where it is known.

    Raises
    ------
    CxrError
        If the name of a file has no structure, or two files are of one structure of one image.
    """
    images: dict[str, dict[str, Path]] = {}
    for path in paths:
        image_id, structure = image_and_structure(path)
        masks = images.setdefault(image_id, {})
        if structure in masks:
            raise CxrError(f"{path}: {structure} of image '{image_id}' is also in {masks[structure].name}; give one")
        masks[structure] = path
    return Source((_item(dataset, name, images[name], given) for name in sorted(images)), len(images))


def image_and_structure(path: Path) -> tuple[str, str]:
    """Return the image and the structure that the path of a mask names.

    Raises
    ------
    CxrError
        If the file is missing, or its name has no structure.
    """
    if not path.is_file():
        raise CxrError(f"{path}: no such file")
    stem, _, last = path.stem.rpartition(".")
    known = _structures()
    if stem and _plain(last) in known:
        return printable_name(stem), known[_plain(last)]
    if not stem and _plain(path.stem) in known:
        return printable_name(path.parent.absolute().name), known[_plain(path.stem)]
    raise CxrError(
        f"{path}: its name ends with no structure; expected IMAGE.STRUCTURE.png, such as film1.heart.png, or "
        "IMAGE/STRUCTURE.png"
    )


@cache
def _structures() -> dict[str, str]:
    names = [*(organ.replace("_", " ") for organ in ORGANS), *(each.name for each in classes())]
    return {_plain(name): name for name in reversed(names)}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def _item(dataset: str, image_id: str, paths: dict[str, Path], given: MeasureInputConfig) -> Item:
    rles: dict[str, str] = {}
    shape, fault = (1, 1), ""
    try:
        shape, rles = _read(paths)
    except ImageError as error:
        fault = str(error)
    return Item(
        dataset=dataset,
        image_id=image_id,
        view=given.view,
        height=shape[0],
        width=shape[1],
        rles=rles,
        spacing_mm=None if given.pixel_mm is None else (given.pixel_mm, given.pixel_mm),
        fault=fault,
    )


def _read(paths: dict[str, Path]) -> tuple[tuple[int, int], dict[str, str]]:
    rles, shapes = {}, {}
    for structure, path in sorted(paths.items()):
        mask = read_mask(path) > 0
        shapes[structure], rles[structure] = mask.shape, rle_encode(mask)
    if len(set(shapes.values())) > 1:
        both = ", ".join(f"{name} {height} x {width}" for name, (height, width) in shapes.items())
        raise ImageError(f"masks of different sizes: {both}; expected one size an image")
    return next(iter(shapes.values())), rles
