"""Atomic writing of folders: a folder is built beside the target and then moved into place by one rename.

:mod:`cxrfactory.tables.atomic` does the same for single files.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import flush


@contextmanager
def folder_aside(parent: str | Path, name: str) -> Iterator[Path]:
    """Yield an empty temporary folder inside ``parent``; it is removed at the end with everything that is still in it.

    Parameters
    ----------
    parent
        Folder that will hold the result; it is created if it is missing.
    name
        Name of the result. It is part of the temporary folder's name, ``.<name>.<random>.tmp``, so that a folder left
        by a crash can be recognised.
    """
    Path(parent).mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".tmp", dir=parent))
    try:
        new = holder / "new"  # mkdtemp creates private folders, but this one follows the user's umask
        new.mkdir()
        yield new
    finally:
        shutil.rmtree(holder, ignore_errors=True)


@contextmanager
def replaced_folder(output: str | Path) -> Iterator[Path]:
    """Yield an empty folder; on success it replaces ``output``, on failure ``output`` is not changed.

    Files are flushed to the disk before the rename, so after a power cut either the old or the new folder exists. The
    caller decides beforehand whether an existing folder may be replaced.

    Raises
    ------
    CxrError
        If ``output`` is a file.
    """
    output = Path(output)
    if output.exists() and not output.is_dir():
        raise CxrError(f"{output}: is a file; expected a folder, or nothing yet")
    with folder_aside(output.parent, output.name) as new:
        yield new
        flush()
        swap_in(new, output)


def swap_in(new: Path, output: Path) -> None:
    """Rename the folder ``new`` to ``output``; an existing ``output`` is removed, or restored on failure.

    Both must lie on one file system.
    """
    with folder_aside(output.parent, output.name) as aside:
        old = aside / "old"
        if output.exists():
            os.replace(output, old)
        try:
            os.replace(new, output)
        except OSError:
            if old.exists():
                os.replace(old, output)
            raise


def link_tree(source: str | Path, target: str | Path) -> None:
    """Link all files of a folder into another folder; files are copied if the file system has no hard links.

    Files whose names begin with a dot are left out, because they are unfinished files or marks of the workflow. A file
    with the same name in ``target`` is replaced.
    """
    for path in sorted(Path(source).rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            link_file(path, Path(target) / path.relative_to(source))


def link_file(source: str | Path, target: str | Path) -> None:
    """Link a file to another path by a hard link; it is copied if a hard link is not possible.

    Missing parent folders are created, and an existing ``target`` is replaced.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
