"""Find the tables and the images of a release below its root: a bounded search that enters no folder of images."""

import csv
import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cxrfactory.errors import CxrError
from cxrfactory.ingest.layout import ReleaseLayout
from cxrfactory.tables.csv_dialect import is_gzip, resaved_separator

if TYPE_CHECKING:
    from pandas import Series

DEPTH = 6  # levels below the root: a folder of downloads, and physionet.org/files/<release>/<version>
_MOST_FOLDERS = 300
_MOST_ENTRIES = 1000  # a folder with more entries holds images
_LEVELS_ABOVE = 3
_SHOWN = 5
_TRIED = 20  # paths with which places of images are compared
_HEADER_BYTES = 1 << 16
# Folders of one patient, study or archive of images in the releases, and folders that hold no release.
_NOT_ENTERED = re.compile(r"p1\d|[ps]\d{5,}|patient\d+|study\d+|\d+|\..*|__MACOSX|lost\+found")
# Snakemake would fill in such names.
_FILLED_IN = re.compile(r"[{}]|<[^<>]*>")

Locate = Callable[[Path, "Series"], "Series"]


def table_folder(layout: ReleaseLayout, root: Path) -> Path | None:
    """Return the folder below which the tables of a release have the layout's names.

    This is the root if it holds a table that lists images. Otherwise it is the only folder down to six levels below
    the root that holds one, such as ``physionet.org/files/<release>/<version>``. Folders of many entries and folders
    named like patients are not entered.

    Returns
    -------
    The folder, or None if no table is found.

    Raises
    ------
    CxrError
        If several folders hold tables; the message names them.
    """
    if _tables_in(layout, root):
        return root
    found: list[Path] = []
    claimed: set[str] = set()
    for folder in folders_below(root):
        # A table that a link leads to again, or that a folder above names by a longer path, is the same one.
        tables = {os.path.realpath(each) for each in _tables_in(layout, folder) if _fits(layout, each)}
        if tables - claimed:
            found.append(folder)
            claimed |= tables
    if len(found) > 1:
        names = ", ".join(each.relative_to(root).as_posix() for each in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise CxrError(
            f"{root}: {len(found)} folders hold a table of {layout.name}: {names}{more}; point root at one of them"
        )
    folder = next(iter(found), None)
    if folder is not None and _FILLED_IN.search(folder.relative_to(root).as_posix()):
        raise CxrError(
            f"{folder}: holds the table of {layout.name}; expected folder names without braces and angle brackets, "
            "which Snakemake fills in; rename the folder"
        )
    return folder


def folder_above(layout: ReleaseLayout, root: Path) -> Path | None:
    """Return the nearest folder above the root that holds a table of the layout, or None; three levels are tried."""
    above = root.absolute().parents[:_LEVELS_ABOVE]
    return next((each for each in above if any(_fits(layout, table) for table in _tables_in(layout, each))), None)


def folders_below(root: Path) -> Iterator[Path]:
    """Yield folders below the root, level by level and by name, as far as :data:`DEPTH` levels down."""
    level, visited = [root], 0
    for _ in range(DEPTH):
        below: list[Path] = []
        for folder in level:
            visited += 1
            if visited > _MOST_FOLDERS:
                return
            below += _subfolders(folder)
        yield from below
        level = below


def image_folder(locate: Locate, root: Path, base: Path, paths: "Series") -> tuple[Path, "Series"]:
    """Return the folder to which the images' paths are relative, and the located paths relative to it.

    The folder of the tables is used if it holds any of a few images, or if no other folder below the root does.

    Parameters
    ----------
    locate
        Function of a folder and paths as in the tables, which returns paths relative to the folder.
    root
        Root of the release.
    base
        Folder of the tables, the root or below it.
    paths
        Paths as in the tables.
    """
    tried = spread(paths, _TRIED)
    if not _hits(base, locate(base, tried)):
        counts = {each: _hits(each, locate(each, tried)) for each in (root, *folders_below(root)) if each != base}
        best = max(counts, key=lambda each: counts[each], default=base)
        if counts.get(best):
            return best, locate(best, paths)
    return base, locate(base, paths)


def folder_of_images_above(locate: Locate, root: Path, folder: Path, paths: "Series") -> Path | None:
    """Return the folder above the root if it holds images of the tables and their folder holds none, or None."""
    tried = spread(paths, _TRIED)
    if _hits(folder, locate(folder, tried)):
        return None
    above = root.absolute().parents[:1]
    return next((each for each in above if _hits(each, locate(each, tried))), None)


def spread(paths: "Series", most: int) -> "Series":
    """Return at most ``most`` of the paths, evenly spread over their order, so that every run takes the same ones."""
    if len(paths) <= most:
        return paths
    return paths.iloc[[number * len(paths) // most for number in range(most)]]


def _hits(folder: Path, paths: "Series") -> int:
    return sum(os.path.isfile(folder / path) for path in paths)


def _tables_in(layout: ReleaseLayout, folder: Path) -> list[Path]:
    names = (name for slot in layout.slots if slot.lists_images for name in slot.alternatives)
    return [folder / name for name in names if (folder / name).is_file()]


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            first = list(islice(entries, _MOST_ENTRIES + 1))
        if len(first) > _MOST_ENTRIES:
            return []
        names = [each.name for each in first if not _NOT_ENTERED.fullmatch(each.name) and each.is_dir()]
    except OSError:  # a folder that may not be read holds nothing that this run could use
        return []
    return [folder / name for name in sorted(names)]


def _fits(layout: ReleaseLayout, table: Path) -> bool:
    """Return whether a table has a column of the layout; names such as ``train.csv`` belong to many releases."""
    if not layout.mark_columns:
        return True
    try:
        with gzip.open(table, "rb") if is_gzip(table) else table.open("rb") as stream:
            line = stream.readline(_HEADER_BYTES).decode("utf-8-sig", "replace")
    except (OSError, EOFError, zlib.error):
        return True  # reading it gives the named error
    return bool(set(layout.mark_columns) & set(next(csv.reader([line], delimiter=resaved_separator(line)), [])))
