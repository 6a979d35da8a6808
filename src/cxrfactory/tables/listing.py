"""Listing of a folder: every entry is a file to read, or is left aside with its reason.

All commands that are given folders list them here, so that what one of them leaves out, all leave out, and each says
the same about it. The order of a listing is that of the bytes of the names, on every computer.
"""

import errno
import os
import stat
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cxrfactory.errors import CxrError
from cxrfactory.tables.file_kinds import (
    SYSTEM_FILES,
    SYSTEM_FOLDERS,
    ZONE_MARK,
    backup_of,
    holds_image,
    is_archive_name,
    is_table_name,
    is_volume_name,
)
from cxrfactory.tables.file_names import printable_name
from cxrfactory.tables.own_outputs import MARKER, outputs_in

Follow = Literal["inside", "all", "none"]


@dataclass(frozen=True)
class Reason:
    """Why an entry of a folder is not read.

    Attributes
    ----------
    one, many
        The entry in words, for counts.
    named
        Whether the entry may hold an image, so that it belongs into a table of rejected files. Others are only counted.
    text
        Sentence for such a table: what was found, and what to do.
    """

    one: str
    many: str
    named: bool = False
    text: str = ""


REASONS = {
    "hidden": Reason("hidden file", "hidden files"),
    "hidden folder": Reason("hidden folder", "hidden folders"),
    "system": Reason("system file", "system files"),
    "system folder": Reason("system folder", "system folders"),
    "table": Reason("table or text", "tables or texts"),
    "empty folder": Reason("empty folder", "empty folders"),
    "output": Reason("output of cxrfactory", "outputs of cxrfactory"),
    "listed folder": Reason("link to a folder that is listed", "links to folders that are listed"),
    "twin": Reason(
        "link to a file that is listed", "links to files that are listed", True, "the same file as {target}"
    ),
    "backup": Reason(
        "backup copy", "backup copies", True, "named like a backup copy of {target}; rename it if it is another film"
    ),
    "archive": Reason(
        "archive", "archives", True, "archive or packed file that is not one image; unpack it, and give its files"
    ),
    "volume": Reason(
        "volume",
        "volumes",
        True,
        "a volume and no film; a CT with its labels is projected (python -m cxrfactory project)",
    ),
    "dangling": Reason(
        "dangling link", "dangling links", True, "link that leads nowhere; fetch its file (for example with git-annex)"
    ),
    "outside": Reason(
        "link that leads outside",
        "links that lead outside",
        True,
        "link that leads out of the folder; set follow_links (--follow-links) where that is meant",
    ),
    "link": Reason("link", "links", True, "link, and links are not followed"),
    "special": Reason("no regular file", "no regular files", True, "not a regular file"),
    "closed": Reason("entry that cannot be read", "entries that cannot be read", True, "cannot be read: {cause}"),
}


@dataclass(frozen=True)
class Entry:
    """A file to read.

    Attributes
    ----------
    path
        Path to open.
    relative
        Path relative to the listed folder, with ``/`` between names, in printable form
        (:func:`cxrfactory.tables.file_names.printable_name`). No two entries share it.
    """

    path: Path
    relative: str


@dataclass(frozen=True)
class Aside:
    """An entry that is not read.

    Attributes
    ----------
    relative
        Printable path relative to the listed folder; a folder's path ends with ``/``.
    reason
        Key of :data:`REASONS`.
    text
        Reason as a sentence, for tables and logs.
    inside
        Number of files in a folder that is left aside; 0 for files.
    """

    relative: str
    reason: str
    text: str
    inside: int = 0

    @property
    def named(self) -> bool:
        """Whether the entry may hold an image, so that it belongs into a table of rejected files."""
        return REASONS[self.reason].named


@dataclass(frozen=True)
class Listing:
    """All entries of a folder and its subfolders, in the order of their names' bytes."""

    files: list[Entry] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)

    def named(self) -> list[Aside]:
        """Return the entries left aside that belong into a table of rejected files."""
        return [each for each in self.aside if each.named]

    def counts(self) -> dict[str, int]:
        """Return the number of entries left aside by reason (keys of :data:`REASONS`, in their order)."""
        found = Counter(each.reason for each in self.aside)
        return {reason: found[reason] for reason in REASONS if found[reason]}

    def told(self) -> str:
        """Return the entries left aside in words, such as ``2 hidden files, 1 archive``; ``none`` without any."""
        return told(self.aside)


def told(aside: list[Aside]) -> str:
    """Return entries left aside in words, such as ``2 hidden files, 1 hidden folder (3 files in it), 1 archive``."""
    parts = []
    for key, reason in REASONS.items():
        found = [each for each in aside if each.reason == key]
        if not found:
            continue
        inside = sum(each.inside for each in found)
        within = f" ({inside} file{'s'[: inside != 1]} in {'it' if len(found) == 1 else 'them'})" if inside else ""
        parts.append(f"{len(found)} {reason.one if len(found) == 1 else reason.many}{within}")
    return ", ".join(parts) or "none"


def list_folder(
    root: str | Path, follow: Follow = "inside", outputs: Collection[str] = (), any_name: bool = False
) -> Listing:
    """List a folder with all its subfolders.

    Parameters
    ----------
    root
        The folder. It may be a link, and its own name does not matter.
    follow
        Links to follow: ``inside`` those that lead to a place inside the folder, ``all``, or ``none``. A link to a file
        or folder that is listed under its own name is left aside, so that no file is read twice, and no walk is
        endless.
    outputs
        Kinds of this package's outputs to list, such as ``mask``; files that are marked as other outputs are left aside
        (:mod:`cxrfactory.tables.own_outputs`).
    any_name
        Whether to list tables, texts and archives as well, for callers that look for such files.

    Raises
    ------
    CxrError
        If the folder is missing or cannot be read.
    """
    root = os.fspath(root)
    if not os.path.isdir(root):
        raise CxrError(f"{printable_name(root)}: no such folder")
    walk = _Walk(root, follow, outputs, any_name)
    try:
        return walk.listing()
    except OSError as error:
        raise CxrError(f"{printable_name(root)}: folder cannot be read ({error.strerror})") from error


@dataclass(frozen=True)
class _Link:
    """A link to a file; whether its target is listed under its own name is known at the end."""

    entry: Entry
    target: str


class _Walk:
    """One walk over a folder. Paths are text, because a :class:`Path` for each entry would take most of the time."""

    def __init__(self, root: str, follow: Follow, outputs: Collection[str], any_name: bool) -> None:
        self.root, self.real = root, os.path.realpath(root)
        self.follow, self.outputs, self.any_name = follow, outputs, any_name
        self.entered: set[str] = set()  # real paths of all folders that were entered
        self.plain: dict[str, str] = {}  # real path of each listed file that is no link -> its relative path
        self.found: list[Entry | _Link | Aside] = []

    def listing(self) -> Listing:
        self._folder(self.root, "", self.real)
        listing = Listing()
        for each in self.found:
            if isinstance(each, Aside):
                listing.aside.append(each)
            elif isinstance(each, Entry):
                listing.files.append(each)
            elif each.target in self.plain:
                target = self.plain[each.target]
                text = REASONS["twin"].text.format(target=target)
                listing.aside.append(Aside(each.entry.relative, "twin", text))
            else:
                listing.files.append(each.entry)
        return listing

    def _folder(self, folder: str, prefix: str, real: str) -> None:
        """List one folder; folders within it are kept on a stack of iterators, so that depth is no limit."""
        stack = [(iter(_entries(folder)), prefix, real, self._outputs(folder))]
        self.entered.add(real)
        while stack:
            entries, prefix, real, own = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                continue
            name = entry.name
            relative = prefix + printable_name(name)
            deeper = self._entry(entry, relative, os.path.join(real, name), name in own)
            if deeper is not None:
                self.entered.add(deeper)
                try:
                    inside = _entries(entry.path)
                except OSError as error:
                    self._aside(f"{relative}/", "closed", cause=error.strerror or "unknown")
                    continue
                if not inside:
                    self._aside(f"{relative}/", "empty folder")
                stack.append((iter(inside), f"{relative}/", deeper, self._outputs(entry.path)))

    def _entry(self, entry: os.DirEntry[str], relative: str, real: str, own: bool) -> str | None:
        """Sort one entry; the real path of a folder to enter is returned."""
        name = entry.name
        original = backup_of(name)
        if original is not None and os.path.isfile(entry.path[: -len(name)] + original):
            self._aside(relative, "backup", target=printable_name(original))
            return None
        if entry.is_symlink():
            return self._link(entry, relative)
        if entry.is_dir(follow_symlinks=False):
            if (reason := _folder_reason(name)) is not None:
                self._aside(f"{relative}/", reason, _count_files(entry.path))
            elif real in self.entered:  # through a link that came before
                self._aside(f"{relative}/", "listed folder")
            else:
                return real
        elif not entry.is_file(follow_symlinks=False):
            self._aside(relative, _hidden(name) or "special")
        else:
            reason = "output" if own else self._file_reason(name, entry.path)
            if reason is None:
                self.plain[real] = relative
                self.found.append(Entry(Path(entry.path), relative))
            else:
                self._aside(relative, reason)
        return None

    def _link(self, entry: os.DirEntry[str], relative: str) -> str | None:
        hidden = _hidden(entry.name)
        if hidden is not None:
            self._aside(relative, hidden)
            return None
        try:
            real = os.path.realpath(entry.path, strict=True)
            mode = os.stat(real).st_mode
        except OSError as error:
            missing = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
            self._aside(relative, "dangling" if missing else "closed", cause=error.strerror or "unknown")
            return None
        inside = real == self.real or real.startswith(os.path.join(self.real, ""))
        if self.follow == "none" or (self.follow == "inside" and not inside):
            self._aside(relative, "link" if self.follow == "none" else "outside")
        elif stat.S_ISDIR(mode):
            if (reason := _folder_reason(entry.name)) is not None:
                self._aside(f"{relative}/", reason, _count_files(entry.path))
            elif real in self.entered or (inside and self._is_listed_folder(real)):
                self._aside(relative, "listed folder")
            else:
                return real
        elif not stat.S_ISREG(mode):
            self._aside(relative, "special")
        elif (reason := self._file_reason(entry.name, entry.path)) is not None:
            self._aside(relative, reason)
        else:
            self.found.append(_Link(Entry(Path(entry.path), relative), real))
        return None

    def _is_listed_folder(self, real: str) -> bool:
        """Return whether a folder inside the listed one is reached under its own name."""
        below = os.path.relpath(real, self.real)
        return below == "." or all(_folder_reason(name) is None for name in below.split(os.sep))

    def _file_reason(self, name: str, path: str) -> str | None:
        hidden = _hidden(name)
        if hidden is not None or self.any_name:
            return hidden
        if is_table_name(name):
            return None if holds_image(path) else "table"
        if is_volume_name(name):
            return None if holds_image(path) else "volume"
        if is_archive_name(name):
            return None if holds_image(path) else "archive"
        return None

    def _outputs(self, folder: str) -> frozenset[str]:
        return outputs_in(folder, self.outputs)

    def _aside(self, relative: str, reason: str, inside: int = 0, **facts: str) -> None:
        self.found.append(Aside(relative, reason, REASONS[reason].text.format(**facts), inside))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: os.fsencode(entry.name))


def _hidden(name: str) -> str | None:
    if name.startswith("."):
        return "output" if name == MARKER else "hidden"
    lower = name.lower()
    return "system" if lower in SYSTEM_FILES or lower.endswith(ZONE_MARK) else None


def _folder_reason(name: str) -> str | None:
    if name.startswith("."):
        return "hidden folder"
    return "system folder" if name.lower() in SYSTEM_FOLDERS else None


def _count_files(folder: str) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))
