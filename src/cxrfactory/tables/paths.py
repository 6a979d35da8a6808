"""Where a table's path may point to, and what a table's text may name a file."""

import os
import re
import unicodedata
from pathlib import Path

from cxrfactory.errors import ImageError

# File systems end a name at 255 bytes; products add an ending to it ("-mask.jpg"), temporary files a random one.
LONGEST_NAME_BYTES = 200
LONGEST_PATH_BYTES = 1024

# Most paths of most releases: nothing in them can mean anything but itself.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DRIVE = re.compile(r"[A-Za-z]:")
# Control signs, invisible signs (zero width, writing direction), lone surrogates, line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def is_plain_name(name: str) -> bool:
    """Whether a text can name a file or folder of a product on any system: letters, digits, ``.``, ``_``, ``-``."""
    return bool(_NAME.fullmatch(name)) and len(name) <= LONGEST_NAME_BYTES


def path_fault(relative: object) -> str | None:
    """Say why a text is no path below a folder, of any operating system; None where it is one.

    Signs that look like ``.`` or ``/`` count as what they look like (Unicode's compatibility form, NFKC), because file
    systems, archives and people may take them for it. ``a/./b`` and ``a//b`` are paths; whether they are good ones is
    for the caller to say.

    Parameters
    ----------
    relative
        What a table has; anything but text is a fault.
    """
    if not isinstance(relative, str) or not relative.strip():
        return "no path in the manifest"
    if _PLAIN.fullmatch(relative) and len(relative) <= LONGEST_NAME_BYTES:
        return None
    if "\0" in relative:
        return "path that holds a zero byte"
    # What it means on any system comes first: ".." beside an invisible sign is still "..".
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", relative) if not _unprintable(sign))
    if seen.startswith(("/", "\\")) or _DRIVE.match(seen):
        return "absolute path; expected one relative to the release's root"
    if ".." in re.split(r"[/\\]", seen.replace(" ", "")):
        return "path that leaves the release's root ('..')"
    if "\\" in seen:
        return "path with a backslash; expected '/' between folders of the release's root"
    if any(_unprintable(sign) for sign in relative):
        return "path with signs that cannot be seen (control, zero width, writing direction)"
    if seen.count("/") != relative.count("/"):
        return "path with a sign that can be taken for '/'"
    longest = max(len(part.encode("utf-8")) for part in relative.split("/"))
    if longest > LONGEST_NAME_BYTES:
        return f"path with a name of {longest} bytes; the limit is {LONGEST_NAME_BYTES}"
    size = len(relative.encode("utf-8"))
    return f"path of {size} bytes; the limit is {LONGEST_PATH_BYTES}" if size > LONGEST_PATH_BYTES else None


def path_inside(root: Path, relative: str | None, follow_links: bool = False) -> Path:
    """Join a root and a table's path, which can leave the root neither by its text nor through a link.

    Parameters
    ----------
    root
        A folder; it may be a link itself.
    relative
        The table's path.
    follow_links
        Let links below the root lead out of it, for releases that are laid out as trees of links.

    Raises
    ------
    ImageError
        If the path is no path below a folder (:func:`path_fault`), or leads out of the root.
    """
    fault = path_fault(relative)
    if fault is not None:
        raise ImageError(fault)
    path = root / relative  # type: ignore[operator]
    if not follow_links:
        real, top = os.path.realpath(path), os.path.realpath(root)
        if os.path.commonpath([real, top]) != top:
            raise ImageError("link that leads out of the release's root; set follow_links where that is meant")
    return path


def _unprintable(sign: str) -> bool:
    return unicodedata.category(sign) in _UNPRINTABLE
