"""Result of reading one report, and the reading of text files.

Faults of single reports are part of the results; only a fault of the whole source raises an error.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.errors import ImageError
from cxrfactory.ingest.reports.files import report_files
from cxrfactory.tables.report_sections import parse_sections


@dataclass(frozen=True)
class Found:
    """One report: its sections, or the reason why it cannot be read.

    Attributes
    ----------
    path
        Path of the report within the source.
    study_id
        Id of the study, or None if it is unknown.
    sections
        Text of each section by its name; each text is on one line.
    fault
        Reason why the report cannot be read, or None.
    """

    path: str
    study_id: str | None
    sections: dict[str, str]
    fault: str | None = None


def read_texts(source: Path, study_of: Callable[[str], str], follow_links: bool) -> Iterator[Found]:
    """Yield the reports of text files, one per study.

    Parameters
    ----------
    source
        Folder or archive.
    study_of
        Function that extracts the id of the study from a file's path. It raises ``ImageError`` if the path has no id.
    follow_links
        Follow links in a folder that lead out of it.
    """
    for path, read in report_files(source, ".txt", follow_links):
        study, no_study = _study(path, study_of)
        try:
            text = read().decode("utf-8-sig")
            if no_study is not None:
                raise ImageError(no_study)
            if "\0" in text:
                raise ImageError("file holds zero bytes; expected text")
        except UnicodeDecodeError as error:
            yield Found(path, study, {}, f"not UTF-8 text (byte {error.start})")
        except ImageError as error:
            yield Found(path, study, {}, str(error))
        else:
            yield Found(path, study, parse_sections(text))


def _study(path: str, study_of: Callable[[str], str]) -> tuple[str | None, str | None]:
    """Return the id of the study, or None and the reason why the path has none."""
    try:
        return study_of(path), None
    except ImageError as error:
        return None, str(error)
