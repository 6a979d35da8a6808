"""Files that a command was given: the films to read with their ids, and what is left aside with its reason."""

import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.tables.file_names import file_stem, printable_name
from cxrfactory.tables.listing import REASONS, Aside, Entry, list_folder, told

FORMATS = "radiographs (JPEG, PNG, TIFF, DICOM)"


@dataclass(frozen=True)
class Inputs:
    """All entries of the files and folders that a command was given.

    Attributes
    ----------
    films
        Files to read, each with its id: the name of a given file, or the path relative to a given folder, in printable
        form.
    aside
        Entries that are not read, each with its reason.
    """

    films: list[tuple[str, Path]] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)

    @property
    def unread(self) -> list[tuple[str, str]]:
        """Id and reason of each entry that may be a film and is not read; it belongs into the table of rejections."""
        return [(each.relative, each.text) for each in self.aside if each.named]

    @property
    def entries(self) -> list[tuple[str, Path | ImageError]]:
        """Films and unread entries together, ordered by id; an unread entry has an error in place of its file."""
        unread = [(image_id, ImageError(reason)) for image_id, reason in self.unread]
        return sorted([*self.films, *unread], key=lambda each: each[0].split("/")) if unread else list(self.films)

    def accounts(self, kept: int, rejected: int) -> str:
        """Return in words what became of all entries, given the numbers of films kept and rejected after reading."""
        named = [each for each in self.aside if each.named]
        counted = [each for each in self.aside if not each.named]
        entries = len(self.films) + len(self.aside)
        text = f"{entries} entries: read {len(self.films)} files, kept {kept}, rejected {rejected}"
        if named:
            text += f"; rejected without reading {len(named)} ({told(named)})"
        return f"{text}; left aside {len(counted)} ({told(counted)})" if counted else text


def list_images(
    paths: Sequence[Path], follow_links: bool = False, written: Collection[tuple[Path, Collection[str]]] = ()
) -> Inputs:
    """List the files to read. A given file is read whatever its name; a given folder is listed with its subfolders.

    Parameters
    ----------
    paths
        Files and folders.
    follow_links
        Whether links in a folder may lead out of it.
    written
        Folders that the command writes pictures to, each with the endings of the names behind the stem of an image
        (:func:`cxrfactory.tables.file_names.file_stem`), such as ``.heart.png``. Files that the command will write are
        not read.

    Raises
    ------
    CxrError
        If a path does not exist, there is no file to read, or two files have the same id.
    """
    films: list[tuple[str, Path]] = []
    aside: list[Aside] = []
    for path in paths:
        if path.is_dir():
            listing = list_folder(path, follow="all" if follow_links else "inside")
            own = _written(listing.files, written)
            films += [(each.relative, each.path) for each in listing.files if each.relative not in own]
            aside += listing.aside
            aside += [Aside(relative, "output", "") for relative in sorted(own)]
        else:
            _given_file(path, films, aside)
    if not films:
        left = f"; left aside: {told(aside)}" if aside else ""
        given = ", ".join(printable_name(str(path)) for path in paths)
        raise CxrError(f"{given}: no image files; expected {FORMATS}{left}")
    _refuse_twins(films)
    return Inputs(films, aside)


def _given_file(path: Path, films: list[tuple[str, Path]], aside: list[Aside]) -> None:
    name = printable_name(path.name)
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if not os.path.islink(path):
            raise CxrError(f"{printable_name(str(path))}: no such file or folder") from error
        aside.append(Aside(name, "dangling", REASONS["dangling"].text))
        return
    if stat.S_ISREG(mode):
        films.append((name, path))
    else:
        aside.append(Aside(name, "special", REASONS["special"].text))


def _written(files: Sequence[Entry], written: Collection[tuple[Path, Collection[str]]]) -> set[str]:
    """Return the files of a listing that the command will write."""
    found: set[str] = set()
    for folder, endings in written:
        real = os.path.realpath(folder)
        parents = {parent for parent in {each.path.parent for each in files} if os.path.realpath(parent) == real}
        if not parents:
            continue
        stems = {file_stem(each.relative) for each in files}
        for each in files:
            name = printable_name(each.path.name)
            if each.path.parent in parents and any(
                name.endswith(ending) and name.removesuffix(ending) in stems for ending in endings
            ):
                found.add(each.relative)
    return found


def _refuse_twins(films: Sequence[tuple[str, Path]]) -> None:
    seen: dict[str, Path] = {}
    for image_id, path in films:
        if image_id in seen:
            first, second = printable_name(str(seen[image_id])), printable_name(str(path))
            raise CxrError(f"id '{image_id}' is taken by {first} and {second}; give their common folder instead")
        seen[image_id] = path
