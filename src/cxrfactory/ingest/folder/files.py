"""List the files of a folder: each may be an image, or is left aside with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.tables.file_names import name_on_disk, path_on_disk
from cxrfactory.tables.listing import REASONS, list_folder

TWIN = REASONS["twin"].one
NOT_UTF8 = "file name is not UTF-8 or holds signs that cannot be seen; rename the file, or use pseudonyms"

log = get_logger(__name__)


@dataclass(frozen=True)
class Files:
    """The files of a folder.

    Attributes
    ----------
    rows
        One row for each entry that is or may be an image, in the order of the listing: ``path`` (relative, printable),
        ``file`` (the path to open, or None) and ``reason`` (why it cannot be used, or None).
    aside
        Number of other entries by reason, such as hidden files or tables.
    """

    rows: pd.DataFrame
    aside: Mapping[str, int]


def list_files(root: Path, follow_links: bool, label: str) -> Files:
    """List a folder and its subfolders.

    Parameters
    ----------
    root
        The folder.
    follow_links
        Follow links that lead out of the folder; links that lead to a place inside are always followed.
    label
        How messages call the folder.

    Raises
    ------
    CxrError
        If the folder is missing, cannot be read, or holds no image.
    """
    if not root.is_dir():
        raise CxrError(f"{label}: no such folder; expected the folder of the images")
    listing = list_folder(root, "all" if follow_links else "inside")
    found = [(entry.relative, entry.path, None) for entry in listing.files]
    for each in listing.named():
        # A table may name the link and not its target, so the link can be opened.
        file = path_on_disk(root, each.relative) if each.reason == "twin" else None
        found.append((each.relative, file, _reason(each.reason, each.text)))
    if not listing.files:
        raise CxrError(f"{label}: no image in it (left aside: {listing.told()}); expected DICOM, PNG, JPEG or TIFF")
    log.info("%s: %d files; left aside: %s", label, len(listing.files), listing.told())
    rows = pd.DataFrame(found, columns=["path", "file", "reason"], dtype=object)
    named = {each.relative for each in listing.named()}
    counts: dict[str, int] = {}
    for each in listing.aside:
        if each.relative not in named:
            reason = REASONS[each.reason].one
            counts[reason] = counts.get(reason, 0) + max(each.inside, 1)
    return Files(rows, counts)


def has_plain_name(path: str) -> bool:
    """Return whether a printable path is the path on disk."""
    return name_on_disk(path) == path


def _reason(key: str, text: str) -> str:
    """Return a reason that names no file."""
    return text if "{" not in REASONS[key].text else REASONS[key].one
