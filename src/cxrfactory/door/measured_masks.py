"""Files of masks, to be measured: a file an image and structure, which its name or folder says, or a file an image."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cxrfactory.anatomy.taxonomy import class_by_id, class_of, union_plan
from cxrfactory.config.measure import MeasureInputConfig
from cxrfactory.door.measured_pictures import read_labelled_picture, two_values
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.structures import LUNGS
from cxrfactory.imaging.volume.files import volume_suffix
from cxrfactory.infer.mask_files import SUFFIXES, read_mask
from cxrfactory.logs import get_logger
from cxrfactory.measure.items import Item
from cxrfactory.measure.pixels import agreed_mm
from cxrfactory.measure.source import Source
from cxrfactory.measure.sources.dicom_seg import is_dicom, read_segmentation, segmentation_header
from cxrfactory.measure.sources.legend import Legend, read_legend
from cxrfactory.measure.sources.masks import FileMasks
from cxrfactory.measure.sources.names import structure_of
from cxrfactory.measure.sources.slices import names_labels, read_labelled_slice, read_slice
from cxrfactory.tables.file_names import printable_name
from cxrfactory.tables.rle import rle_encode

log = get_logger(__name__)

_SEPARATOR = re.compile(r"[_\-\s]+")
_IMAGE = "image"  # name of the film that `export nifti` writes beside its masks
_SEG, _SLICER = ".seg", ".seg.nrrd"


@dataclass
class _Image:
    """Files of one image: one for each structure, or one of all."""

    files: dict[str, Path] = field(default_factory=dict)
    whole: Path | None = None
    fault: str = ""


def is_mask_file(path: Path) -> bool:
    """Return whether a file is a picture or a volume by its name, or a DICOM object by its content."""
    return path.suffix.lower() in SUFFIXES or volume_suffix(path) is not None or is_dicom(path)


def masks_in(folder: Path) -> list[Path]:
    """Return the files of masks in a folder and those below it, sorted.

    Hidden files, such as macOS leaves them, are none. Neither are the films that exports hold beside their masks:
    ``image.nii.gz``, ``NAME.nrrd`` beside ``NAME.seg.nrrd``, and DICOM objects that are no segmentations.
    """
    seen = (path for path in folder.rglob("*") if not any(part[0] == "." for part in path.relative_to(folder).parts))
    found = sorted(path for path in seen if path.is_file() and is_mask_file(path))
    kept = [path for path in found if not _is_film(path)]
    if len(kept) < len(found):
        log.info("%s: %d films and other objects without masks are left aside", folder, len(found) - len(kept))
    return kept


def mask_items(dataset: str, paths: Sequence[Path], given: MeasureInputConfig) -> Source:
    """Return the images of some files of masks, ordered by image id.

    Parameters
    ----------
    dataset
        Name for the rows' dataset.
    paths
        The files. One of a structure has two values, 0 outside the structure and another one inside. One of several
        structures is a DICOM segmentation, a volume whose header names its labels, or any one that the legend names.
    given
        View of all images, the side of a pixel where it is known, the legend, and the axes of volumes.

    Raises
    ------
    CxrError
        If the name of a file has no structure, two files are of one structure of one image, or a file is missing.
    """
    legend = None if given.legend is None else read_legend(given.legend)
    images: dict[str, _Image] = {}
    whole = dict.fromkeys(path for path in paths if _is_whole(path, legend))
    for path, image_id in zip(whole, _names_of(list(whole)), strict=True):
        if image_id in images:
            raise CxrError(f"{path}: image '{image_id}' is also in {images[image_id].whole}; give one, or rename it")
        images[image_id] = _Image(whole=path)
    for path in paths:
        if path in whole:
            continue
        image_id, structure = image_and_structure(path)
        image = images.setdefault(image_id, _Image())
        if image.whole or structure in image.files:
            other = image.whole or image.files[structure]
            raise CxrError(f"{path}: {structure} of image '{image_id}' is also in {other.name}; give one")
        image.files[structure] = path
    _refuse_two_segmentations(images)
    read = partial(_item, dataset, given, legend or Legend())
    return Source((read(name, images[name]) for name in sorted(images)), len(images))


def image_and_structure(path: Path) -> tuple[str, str]:
    """Return the image and the structure that the path of a mask names.

    The name of the file ends with the structure (``IMAGE.STRUCTURE.png``, ``IMAGE_STRUCTURE.png``), or one of file and
    folder is the structure (``IMAGE/STRUCTURE.png``, ``STRUCTURE/IMAGE.png``). A side may stand before or behind.

    Raises
    ------
    CxrError
        If the file is missing, or its name has no structure.
    """
    _refuse_missing(path)
    name = _stem(path)
    stem, _, last = name.rpartition(".")
    if stem and (structure := structure_of(last)):
        return printable_name(stem), structure
    parent = path.parent.absolute().name
    if structure := structure_of(name):
        return printable_name(parent), structure
    for found in _SEPARATOR.finditer(name):  # the longest name of a structure counts
        if found.start() and (structure := structure_of(name[found.end() :])):
            return printable_name(name[: found.start()]), structure
    if structure := structure_of(parent):
        return printable_name(name), structure
    raise CxrError(
        f"{path}: its name ends with no structure; expected IMAGE.STRUCTURE.png, such as film1.heart.png, "
        "IMAGE/STRUCTURE.png or STRUCTURE/IMAGE.png: rename it or move it away, or give a --legend for label maps"
    )


def _refuse_missing(path: Path) -> None:
    if not path.is_file():
        raise CxrError(f"{path}: no such file")


def _stem(path: Path) -> str:
    """Return the name of a file without its suffix, which may have two parts (``.nii.gz``, ``.seg.nrrd``)."""
    suffix = volume_suffix(path) or (
        path.suffix if path.suffix.lower() in (*SUFFIXES, ".dcm", ".dicom", ".ima") else ""
    )
    stem = path.name[: len(path.name) - len(suffix)]
    picture = suffix.lower() in SUFFIXES
    return stem[: -len(_SEG)] if stem.lower().endswith(_SEG) and len(stem) > len(_SEG) and not picture else stem


def _is_film(path: Path) -> bool:
    if suffix := volume_suffix(path):
        beside = path.with_name(f"{path.name[: -len(suffix)]}{_SEG}{suffix}")
        return _stem(path).lower() == _IMAGE or beside.is_file()
    if path.suffix.lower() in SUFFIXES:
        return False
    try:
        return not segmentation_header(path).is_segmentation
    except ImageError:  # it is rejected with its reason
        return False


def _is_whole(path: Path, legend: Legend | None) -> bool:
    """Return whether a file holds several structures."""
    _refuse_missing(path)
    if path.suffix.lower() in SUFFIXES:
        return legend is not None
    if volume_suffix(path) is None:
        return True
    try:
        return legend is not None or path.name.lower().endswith(_SLICER) or names_labels(path)
    except ImageError:  # damaged; reading it says so
        return not _names_a_structure(path)


def _names_a_structure(path: Path) -> bool:
    try:
        return bool(image_and_structure(path))
    except CxrError:
        return False


def _names_of(paths: Sequence[Path]) -> list[str]:
    """Return the image ids of files of several structures: their names, and also their folders' if names are equal."""
    count = Counter(map(_stem, paths))
    names = [(path.parent.absolute().name + "/" if count[_stem(path)] > 1 else "") + _stem(path) for path in paths]
    return [printable_name(name) for name in names]


def _refuse_two_segmentations(images: dict[str, _Image]) -> None:
    """Give a fault to DICOM segmentations of one image, which may contradict one another."""
    first: dict[frozenset[str], _Image] = {}
    for name in sorted(images):
        path = images[name].whole
        if path is None or volume_suffix(path) or path.suffix.lower() in SUFFIXES:
            continue
        try:
            header = segmentation_header(path)
        except ImageError:
            continue
        other = first.setdefault(header.images, images[name]) if header.images else images[name]
        if other is not images[name] and other.whole:
            for image, also in ((other, path), (images[name], other.whole)):
                image.fault = image.fault or (
                    f"{also.name} is a segmentation of the same image; give one of them alone, or one file of all "
                    "segments"
                )


def _item(dataset: str, given: MeasureInputConfig, legend: Legend, image_id: str, image: _Image) -> Item:
    found, fault = FileMasks((1, 1), {}), image.fault
    try:
        if not fault:
            found = _read_whole(image.whole, given, legend) if image.whole else _read_files(image.files, given)
            spacing = agreed_mm(found.spacing_mm, given.pixel_mm)
    except ImageError as error:
        found, fault = FileMasks((1, 1), {}), str(error)
    height, width = found.shape
    return Item(
        dataset=dataset,
        image_id=image_id,
        view=given.view,
        height=height,
        width=width,
        rles=found.rles if fault else {**found.rles, **_lungs_of_lobes(found.rles, height, width)},
        orientation=found.orientation,
        spacing_mm=None if fault else spacing,
        fault=fault,
    )


def _read_whole(path: Path, given: MeasureInputConfig, legend: Legend) -> FileMasks:
    if path.suffix.lower() in SUFFIXES:
        return read_labelled_picture(path, legend)
    if volume_suffix(path):
        return read_labelled_slice(path, given.axes, legend)
    return read_segmentation(path, legend)


def _read_files(paths: dict[str, Path], given: MeasureInputConfig) -> FileMasks:
    rles, shapes, spacings = {}, {}, {}
    for structure, path in sorted(paths.items()):
        values, spacing = read_slice(path, given.axes) if volume_suffix(path) else (read_mask(path), None)
        mask = two_values(values, printable_name(path.name))
        shapes[structure], rles[structure] = mask.shape, rle_encode(mask)
        if spacing is not None:
            spacings[structure] = spacing
    if len(set(shapes.values())) > 1:
        both = ", ".join(f"{name} {height} x {width}" for name, (height, width) in shapes.items())
        raise ImageError(f"masks of different sizes: {both}; expected one size an image")
    if len(set(spacings.values())) > 1:
        both = ", ".join(f"{name} {row:.4g} x {column:.4g} mm" for name, (row, column) in spacings.items())
        raise ImageError(f"masks of different pixels: {both}; expected one size an image")
    return FileMasks(next(iter(shapes.values())), rles, next(iter(spacings.values()), None))


def _lungs_of_lobes(rles: Mapping[str, str], height: int, width: int) -> dict[str, str]:
    """Return the lungs whose lobes all have a mask and that have none themselves."""
    by_class = {found.class_id: name for name in rles if (found := class_of(name))}
    made = {}
    for class_id, parts in union_plan(by_class):
        if (name := class_by_id(class_id).name) in LUNGS:
            first, *others = (Runs.from_rle(rles[by_class[part]], height, width) for part in parts)
            made[name] = rle_encode(first.union(others).mask())
    return made
