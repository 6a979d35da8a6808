"""Quality of a segmentation in the public interface: :class:`Quality`, and the choice of what it is judged by."""

from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.metrics.quality import Quality
from cxrfactory.rca.packaged import PACKAGED
from cxrfactory.tables.quality_calibration import AUTO

NONE = "none"  # the command's word for no reference images, and for no calibration


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


def chosen_calibration(calibration: str | Path | None, flag_worst: float, quality: bool) -> str | Path | None:
    """Return the quality calibration as :class:`cxrfactory.rca.judge.QualityJudge` takes it.

    Raises
    ------
    CxrError
        If a calibration is given although no quality is wanted, or ``flag_worst`` is no share.
    """
    if not quality and calibration is not None and str(calibration) not in (AUTO, NONE):
        raise CxrError("a calibration is for the quality, and quality is False; give one of the two only")
    if not 0 <= flag_worst <= 1:
        raise CxrError(f"flag_worst is {flag_worst}; expected a share from 0 to 1, such as 0.02")
    return None if str(calibration) == NONE else calibration


__all__ = ["AUTO", "Quality", "chosen_calibration", "chosen_reference"]
