"""Conversion of masks to CheXmask rows: from picture files or the RLE columns of a table to landmarks.

Every image gives either one row or one rejection with its reason.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.graph import graph_of_nodes
from cxrfactory.anatomy.mask_landmarks import landmarks_from_masks
from cxrfactory.anatomy.organ_masks import split_lungs
from cxrfactory.anatomy.organs import BOTH_LUNGS, ORGAN_COLUMNS, ORGANS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.overlay import draw_overlay
from cxrfactory.infer.mask_files import other_file, read_mask, stem_of_mask
from cxrfactory.infer.picture_folder import PictureFolder, picture_folder
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.overlap import dice
from cxrfactory.tables.atomic import text_file
from cxrfactory.tables.beside import REJECTED
from cxrfactory.tables.chexmask import RLE_COLUMNS, SIZE_COLUMNS, header_text, quoted, read_chexmask
from cxrfactory.tables.chexmask_row import published_row
from cxrfactory.tables.file_names import printable_name
from cxrfactory.tables.listing import list_folder, told
from cxrfactory.tables.rle import rle_decode

log = get_logger(__name__)

Masks = dict[str, UInt8[np.ndarray, "h w"]]
Loader = Callable[[], Masks]

ROWS_A_PIECE = 256
_MASK_FILE = re.compile(rf"(.+)\.({'|'.join((*ORGANS, BOTH_LUNGS))})")


def masks_to_landmarks(
    source: Path,
    output: Path,
    values: Mapping[str, int] | None = None,
    id_column: str | None = None,
    frame: int | None = None,
    overlays: Path | None = None,
    follow_links: bool = False,
) -> tuple[int, int]:
    """Turn masks into landmarks, and write them as CheXmask rows.

    Parameters
    ----------
    source
        A folder of masks (:func:`masks_of_folder`), or a CheXmask table (:func:`masks_of_table`).
    output
        CSV to write, with the CheXmask columns in the frame of the masks. As in that format, landmarks are whole pixels
        and masks are filled from them. The RCA columns are empty, and so is ``Heart`` for an image without a heart
        (which then has 94 landmarks). ``<output>.agreement.csv`` holds the Dice of each filled mask with the given one,
        and ``<output>.rejected.csv`` the images without landmarks, and the entries of a folder that may be masks and
        cannot be read, such as archives (``image_id,reason``).
    values
        Value of each organ in label maps, for a folder with one label map per image.
    id_column
        Id column of a table, where its name cannot be inferred.
    frame
        Side in pixels of the square masks of a table without ``Height`` and ``Width``.
    overlays
        Folder for images of the landmarks' contours over the masks.
    follow_links
        Whether links in a folder may lead out of it.

    Returns
    -------
    tuple
        Number of rows, number of rejected images.

    Raises
    ------
    CxrError
        If the source is missing or holds no mask, or a table cannot be read.
    """
    if source.is_dir():
        name, items = "image_id", iter(masks_of_folder(source, values, follow_links))
    else:
        if values:
            raise CxrError(f"{source}: values of a label map are for folders of PNG files; a table names its organs")
        name, items = masks_of_table(source, id_column, frame)
    kept, rejected = 0, []
    agreement = output.with_suffix(".agreement.csv")
    with (
        text_file(output) as rows,
        text_file(agreement) as overlaps,
        picture_folder(overlays, "overlay") as pictures,
    ):
        rows.write(header_text(name))
        overlaps.write(f"{quoted(name)},{','.join(ORGANS)}\n")
        for image_id, load in progress(items, "masks to landmarks"):
            try:
                line, overlap = _row(image_id, load(), pictures)
            except ImageError as error:
                log.warning("%s: rejected: %s", image_id, error)
                rejected.append((image_id, str(error)))
                continue
            rows.write(line)
            overlaps.write(overlap)
            kept += 1
    beside = output.with_suffix(REJECTED)
    with text_file(beside) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["image_id", "reason"])
        writer.writerows(rejected)
    log.info(
        "read masks of %d images, kept %d, rejected %d; wrote %s", kept + len(rejected), kept, len(rejected), output
    )
    return kept, len(rejected)


def masks_of_folder(
    folder: Path, values: Mapping[str, int] | None = None, follow_links: bool = False
) -> list[tuple[str, Loader]]:
    """Return the images of a folder, sorted by id, each with a function that reads its masks.

    ``<id>.right_lung.png``, ``<id>.left_lung.png`` and ``<id>.heart.png`` hold one organ each (``segment --masks``
    writes such files). ``<id>.lungs.png`` holds both lungs. Masks are non-zero inside. Any other ``<id>.png`` is a
    label map if ``values`` is given, and otherwise holds both lungs. The id is the path relative to the folder, in
    printable form. TIFF, GIF and BMP are read like PNG. The function raises :class:`cxrfactory.errors.ImageError` with
    the reason if an image has its lungs in files of more than one kind, or two files of one kind. Entries that may be
    masks and cannot be read, such as JPEG files, are images too, and their functions raise the reason.

    Raises
    ------
    CxrError
        If there is no file of a mask, or ``values`` is invalid.
    """
    if values is not None:
        unknown = sorted(set(values) - set(ORGANS))
        missing = [organ for organ in ORGANS[:2] if organ not in values]
        if unknown or missing or len(set(values.values())) < len(values) or 0 in values.values():
            raise CxrError(
                f"label values {dict(values)}; expected right_lung and left_lung, perhaps heart, each with its own "
                "value other than 0, e.g. right_lung=1"
            )
    listing = list_folder(folder, follow="all" if follow_links else "inside", outputs=["mask"])
    refused = [(each.relative, each.text) for each in listing.named()]
    found: dict[str, dict[str, list[Path]]] = {}
    for each in listing.files:
        stem = stem_of_mask(each.relative)
        if stem is None:
            refused.append((each.relative, other_file(each.relative)))
            continue
        match = _MASK_FILE.fullmatch(stem)
        image_id, kind = match.groups() if match else (stem, "whole")
        found.setdefault(image_id, {}).setdefault(kind, []).append(each.path)
    if not found:
        there = f"; found {len(listing.files)} other files; left aside: {listing.told()}"
        raise CxrError(f"{folder}: no PNG file; expected <id>.right_lung.png and so on, or <id>.png{there}")
    counted = [each for each in listing.aside if not each.named]
    log.info(
        "%s: masks of %d images in %d files; %d other entries are rejected; left aside %d (%s)",
        folder, len(found), len(listing.files) - len(refused) + len(listing.named()), len(refused), len(counted),
        told(counted),
    )  # fmt: skip
    loaders = [(image_id, partial(_load_files, files, values)) for image_id, files in found.items()]
    return sorted([*loaders, *((name, partial(_refuse, reason)) for name, reason in refused)], key=itemgetter(0))


def masks_of_table(
    path: Path, id_column: str | None = None, frame: int | None = None
) -> tuple[str, Iterator[tuple[str, Loader]]]:
    """Return the id column of a CheXmask table, and its images in order, each with a function that decodes its masks.

    ``frame`` is the side of square masks in pixels, for tables without ``Height`` and ``Width`` (it is 1024 for the
    physicians' annotations).

    Raises
    ------
    CxrError
        If the table cannot be read or lacks a column.
    """
    wanted = [*RLE_COLUMNS, *(SIZE_COLUMNS if frame is None else ())]
    pieces = read_chexmask(path, wanted, ROWS_A_PIECE, id_column)
    head = next(pieces)

    def items() -> Iterator[tuple[str, Loader]]:
        for piece in chain([head], pieces):
            for row in piece.to_dict("records"):
                yield str(row["image_id"]), partial(_load_row, row, frame)

    return head.attrs["id_column"], items()


def parse_values(pairs: Sequence[str]) -> dict[str, int]:
    """Parse texts such as ``"right_lung=1"`` to a mapping from organ to value.

    Raises
    ------
    CxrError
        If a text is not ``organ=whole number``, or an organ occurs twice.
    """
    values: dict[str, int] = {}
    for pair in pairs:
        organ, sign, text = pair.partition("=")
        if not sign or not text.strip().isdecimal() or organ.strip() in values:
            raise CxrError(f"label value '{pair}'; expected each organ once as organ=value, e.g. right_lung=1")
        values[organ.strip()] = int(text)
    return values


def _load_row(row: dict, frame: int | None) -> Masks:
    height, width = (frame, frame) if frame else (int(row["Height"]), int(row["Width"]))
    masks = {}
    for organ in ORGANS:
        column = ORGAN_COLUMNS[organ]
        try:
            masks[organ] = rle_decode(row[column], height, width)
        except CxrError as error:
            raise ImageError(f"column '{column}': {error}") from error
    return masks


def _refuse(reason: str) -> Masks:
    raise ImageError(reason)


def _load_files(found: Mapping[str, Sequence[Path]], values: Mapping[str, int] | None) -> Masks:
    files = _one_of_each(found)
    pictures = {kind: read_mask(path, values is not None) for kind, path in files.items()}
    if "whole" in pictures and values is not None:
        whole = pictures["whole"]
        return {organ: (whole == value).astype(np.uint8) for organ, value in values.items()}
    masks = {organ: (pictures[organ] != 0).astype(np.uint8) for organ in ORGANS if organ in pictures}
    for kind in ("whole", BOTH_LUNGS):
        if kind in pictures:
            if len(np.unique(pictures[kind])) > 2:
                name = printable_name(files[kind].name)
                raise ImageError(f"{name} holds more than two values; a label map needs its organs' values")
            masks["right_lung"], masks["left_lung"] = split_lungs(pictures[kind])
    for organ in ORGANS[:2]:
        if organ not in masks:
            raise ImageError(f"the {organ} mask is missing; found {', '.join(sorted(files))}")
    return masks


def _one_of_each(found: Mapping[str, Sequence[Path]]) -> dict[str, Path]:
    """Return the file of each kind; two files of a kind, or lungs in files of several kinds, are refused."""
    for paths in found.values():
        if len(paths) > 1:
            names = ", ".join(printable_name(path.name) for path in paths)
            raise ImageError(f"the same mask in {len(paths)} files ({names}); expected one")
    lungs = [kind for kind in found if kind in ("whole", BOTH_LUNGS)]
    if lungs and (len(lungs) > 1 or found.keys() & set(ORGANS[:2]) or ("whole" in found and len(found) > 1)):
        raise ImageError(f"its lungs are in {sorted(found)}; expected one kind of file")
    return {kind: paths[0] for kind, paths in found.items()}


def _row(image_id: str, masks: Masks, overlays: PictureFolder | None) -> tuple[str, str]:
    if len({mask.shape for mask in masks.values()}) > 1:
        shapes = ", ".join(f"{organ} {mask.shape}" for organ, mask in masks.items())
        raise ImageError(f"masks of different shapes ({shapes}); expected one")
    heart = masks.get("heart")
    points = np.rint(landmarks_from_masks(masks["right_lung"], masks["left_lung"], heart)).astype(np.int64)
    height, width = masks["right_lung"].shape
    graph = graph_of_nodes(len(points))
    filled = landmarks_to_masks(points, graph, height, width)
    if overlays is not None:
        grey = np.max([masks[organ] != 0 for organ in filled], axis=0).astype(np.uint8) * np.uint8(110)
        contours = {organ: points[where] for organ, where in graph.slices.items()}
        overlays.save(draw_overlay(grey, contours), image_id)
    overlap = [f"{dice(filled[organ], masks[organ] != 0):.4f}" if organ in filled else "" for organ in ORGANS]
    return published_row(image_id, points, filled).line, f"{quoted(image_id)},{','.join(overlap)}\n"
