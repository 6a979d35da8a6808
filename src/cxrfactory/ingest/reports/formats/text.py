"""Reports in text files, one per study; the file name without ``.txt`` is the id of the study."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cxrfactory.ingest.reports.found import Found, read_texts


def read(source: Path, follow_links: bool = False) -> Iterator[Found]:
    """Yield the reports of a folder or archive."""
    yield from read_texts(source, lambda name: PurePosixPath(name).stem, follow_links)
