"""Where a table's path may point to."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from cxrfactory.errors import ImageError


def path_inside(root: Path, relative: str | None) -> Path:
    """Join a root and a table's path, which cannot leave the root by its text.

    Symbolic links inside the root are followed wherever they lead: whoever laid out the root placed them, and
    releases often are trees of links.

    Raises
    ------
    ImageError
        If the path is empty, absolute, or holds ``..``.
    """
    if not isinstance(relative, str) or not relative.strip():
        raise ImageError("no path in the manifest")
    windows = PureWindowsPath(relative)  # splits at / and at \
    if PurePosixPath(relative).is_absolute() or windows.drive or windows.root:
        raise ImageError("absolute path; expected one relative to the release's root")
    if ".." in windows.parts:
        raise ImageError("path that leaves the release's root ('..')")
    if "\0" in relative:
        raise ImageError("path that holds a zero byte")
    return root / relative
