"""The patients of the images in the landmark set (ngaggion/Chest-xray-landmark-dataset)."""

import re

_SAME_PATIENT = re.compile(r"same pt as ([A-Za-z0-9_]+)")
# Sources (lower case) whose image ids begin with the study's id, up to the first underscore.
_STUDY_FIRST = ("padchest",)


def patient_of(image_id: str, source: str, condition: str) -> str:
    """Return the patient of an image of the set, whose table has no patient column.

    Parameters
    ----------
    image_id
        The image's id.
    source
        The image's ``Dataset`` in the table.
    condition
        The image's ``Condition`` in the table; for three images of Montgomery it contains "same pt as <id>".

    Returns
    -------
    str
        The study's id if the image's id begins with it, else the image id that the condition names, else the image's
        own id.
    """
    if source.lower() in _STUDY_FIRST:
        return image_id.split("_", 1)[0]
    same = _SAME_PATIENT.search(condition)
    return same.group(1) if same else image_id
