"""Read what the config allows from the headers of DICOM files: view, sex, age, patient and study.

Other formats have no such header. Pixels are not read, and no header value is quoted in a message.
"""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pydicom

from cxrfactory.errors import ImageError

# Importing this module also silences pydicom's warnings, which quote header values.
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, read_object
from cxrfactory.logs import progress
from cxrfactory.tables.file_kinds import looks_like_dicom
from cxrfactory.tables.streaming import in_order

NOT_DICOM, UNREADABLE = "not DICOM", "damaged header"
_TAGS = {
    "view": ("ViewPosition", "ViewCodeSequence"),
    "sex": ("PatientSex",),
    "age": ("PatientAge", "PatientBirthDate", "StudyDate"),
    "patient_id": ("PatientID",),
    "study_id": ("StudyInstanceUID",),
}
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DAYS_A_YEAR = 365.25
_HEAD_BYTES = 144
_WORKERS = 4


def read_headers(files: Sequence[Path], wanted: Iterable[str]) -> list[dict[str, str]]:
    """Read the headers of files.

    Parameters
    ----------
    files
        The files.
    wanted
        Any of ``view``, ``sex``, ``age``, ``patient_id`` and ``study_id``.

    Returns
    -------
    list of dict
        Text of each wanted value, empty where the header lacks it. ``fault`` says that the file is not DICOM or that
        its header is damaged; it is empty otherwise.
    """
    names = tuple(wanted)

    def work(path: Path) -> dict[str, str]:
        return read_header(path, names)

    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(progress(in_order(pool, work, files, 8 * _WORKERS), "headers", len(files)))


def read_header(path: Path, wanted: Sequence[str]) -> dict[str, str]:
    """Read the header of one file; see :func:`read_headers`."""
    nothing = dict.fromkeys(wanted, "")
    try:
        with path.open("rb") as stream:
            if not looks_like_dicom(stream.read(_HEAD_BYTES)):
                return {**nothing, "fault": NOT_DICOM}
        tags = [tag for name in wanted for tag in _TAGS[name]]
        dataset = read_object(path, stop_before_pixels=True, specific_tags=["SpecificCharacterSet", *tags])
        return {**{name: _value(dataset, name) for name in wanted}, "fault": ""}
    except (ImageError, *DECODING_ERRORS):
        return {**nothing, "fault": UNREADABLE}


def _value(dataset: pydicom.Dataset, name: str) -> str:
    text = _text(dataset, _TAGS[name][0])
    if name == "view" and not text:
        return next((_text(item, "CodeMeaning") for item in dataset.get("ViewCodeSequence") or ()), "")  # CID 4010
    if name == "age" and not text:
        return _age_of_dates(_text(dataset, "PatientBirthDate"), _text(dataset, "StudyDate"))
    return text


def _text(dataset: pydicom.Dataset, tag: str) -> str:
    value: Any = dataset.get(tag)
    return "" if value is None else str(value).strip()


def _age_of_dates(born: str, studied: str) -> str:
    """Return the age in whole years at a study; the dates themselves are not kept."""
    days = []
    for text in (born, studied):
        parts = _DATE.fullmatch(text)
        try:
            days.append(date(*map(int, parts.groups())) if parts else None)
        except ValueError:
            return ""
    if days[0] is None or days[1] is None or days[1] < days[0]:
        return ""
    return str(int((days[1] - days[0]).days / _DAYS_A_YEAR))
