"""Safety checks of paths and file names that come from tables."""

import os
import re
import unicodedata
from pathlib import Path

from cxrfactory.errors import ImageError

# File systems limit a name to 255 bytes. Products append a suffix ("-mask.jpg"), temporary files a random part.
LONGEST_NAME_BYTES = 200
LONGEST_PATH_BYTES = 1024

# Paths of these characters are unambiguous and need no further checks; most paths of most releases match.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DRIVE = re.compile(r"[A-Za-z]:")
# Unicode categories: control, format (zero width, writing direction), surrogates, line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def is_plain_name(name: str) -> bool:
    """Return whether a text is a valid name for a file or folder of a product on any operating system.

    Valid names consist of ASCII letters, digits, ``.``, ``_`` and ``-``, begin with a letter or digit, and have at most
    :data:`LONGEST_NAME_BYTES` characters.
    """
    return bool(_NAME.fullmatch(name)) and len(name) <= LONGEST_NAME_BYTES


def path_fault(relative: object) -> str | None:
    """Return the reason why a text is no safe relative path below a folder on every operating system, or None.

    Characters that look like ``.`` or ``/`` are treated as such (Unicode's compatibility form, NFKC), because file
    systems, archives and people may confuse them. ``a/./b`` and ``a//b`` are accepted as paths; the caller decides
    whether they are allowed.

    Parameters
    ----------
    relative
        Cell of a table; a value that is not text is a fault.

    Returns
    -------
    The fault in words, or None if the path is safe.
    """
    if not isinstance(relative, str) or not relative.strip():
        return "no path in the manifest"
    if _PLAIN.fullmatch(relative) and len(relative) <= LONGEST_NAME_BYTES:
        return None
    if "\0" in relative:
        return "path that holds a zero byte"
    # The meaning of the visible text is checked first, because ".." with an invisible character is still "..".
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
    """Join a root folder and a path from a table, and refuse a path that leaves the root by its text or by a link.

    Parameters
    ----------
    root
        Root folder; it may be a symbolic link itself.
    relative
        Path from a table, relative to the root.
    follow_links
        Whether links below the root may lead out of it, for releases that are stored as trees of links.

    Raises
    ------
    ImageError
        If the path is not safe (:func:`path_fault`), or leads out of the root through a link.
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
