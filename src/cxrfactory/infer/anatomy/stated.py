"""The view that a file states, also where it is not a frontal one."""

from pathlib import Path

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.screening import HeaderChecks
from cxrfactory.imaging.vocabulary.words import described

LATERAL_WORDS = {"LATERAL", "LL", "RL", "XTABLE_LATERAL"}


def stated_view(path: Path, radiograph: Radiograph, checks: HeaderChecks) -> str | None:
    """Return the view that a file states, such as PA, AP, FRONTAL or LL; None if it states none.

    Parameters
    ----------
    path
        The file, which was read.
    radiograph
        What was read from it.
    checks
        The words of views.

    Raises
    ------
    ImageError
        If a DICOM header states a view that is neither frontal nor lateral.
    """
    if radiograph.view is not None:
        return radiograph.view
    from cxrfactory.imaging.radiograph.reading import picture_kind

    with path.open("rb") as stream:
        if picture_kind(stream.read(144)) != "DICOM":
            return None
    from cxrfactory.imaging.dicom_object import read_object

    dataset = read_object(path, stop_before_pixels=True, specific_tags=["ViewPosition"])
    text = str(dataset.get("ViewPosition") or "").strip(" \0")
    view = checks.vocabulary.view(text)
    if not view.stated:
        return None
    if set(view.meanings) and set(view.meanings) <= LATERAL_WORDS:
        return "LL"
    said = " and ".join(view.words) if view.meanings and not view.unknown else described(text)
    raise ImageError(f"view position {said}; expected a frontal or lateral view (PA, AP, LL), or give --view")
