"""One report as a reader finds it, and the reading of text files; only faults of the whole source are raised."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.errors import ImageError
from cxrfactory.ingest.reports.files import report_files
from cxrfactory.tables.report_sections import parse_sections


@dataclass(frozen=True)
class Found:
    """One report: its sections, or the reason why there are none.

    Attributes
    ----------
    path
        Where it stands within the source.
    study_id
        Null where it cannot be told.
    sections
        Text by name of section, each on one line.
    fault
        Why the report cannot be read; null where it can.
    """

    path: str
    study_id: str | None
    sections: dict[str, str]
    fault: str | None = None


def read_texts(source: Path, study_of: Callable[[str], str], follow_links: bool) -> Iterator[Found]:
    """Read text files, one a study.

    Parameters
    ----------
    source
        Folder or archive.
    study_of
        Takes the study's id out of a file's path, and raises ``ImageError`` where the path holds none.
    follow_links
        Let links in a folder lead out of it.
    """
    for path, read in report_files(source, ".txt", follow_links):
        study = None
        try:
            study = study_of(path)
            text = read().decode("utf-8-sig")
            if "\0" in text:
                raise ImageError("file holds zero bytes; expected text")
        except UnicodeDecodeError as error:
            yield Found(path, study, {}, f"not UTF-8 text (byte {error.start})")
        except ImageError as error:
            yield Found(path, study, {}, str(error))
        else:
            yield Found(path, study, parse_sections(text))
