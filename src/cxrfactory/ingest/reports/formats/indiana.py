"""Reports of the Indiana University collection (Open-i): XML with the sections in ``AbstractText`` elements.

The format is that of ``NLMCXR_reports.tgz`` (Demner-Fushman et al., JAMIA 2016, doi 10.1093/jamia/ocv080). Each study
is one file, ``uId/@id`` is ``CXR<number>``, and images are named ``CXR<number>_IM-...``. The attribute ``Label`` of an
``AbstractText`` element names the section.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from cxrfactory.errors import ImageError
from cxrfactory.ingest.reports.files import report_files
from cxrfactory.ingest.reports.found import Found
from cxrfactory.tables.report_headings import kind_of
from cxrfactory.tables.report_sections import merge_sections


def read(source: Path, follow_links: bool = False) -> Iterator[Found]:
    """Yield the reports ``ecgen-radiology/<n>.xml`` of ``NLMCXR_reports.tgz`` or of its unpacked folder."""
    for path, read_file in report_files(source, ".xml", follow_links):
        try:
            study, pieces = read_indiana(read_file())
        except ImageError as error:
            yield Found(path, None, {}, str(error))
        else:
            yield Found(path, study, merge_sections(pieces))


def read_indiana(data: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Parse one report.

    Parameters
    ----------
    data
        Content of the XML file. Sections are taken from its elements; their texts are not searched for further
        headings.

    Returns
    -------
    str
        Id of the study, ``CXR<number>``.
    list of tuple of str and str
        Kind (:mod:`cxrfactory.tables.report_headings`) and text of each section, in order.

    Raises
    ------
    ImageError
        If the file is not well-formed XML, declares a document type, has no id or no section, or has a section with an
        unknown name.
    """
    try:
        _refuse_document_type(data)
        root = ElementTree.fromstring(data)
    except (expat.ExpatError, ElementTree.ParseError, LookupError, ValueError) as error:  # LookupError: bad encoding
        raise ImageError("not well-formed XML") from error
    node = root.find("uId")
    study = "" if node is None else (node.get("id") or "").strip()
    if not study:
        raise ImageError("element uId has no id")
    pieces = []
    for element in root.iter("AbstractText"):
        kind = kind_of(element.get("Label") or "")
        if kind is None:
            raise ImageError("element AbstractText whose Label names no known section")
        pieces.append((kind, "".join(element.itertext())))
    if not pieces:
        raise ImageError("no element AbstractText")
    return study, pieces


def _refuse_document_type(data: bytes) -> None:
    """Raise ImageError if the XML declares a document type; the parser detects it in every encoding."""

    def refuse(*_: object) -> None:
        raise ImageError("XML with a document type; expected none, for entities can expand without end")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(data, True)
