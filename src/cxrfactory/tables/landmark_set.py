"""The landmark set (ngaggion/Chest-xray-landmark-dataset): who the patient of an image is."""

import re

_SAME_PATIENT = re.compile(r"same pt as ([A-Za-z0-9_]+)")
# Sources (lower case) whose image ids begin with the id of the study, which ends at the first underscore.
_STUDY_FIRST = ("padchest",)


def patient_of(image_id: str, source: str, condition: str) -> str:
    """Return the patient of an image of the set, whose table has no column for it.

    Parameters
    ----------
    image_id
        The image's id.
    source
        Its ``Dataset`` in the table.
    condition
        Its ``Condition`` there; three images of Montgomery say "same pt as <id>".

    Returns
    -------
    str
        The study's id where the image's id holds it, else the id of the image that the condition names, else the
        image's own id.
    """
    if source.lower() in _STUDY_FIRST:
        return image_id.split("_", 1)[0]
    same = _SAME_PATIENT.search(condition)
    return same.group(1) if same else image_id
