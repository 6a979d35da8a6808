"""Reports of MIMIC-CXR: files ``files/p10/p<subject>/s<study>.txt`` in ``mimic-cxr-reports.zip`` or its folder."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cxrfactory.errors import ImageError
from cxrfactory.ingest.reports.found import Found, read_texts

_FILE = re.compile(r"s(\d+)\.txt", re.IGNORECASE)


def read(source: Path, follow_links: bool = False) -> Iterator[Found]:
    """Yield the reports of a folder or archive."""
    yield from read_texts(source, _study, follow_links)


def _study(path: str) -> str:
    match = _FILE.fullmatch(PurePosixPath(path).name)
    if match is None:
        raise ImageError("file name is not s<study>.txt")
    return match[1]
