"""Files of masks, to be measured: a file an image and structure, which its name or folder says."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.anatomy.taxonomy import class_by_id, class_of, classes, totalsegmentator_v2, union_plan
from cxrfactory.config.measure import MeasureInputConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.structures import LUNGS
from cxrfactory.infer.mask_files import read_mask
from cxrfactory.measure.items import Item
from cxrfactory.measure.source import Source
from cxrfactory.tables.file_names import printable_name
from cxrfactory.tables.rle import rle_encode

_SEPARATOR = re.compile(r"[_\-\s]+")


def mask_items(dataset: str, paths: Sequence[Path], given: MeasureInputConfig) -> Source:
    """Return the images of some files of masks, ordered by image id.

    Parameters
    ----------
    dataset
        Name for the rows' dataset.
    paths
        The files, each with two values: 0 outside the structure and another one inside.
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

    The name of the file ends with the structure (``IMAGE.STRUCTURE.png``, ``IMAGE_STRUCTURE.png``), or one of file and
    folder is the structure (``IMAGE/STRUCTURE.png``, ``STRUCTURE/IMAGE.png``). A side may stand before or behind.

    Raises
    ------
    CxrError
        If the file is missing, or its name has no structure.
    """
    if not path.is_file():
        raise CxrError(f"{path}: no such file")
    stem, _, last = path.stem.rpartition(".")
    if stem and (structure := _structure(last)):
        return printable_name(stem), structure
    parent = path.parent.absolute().name
    if structure := _structure(path.stem):
        return printable_name(parent), structure
    for found in _SEPARATOR.finditer(path.stem):  # the longest name of a structure counts
        if found.start() and (structure := _structure(path.stem[found.end() :])):
            return printable_name(path.stem[: found.start()]), structure
    if structure := _structure(parent):
        return printable_name(path.stem), structure
    raise CxrError(
        f"{path}: its name ends with no structure; expected IMAGE.STRUCTURE.png, such as film1.heart.png, "
        "IMAGE/STRUCTURE.png or STRUCTURE/IMAGE.png"
    )


def _structure(name: str) -> str | None:
    plain = _plain(name)
    rest, _, side = plain.rpartition(" ")
    return _structures().get(plain) or (_structures().get(f"{side} {rest}") if side in ("left", "right") else None)


@cache
def _structures() -> dict[str, str]:
    names = [*(organ.replace("_", " ") for organ in ORGANS), *(each.name for each in classes())]
    theirs = {_plain(name): found.name for name in totalsegmentator_v2().values() if (found := class_of(name))}
    return theirs | {_plain(name): name for name in reversed(names)}


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


def _two_values(path: Path) -> np.ndarray:
    values = read_mask(path)
    mask = values > 0
    inside = values[mask]
    if inside.size and inside.min() != inside.max():
        raise ImageError(
            f"{printable_name(path.name)} has {len(np.unique(values))} values; expected two, 0 outside the structure "
            "and another one inside: give a file for each label, and cut probabilities at a threshold"
        )
    return mask


def _read(paths: dict[str, Path]) -> tuple[tuple[int, int], dict[str, str]]:
    rles, shapes = {}, {}
    for structure, path in sorted(paths.items()):
        mask = _two_values(path)
        shapes[structure], rles[structure] = mask.shape, rle_encode(mask)
    if len(set(shapes.values())) > 1:
        both = ", ".join(f"{name} {height} x {width}" for name, (height, width) in shapes.items())
        raise ImageError(f"masks of different sizes: {both}; expected one size an image")
    shape = next(iter(shapes.values()))
    return shape, rles | _lungs_of_lobes(rles, *shape)


def _lungs_of_lobes(rles: dict[str, str], height: int, width: int) -> dict[str, str]:
    """Return the lungs whose lobes all have a mask and that have none themselves."""
    by_class = {found.class_id: name for name in rles if (found := class_of(name))}
    made = {}
    for class_id, parts in union_plan(by_class):
        if (name := class_by_id(class_id).name) in LUNGS:
            first, *others = (Runs.from_rle(rles[by_class[part]], height, width) for part in parts)
            made[name] = rle_encode(first.union(others).mask())
    return made
