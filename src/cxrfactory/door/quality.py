"""Quality of a segmentation in the public interface: :class:`Quality`, and the choice of reference images."""

from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.metrics.quality import Quality
from cxrfactory.rca.packaged import PACKAGED

NONE = "none"  # the command's word for no reference images


def chosen_reference(references: str | Path | None, quality: bool) -> str | Path | None:
    """Return the reference images as :class:`cxrfactory.rca.judge.QualityJudge` takes them.

    Raises
    ------
    CxrError
        If a table of references is given although no quality is wanted.
    """
    if not quality and references is not None and str(references) not in (PACKAGED, NONE):
        raise CxrError("references are for the quality, and quality is False; give one of the two only")
    return None if str(references) == NONE else references


__all__ = ["Quality", "chosen_reference"]
