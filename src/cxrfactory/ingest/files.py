"""Locate the image files of a release under its root, and check that they exist."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cxrfactory.logs import get_logger, progress

log = get_logger(__name__)


def index_folders(root: Path, folders: Iterable[Path]) -> dict[str, str]:
    """Map the file names in folders to paths relative to the root.

    Folders that do not exist are skipped. If a name occurs in several folders, the first folder is used, and the log
    counts such names.
    """
    found: dict[str, str] = {}
    twice: dict[str, str] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        prefix = folder.relative_to(root).as_posix()
        with os.scandir(folder) as entries:
            for entry in entries:
                path = entry.name if prefix == "." else f"{prefix}/{entry.name}"
                if found.setdefault(entry.name, path) != path and entry.is_file():
                    twice.setdefault(entry.name, path)
    if twice:
        log.warning("%d file names occur in several folders of the release; the file in the first is used", len(twice))
    return found


def file_fault(path: Path) -> str | None:
    """Return the fault of an image file as text, or None if it is a non-empty regular file."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "file is missing"
    except OSError as error:
        return f"file cannot be reached ({error.strerror})"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    return None if status.st_size else "file is empty"


def check_files(rows: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Exclude included rows whose file is missing, empty or unreachable.

    Parameters
    ----------
    rows
        Manifest rows with the columns ``path`` (relative to the root) and ``exclusion_reason`` (null if included).
    root
        Folder of the release.

    Returns
    -------
    DataFrame
        The rows with an exclusion reason for each file that has a fault.
    """
    reasons = rows["exclusion_reason"].astype(object).copy()
    included = reasons.isna()
    for place, path in progress(list(rows.loc[included, "path"].items()), "checking files"):
        fault = file_fault(root / path)
        if fault:
            reasons.at[place] = f"{fault}: {path}"
    return rows.assign(exclusion_reason=reasons)
