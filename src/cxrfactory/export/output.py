"""Places to write exports to: nothing that exists is replaced, and a failed export leaves nothing behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import text_file
from cxrfactory.tables.folders import replaced_folder


def refuse_existing(output: str | Path) -> Path:
    """Return the path of an export if nothing is there yet; an empty folder counts as nothing.

    Raises
    ------
    CxrError
        If the path is a file or a folder with content.
    """
    output = Path(output)
    if output.is_dir():
        inside = next(iter(sorted(output.iterdir())), None)
        if inside is not None:
            raise CxrError(f"{output}: folder exists and holds '{inside.name}'; name a new folder, or delete this one")
    elif output.exists() or output.is_symlink():
        raise CxrError(f"{output}: file exists; name another output, or delete this one")
    return output


@contextmanager
def new_folder(output: str | Path) -> Iterator[Path]:
    """Yield an empty folder to write into; on success it becomes ``output``, on failure nothing is left.

    Raises
    ------
    CxrError
        If ``output`` exists and is not an empty folder.
    """
    with replaced_folder(refuse_existing(output)) as folder:
        yield folder


@contextmanager
def new_text(output: str | Path) -> Iterator[TextIO]:
    """Yield a UTF-8 text stream; on success it becomes the file ``output``, on failure nothing is left.

    Raises
    ------
    CxrError
        If ``output`` exists.
    """
    with text_file(refuse_existing(output)) as stream:
        yield stream
