"""Build whole folders or none: aside, in a folder beside the target, then moved into place by one rename.

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
    """Yield an empty folder on the file system of ``parent``; whatever is left in it is removed in the end.

    Parameters
    ----------
    parent
        Folder that will hold the result; it is made if it is missing.
    name
        Name of what is built, for a reader who finds the folder after a crash: ``.<name>.<random>.tmp``.
    """
    Path(parent).mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".tmp", dir=parent))
    try:
        new = holder / "new"  # mkdtemp makes private folders; this one follows the user's umask
        new.mkdir()
        yield new
    finally:
        shutil.rmtree(holder, ignore_errors=True)


@contextmanager
def replaced_folder(output: str | Path) -> Iterator[Path]:
    """Yield an empty folder; on success it takes the place of ``output``, on failure ``output`` stays as it was.

    Files are brought to the disk before the rename, so a power cut leaves the old folder or the new one. The caller
    decides beforehand whether a folder that is already there may be replaced.

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
    """Rename the folder ``new`` to ``output``; a folder that had that name is removed, or restored on failure.

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
    """Bring all files of a folder into another, by hard link where the file system can, else by copy.

    Files whose names begin with a dot are left out: they are files in the making, or the workflow's own marks. A file
    of the same name in ``target`` is replaced.
    """
    for path in sorted(Path(source).rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            link_file(path, Path(target) / path.relative_to(source))


def link_file(source: str | Path, target: str | Path) -> None:
    """Bring a file to another place, by hard link where the file system can, else by copy."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
