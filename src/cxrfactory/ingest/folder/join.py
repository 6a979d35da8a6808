"""Find the file of each row of a table: by its path, or by a file name that occurs once."""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

NO_CELL = "the table names no file"
MISSING = "file is missing"
OUTSIDE = "path is not inside the folder"
SEVERAL = "several files have this name; the table must give their paths"
SHARED = "several rows of the table name this file"
_DEEPEST = 20  # leading folders of a table's paths that may be unknown here


@dataclass(frozen=True)
class Place:
    """Where a cell's file is: its path relative to the root, or the reason why it has none."""

    path: str | None
    reason: str | None = None


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


def find_files(cells: Sequence[str], paths: Sequence[str], root: Path, below: str) -> Found:
    """Find the file of each cell.

    Relative paths start at the root, or at the table's folder if more files are found there. If fewer than half are
    found, the paths may have been written on another computer: the number of leading folders to drop from all of them
    is then the one with which most files are found.

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
    """
    index = _Index(paths)
    roots = {f"{str(each).rstrip('/')}/" for each in (root, root.absolute(), root.resolve())}
    best = Found([], "", 0)
    for base in dict.fromkeys(("", below)):
        found = Found([index.find(_relative(cell, index, roots, base), base) for cell in cells], base, 0)
        best = found if not best.places or found.hits > best.hits else best
    deepest = min(max((cell.count("/") + cell.count("\\") for cell in cells), default=0), _DEEPEST)
    for dropped in range(1, deepest + 1):
        if 2 * best.hits >= len(cells):
            break
        found = Found([index.find(_shortened(cell, dropped)) for cell in cells], "", dropped)
        best = found if found.hits > best.hits else best
    rows_of = Counter(place.path for place in best.places)
    shared = [
        Place(place.path, SHARED) if place.path is not None and rows_of[place.path] > 1 else place
        for place in best.places
    ]
    return Found(shared, best.base, best.dropped)


class _Index:
    """Files by path, by path without suffix, by name, and by name without suffix."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = set(paths)
        self._stems = _by(self.paths, _stem)
        self._names = _by(self.paths, posixpath.basename)
        self._name_stems = _by(self.paths, lambda path: posixpath.basename(_stem(path)))

    def find(self, path: "str | Place", base: str = "") -> Place:
        """Return the place of a relative path; a name without folders may lie in any folder if it is the only one."""
        if isinstance(path, Place):
            return path
        if path in self.paths:
            return Place(path)
        lists = [self._stems.get(path, ())]
        if "/" not in (path.removeprefix(f"{base}/") if base else path):
            name = posixpath.basename(path)
            lists += [self._names.get(name, ()), self._name_stems.get(name, ())]
        for found in lists:
            if found:
                return Place(found[0]) if len(found) == 1 else Place(None, SEVERAL)
        return Place(None, MISSING)


def _relative(cell: str, index: _Index, roots: Iterable[str], base: str) -> "str | Place":
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


def _by(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        found[key(path)].append(path)
    return dict(found)


def _stem(path: str) -> str:
    path = path[: -len(".gz")] if path.lower().endswith(".gz") else path
    return path[: len(path) - len(PurePosixPath(path).suffix)]


def _normal(path: str) -> "str | Place":
    normal = posixpath.normpath(path)
    return Place(None, OUTSIDE) if normal == ".." or normal.startswith(("../", "/")) else normal
