"""Reports as text files, one a study, whose name without ``.txt`` is the study's id."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cxrfactory.ingest.reports.found import Found, read_texts


def read(source: Path, follow_links: bool = False) -> Iterator[Found]:
    """Read the reports of a folder or archive."""
    yield from read_texts(source, lambda name: PurePosixPath(name).stem, follow_links)
