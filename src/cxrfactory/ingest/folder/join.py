"""Find the file of each row of a table: by its path, or by a file name that occurs once."""

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

NO_CELL = "the table names no file"
MISSING = "file is missing"
OUTSIDE = "path is not inside the folder"
SEVERAL = "several files have this name; the table must give their paths"
SHARED = "several rows of the table name this file"


class Finder:
    """Finds files by what tables write: paths from the root or from a folder below it, file names, with suffix or not.

    Parameters
    ----------
    paths
        Paths of all files, relative to the root.
    root
        The root, for absolute paths.
    base
        Folder that relative paths start at, relative to the root; empty for the root itself.
    """

    def __init__(self, paths: Iterable[str], root: Path, base: str = "") -> None:
        self._paths = set(paths)
        self._roots = {str(root), str(root.absolute()), str(root.resolve())}
        self._base = base
        self._stems = _index(self._paths, _stem)
        self._names = _index(self._paths, posixpath.basename)
        self._name_stems = _index(self._paths, lambda path: posixpath.basename(_stem(path)))

    def find(self, cell: str) -> tuple[str | None, str | None]:
        """Return the path of a cell's file and None, or None and the reason why there is none."""
        if not cell:
            return None, NO_CELL
        path = self._relative(cell)
        if path is None:
            return None, OUTSIDE
        if path in self._paths:
            return path, None
        lists = [self._stems.get(path, ())]
        if "/" not in path.removeprefix(f"{self._base}/"):
            name = posixpath.basename(path)
            lists += [self._names.get(name, ()), self._name_stems.get(name, ())]
        for found in lists:
            if found:
                return (found[0], None) if len(found) == 1 else (None, SEVERAL)
        return None, MISSING

    def _relative(self, cell: str) -> str | None:
        """Return the path from the root that a cell states; None if it leads elsewhere."""
        if "\\" in cell and cell not in self._paths:
            cell = cell.replace("\\", "/")  # as Windows writes paths
        if len(cell) > 1 and cell[1] == ":" and cell[0].isalpha():
            return None
        if cell.startswith("/"):
            root = next((root for root in self._roots if cell.startswith(f"{root.rstrip('/')}/")), None)
            return None if root is None else _normal(cell[len(root.rstrip("/")) + 1 :])
        return _normal(f"{self._base}/{cell}" if self._base else cell)


def find_files(
    cells: Sequence[str], paths: Sequence[str], root: Path, below: str
) -> list[tuple[str | None, str | None]]:
    """Find the file of each cell; relative paths start at the root, or at the table's folder if more are found there.

    Parameters
    ----------
    cells
        Paths or names as a table writes them.
    paths
        Paths of the files, relative to the root.
    root
        The root.
    below
        The table's folder relative to the root; empty if it is the root, or lies elsewhere.

    Returns
    -------
    list
        For each cell the path and None, or None and a reason. A file that several cells name has the reason of each.
    """
    best: list[tuple[str | None, str | None]] = []
    for base in dict.fromkeys(("", below)):
        finder = Finder(paths, root, base)
        found = [finder.find(cell) for cell in cells]
        if not best or _hits(found) > _hits(best):
            best = found
    rows_of: dict[str, int] = defaultdict(int)
    for path, _ in best:
        if path is not None:
            rows_of[path] += 1
    return [(path, SHARED if path is not None and rows_of[path] > 1 else reason) for path, reason in best]


def _hits(found: Iterable[tuple[str | None, str | None]]) -> int:
    return sum(path is not None for path, _ in found)


def _index(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        found[key(path)].append(path)
    return dict(found)


def _stem(path: str) -> str:
    path = path[: -len(".gz")] if path.lower().endswith(".gz") else path
    return path[: len(path) - len(PurePosixPath(path).suffix)]


def _normal(path: str) -> str | None:
    normal = posixpath.normpath(path)
    return None if normal == ".." or normal.startswith(("../", "/")) else normal
