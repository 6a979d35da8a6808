"""Look up the files of a folder by path, by name, and by spellings that spreadsheets and other systems change."""

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

NO_CELL = "the table names no file"
MISSING = "file is missing"
OUTSIDE = "path is not inside the folder"
SEVERAL = "several files have this name; the table must give their paths"


@dataclass(frozen=True)
class Place:
    """Where a cell's file is: its path relative to the root, or the reason why it has none.

    Attributes
    ----------
    path, reason
        The path, or None and the reason.
    respelt
        Whether the cell writes the path in another way: in case, in accents, without leading zeros or without folders.
    """

    path: str | None
    reason: str | None = None
    respelt: bool = False


class FileIndex:
    """Files by path, by path without suffix, by name, and by name without suffix.

    Parameters
    ----------
    paths
        Paths of the files, relative to the root.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = set(paths)
        self._stems = _by(self.paths, _stem)
        self._names = _by(self.paths, posixpath.basename)
        self._name_stems = _by(self.paths, lambda path: posixpath.basename(_stem(path)))

    def find(self, path: "str | Place", base: str = "") -> Place:
        """Return the place of a relative path; it may lack leading folders if only one file ends with it.

        Parameters
        ----------
        path
            The path from the root, or its place if that is known.
        base
            Folder that the path was put below; it does not belong to the cell.
        """
        if isinstance(path, Place):
            return path
        if path in self.paths:
            return Place(path)
        cell = path.removeprefix(f"{base}/") if base else path
        lists = [self._stems.get(path, ())]
        if "/" not in cell:
            name = posixpath.basename(path)
            lists += [self._names.get(name, ()), self._name_stems.get(name, ())]
        for found in lists:
            if found:
                return Place(found[0]) if len(found) == 1 else Place(None, SEVERAL)
        return self._respelt(path, self._by_spelling) or self._respelt(cell, self._by_ending) or Place(None, MISSING)

    def find_whole(self, path: "str | Place") -> Place:
        """Return the place of a path that lost its leading folders; a file in further folders is another file."""
        if isinstance(path, Place):
            return path
        if path in self.paths:
            return Place(path)
        found = self._stems.get(path, ())
        if found:
            return Place(found[0]) if len(found) == 1 else Place(None, SEVERAL)
        return self._respelt(path, self._by_spelling) or Place(None, MISSING)

    def namesakes(self, name: str) -> list[str]:
        """Return the files with a name, in any folder and spelling."""
        return sorted({path for key in _spellings(name) for path in self._by_ending.get(key, ())})

    def _respelt(self, path: str, listed: dict[str, list[str]]) -> Place | None:
        for key in _spellings(path):
            found = listed.get(key, ())
            if found:
                return Place(found[0], respelt=True) if len(found) == 1 else Place(None, SEVERAL)
        return None

    @cached_property
    def _by_spelling(self) -> dict[str, list[str]]:
        return _listed((key, path) for path in self.paths for key in {*_spellings(path), *_spellings(_stem(path))})

    @cached_property
    def _by_ending(self) -> dict[str, list[str]]:
        found = defaultdict(set)
        for key, paths in self._by_spelling.items():
            parts = key.split("/")
            for start in range(len(parts)):
                found["/".join(parts[start:])].update(paths)
        return {key: sorted(paths) for key, paths in found.items()}


def _spellings(path: str) -> list[str]:
    """Return a path with composed signs in lower case, and the same without the leading zeros of a number."""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    folders, slash, name = plain.rpartition("/")
    number, dot, suffix = name.partition(".")
    short = f"{folders}{slash}{number.lstrip('0') or '0'}{dot}{suffix}"
    return [plain, short] if number.isdecimal() and short != plain else [plain]


def _by(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    return _listed((key(path), path) for path in paths)


def _listed(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, path in pairs:
        found[key].append(path)
    return dict(found)


def _stem(path: str) -> str:
    path = path[: -len(".gz")] if path.lower().endswith(".gz") else path
    return path[: len(path) - len(PurePosixPath(path).suffix)]
