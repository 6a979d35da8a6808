"""Training pictures of roots with masks: virtual plates with exact masks, and pictures with traced lines."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.root_pictures import moved_by, read_picture
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.roots.example_table import RootExample, write_example_table
from cxrfactory.models.roots.scale import shrink_for, shrunk, shrunk_points
from cxrfactory.roots.segment.drawn import draw_roots, share_on_roots, share_outside, width_of_roots
from cxrfactory.tables.keys import put_aside, seed_of
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.roots import ROOT_FRAMES, ROOT_MASKS
from cxrfactory.tables.rsml.model import walk
from cxrfactory.tables.rsml.read import read_rsml

log = get_logger(__name__)

VALIDATED = 0.2  # share of the plates, and of the traced pictures, that validate
EVERY = 4  # of the pictures of a plate, one in four is an example; consecutive ones hardly differ
MOST_OUTSIDE = 0.02  # share of the length of traced roots that may lie outside of their picture
LEAST_ON_ROOTS = 0.4  # share of the places along them that show a root; below it, the log warns
_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


class PlateTruth(NamedTuple):
    """Plates with exact masks.

    Attributes
    ----------
    pictures
        Folder that the paths of ``frames`` are relative to.
    frames
        Table ``ROOT_FRAMES`` with the exact shift of each picture.
    masks
        Table ``ROOT_MASKS`` of the same pictures.
    """

    pictures: Path
    frames: Path
    masks: Path


def write_examples(
    output: Path,
    plates: Sequence[PlateTruth] = (),
    labelled: Path | None = None,
    start: str = "",
    every: int = EVERY,
    shrink: int | None = None,
) -> dict[str, int]:
    """Write the table of training pictures (``ROOT_EXAMPLES``), with a split into training and validation.

    About a fifth validates, and at least one: of plates, whole plates; of traced pictures, single pictures. A stable
    hash of the name chooses them. People's traces are lines; they are drawn at one width a picture, which is estimated
    from the picture (:func:`cxrfactory.roots.segment.drawn.width_of_roots`). All pictures are shrunk by one factor, so
    that the network that learns from them sees roots of a few pixels with more of their surroundings.

    Parameters
    ----------
    output
        Table to write.
    plates
        Plates with exact masks; a mask is moved back by the shift of its picture.
    labelled
        Folder of pictures with RSML files of the same stem; pictures without one are left out, and a log line tells
        their number.
    start
        Only plates whose names begin with this are taken.
    every
        Of each plate, one picture in ``every`` is taken, beginning with the last one.
    shrink
        Factor by which the sides of the pictures are shrunk; None: that which brings the median width of the traced
        roots next to 4 pixels (:func:`cxrfactory.models.roots.scale.shrink_for`), and 1 without traced pictures.

    Returns
    -------
    dict
        Number of pictures by split.

    Raises
    ------
    CxrError
        If there are fewer than two plates or fewer than two traced pictures where there are any, no plate and no
        traced picture at all, an RSML file has no picture or roots outside of it, or a file cannot be read.
    """
    pairs = [] if labelled is None else _pairs(labelled)
    known = [(each, _read_plates(each, start)) for each in plates]
    names = sorted({name for _, table in known for name in table["plate"]})
    if not names and not pairs:
        raise CxrError(f"{output}: no picture to train on; give plates with masks or a folder of traced pictures")
    splits = _splits(names, "plate") | _splits([f"traced {picture.stem}" for picture, _ in pairs], "traced picture")

    widths = [_width(picture, traced) for picture, traced in progress(pairs, "widths of traced roots", len(pairs))]
    if shrink is None:
        shrink = shrink_for(float(np.median(widths))) if widths else 1
    if widths:
        log.info("traced roots are %.1f pixels wide (median); pictures are shrunk by %d", np.median(widths), shrink)

    def examples() -> Iterator[RootExample]:
        for truth, table in known:
            yield from _plate_examples(truth, table, splits, every, shrink)
        for (picture, traced), width in zip(progress(pairs, "traced pictures", len(pairs)), widths, strict=True):
            yield _traced_example(picture, traced, splits[f"traced {picture.stem}"], width, shrink)

    counts = write_example_table(output, examples())
    log.info("wrote %s: %s", output, ", ".join(f"{count} pictures {split}" for split, count in counts.items()))
    return counts


def _splits(names: Sequence[str], what: str) -> dict[str, str]:
    if len(names) == 1:
        raise CxrError(f"'{names[0]}' is the only {what} to train on; training and validation need one each at least")
    held = {name for name in names if put_aside(name, "roots, validate", VALIDATED)}
    order = sorted(names, key=lambda name: seed_of(name, "roots, validate"))
    if names and not held:
        held = {order[0]}
    if len(held) == len(names):
        held -= {order[-1]} if order else set()
    return {name: "validate" if name in held else "train" for name in names}


def _read_plates(truth: PlateTruth, start: str):
    table = read_table(truth.frames, ROOT_FRAMES)
    return table[table["plate"].str.startswith(start)].sort_values(["plate", "frame"], kind="stable")


def _plate_examples(truth: PlateTruth, table, splits: dict[str, str], every: int, shrink: int) -> Iterable[RootExample]:
    masks = read_table(truth.masks, ROOT_MASKS).set_index(["plate", "frame"])
    for plate, rows in table.groupby("plate", sort=True):
        for row in rows.iloc[::-1].iloc[::every].itertuples():
            if (plate, row.frame) not in masks.index:
                raise CxrError(f"{truth.masks}: no mask of plate '{plate}', frame {row.frame}")
            found = masks.loc[(plate, row.frame)]
            path = truth.pictures / row.path
            grey, mask = _read(path), rle_decode(found["rle"], found["height"], found["width"])
            if grey.shape != mask.shape:
                raise CxrError(f"{path}: picture of {grey.shape} pixels; its mask in {truth.masks} has {mask.shape}")
            share = shrunk(moved_by(mask.astype(np.float32), -row.shift_x, -row.shift_y), shrink)
            exact, name = (share >= 0.5).astype(np.uint8), f"{plate}/{row.frame}"
            yield RootExample(name, splits[str(plate)], shrunk(grey, shrink), exact, shrink=shrink)


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Return the pictures of a folder and their RSML files, in the order of names."""
    if not folder.is_dir():
        raise CxrError(f"{folder}: no such folder; expected pictures, each with an RSML file of the same name")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    traced = {path.stem: path for path in files if path.suffix.lower() == ".rsml"}
    pictures: dict[str, Path] = {}
    for path in files:
        if path.suffix.lower() in _SUFFIXES and path.stem in traced:
            if path.stem in pictures:
                raise CxrError(f"{folder}: '{pictures[path.stem].name}' and '{path.name}' belong to one RSML file")
            pictures[path.stem] = path
    if lone := sorted(set(traced) - set(pictures)):
        raise CxrError(f"{traced[lone[0]]}: no picture of the same name; expected one of {', '.join(_SUFFIXES)}")
    if not pictures:
        raise CxrError(f"{folder}: no picture with an RSML file of the same name")
    if left := sum(path.suffix.lower() in _SUFFIXES and path.stem not in traced for path in files):
        log.info("%s: %d pictures without an RSML file are left out", folder, left)
    return [(pictures[stem], traced[stem]) for stem in sorted(pictures)]


def _width(picture: Path, traced: Path) -> float:
    grey, lines = _read(picture), _lines(traced)
    _check_lines(grey, lines, picture, traced)
    return width_of_roots(grey, lines)


def _check_lines(grey: np.ndarray, lines: list[np.ndarray], picture: Path, traced: Path) -> None:
    """Refuse lines of another picture or in another unit than its pixels, and warn of lines beside the roots."""
    rows, columns = grey.shape
    if (outside := share_outside(grey.shape, lines)) > MOST_OUTSIDE:
        raise CxrError(
            f"{traced}: {100 * outside:.0f} % of the roots lie outside of {picture.name} ({columns} x {rows} px); "
            "expected points in pixels of that picture, as it was when they were drawn"
        )
    share = share_on_roots(grey, lines)
    if share is None or share < LEAST_ON_ROOTS:
        found = "too few places" if share is None else f"{100 * share:.0f} % of the places"
        log.warning(
            "%s: %s along its lines show a root in %s; if the lines are in another unit than pixels, or of another "
            "picture, training learns from wrong masks",
            traced,
            found,
            picture.name,
        )


def _lines(traced: Path) -> list[np.ndarray]:
    return [root.points for _, root, _, _ in walk(read_rsml(traced))]


def _traced_example(picture: Path, traced: Path, split: str, width: float, shrink: int) -> RootExample:
    grey = _read(picture)
    small = shrunk(grey, shrink)
    lines = [shrunk_points(line, grey.shape, shrink) for line in _lines(traced)]
    mask = draw_roots(small.shape, lines, width / shrink)
    if not mask.any():
        raise CxrError(f"{traced}: no root lies on the picture {picture.name}")
    return RootExample(f"traced {picture.stem}", split, small, mask, width / shrink, shrink)


def _read(path: Path) -> np.ndarray:
    try:
        return read_picture(path)
    except ImageError as error:
        raise CxrError(f"{path}: {error}") from error
