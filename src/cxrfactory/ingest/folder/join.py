"""Find the file of each row of a table: by its path, or by a file name that occurs once."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cxrfactory.ingest.folder.file_index import MISSING, NO_CELL, OUTSIDE, FileIndex, Place

SHARED = "several rows of the table name this file"
OTHER_ROW = "the only file of a similar name belongs to another row of the table"
ELSEWHERE = "a file of this name lies in another folder than the table says"
OTHER_ENDING = "file is missing; a file of this name has another ending than the table says"
REPEATED = "only the name fits a file, and the table has that name in several folders"
_DEEPEST = 20  # leading folders of a table's paths that may be unknown here
_MOST_REASONS = 20  # reasons that quote folders; each is a line of the summary


@dataclass(frozen=True)
class Found:
    """The places of all cells, and how relative paths were read.

    Attributes
    ----------
    places
        One place for each cell. A file that several cells name has a reason, because it belongs to none of them.
    base
        Folder that relative paths start at; empty for the root.
    dropped
        Number of leading folders that were dropped from all paths, because they do not exist here.
    """

    places: list[Place]
    base: str
    dropped: int

    @property
    def hits(self) -> int:
        """Number of cells whose file was found."""
        return sum(place.path is not None for place in self.places)

    @property
    def respelt(self) -> int:
        """Number of cells whose file was found under another spelling."""
        return sum(place.respelt and place.reason is None for place in self.places)


def find_files(cells: Sequence[str], paths: Sequence[str], root: Path, below: str, quote: bool = True) -> Found:
    """Find the file of each cell.

    Relative paths start at the root, or at the table's folder if more files are found there. If fewer than half are
    found, the paths may have been written on another computer: the number of leading folders to drop from all of them
    is then the one with which most files are found. The rest of a path must then be the whole path of a file, and a
    name alone is enough only where the table and the folder have it once.

    Parameters
    ----------
    cells
        Paths or names as a table writes them.
    paths
        Paths of the files, relative to the root.
    root
        The root, for absolute paths.
    below
        The table's folder relative to the root; empty if it is the root, or lies elsewhere.
    quote
        Whether reasons may quote folders.
    """
    index = FileIndex(paths)
    roots = {f"{str(each).rstrip('/')}/" for each in (root, root.absolute(), root.resolve())}
    best = Found([], "", 0)
    for base in dict.fromkeys(("", below)):
        found = Found([index.find(_relative(cell, index, roots, base), base) for cell in cells], base, 0)
        best = found if not best.places or found.hits > best.hits else best
    deepest = min(max((cell.count("/") + cell.count("\\") for cell in cells), default=0), _DEEPEST)
    repeated = _repeated_names(cells)
    for dropped in range(1, deepest + 1):
        if 2 * best.hits >= len(cells):
            break
        shortened = [_shortened(cell, dropped) for cell in cells]
        found = Found([_without_folders(index, path, repeated) for path in shortened], "", dropped)
        best = found if found.hits > best.hits else best
    places = _of_one_row(best.places)
    return Found(_explained(places, cells, index, quote), best.base, best.dropped)


def _repeated_names(cells: Iterable[str]) -> set[str]:
    """Return the names, in lower case, that different cells have in common."""
    names = Counter(_split(cell)[1].casefold() for cell in set(cells) if cell)
    return {name for name, count in names.items() if count > 1}


def _without_folders(index: FileIndex, path: "str | Place", repeated: set[str]) -> Place:
    """Return the place of a path that lost leading folders; without any folder its name must be the only one."""
    place = index.find_whole(path)
    if isinstance(path, Place) or "/" in path or place.path is None:
        return place
    if repeated:
        return Place(None, REPEATED)
    return place if len(index.namesakes(path)) == 1 else Place(None, MISSING)


def _of_one_row(places: list[Place]) -> list[Place]:
    """Return the places; a file of several rows belongs to the only one that writes it exactly, or else to none."""
    rows_of = Counter(place.path for place in places)
    exact = Counter(place.path for place in places if not place.respelt)
    found = []
    for place in places:
        if place.path is not None and rows_of[place.path] > 1 and not (exact[place.path] == 1 and not place.respelt):
            place = Place(None, OTHER_ROW) if exact[place.path] and place.respelt else replace(place, reason=SHARED)
        found.append(place)
    return found


def _explained(places: list[Place], cells: Sequence[str], index: FileIndex, quote: bool) -> list[Place]:
    """Return the places; where a missing file's name lies in another folder, the reason says so."""
    said: set[str] = set()
    found = []
    for place, cell in zip(places, cells, strict=True):
        if place.path is None and place.reason in (MISSING, OUTSIDE):
            short, details = _nearest(cell, index)
            known = quote and (details in said or len(said) < _MOST_REASONS)
            said |= {details} if known and details else set()
            place = Place(None, (short + details if known else short) or place.reason)
        found.append(place)
    return found


def _nearest(cell: str, index: FileIndex) -> tuple[str, str]:
    """Return what is like a missing file, and its details; both are empty if nothing is."""
    folder, name = _split(cell)
    stem, dot, ending = name.rpartition(".")
    if name and (near := index.namesakes(name)):
        return ELSEWHERE, f": '{posixpath.dirname(near[0]) or '.'}' instead of '{folder or '.'}'"
    if stem and (near := index.namesakes(stem)):
        return OTHER_ENDING, f": '{posixpath.splitext(near[0])[1]}' instead of '{dot}{ending}'"
    return "", ""


def _split(cell: str) -> tuple[str, str]:
    """Return the folders and the name in a cell."""
    folder, _, name = cell.replace("\\", "/").rpartition("/")
    return folder, name


def _relative(cell: str, index: FileIndex, roots: Iterable[str], base: str) -> "str | Place":
    """Return the path from the root that a cell states, or the reason why it is none."""
    if not cell:
        return Place(None, NO_CELL)
    if "\\" in cell and cell not in index.paths:
        cell = cell.replace("\\", "/")  # as Windows writes paths
    if len(cell) > 1 and cell[1] == ":" and cell[0].isalpha():
        return Place(None, OUTSIDE)
    if cell.startswith("/"):
        root = next((root for root in roots if cell.startswith(root)), None)
        return Place(None, OUTSIDE) if root is None else _normal(cell[len(root) :])
    return _normal(f"{base}/{cell}" if base else cell)


def _shortened(cell: str, dropped: int) -> "str | Place":
    """Return the path in a cell without its leading folders; ``..`` leads nowhere, as elsewhere."""
    if not cell:
        return Place(None, NO_CELL)
    parts = [part for part in cell.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts:
        return Place(None, OUTSIDE)
    return "/".join(parts[dropped:]) if len(parts) > dropped else Place(None, MISSING)


def _normal(path: str) -> "str | Place":
    normal = posixpath.normpath(path)
    return Place(None, OUTSIDE) if normal == ".." or normal.startswith(("../", "/")) else normal
