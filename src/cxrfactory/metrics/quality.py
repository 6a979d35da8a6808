"""Quality of one segmentation: its scores, and flags that name what is unusual about the picture or the contours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cxrfactory.metrics.estimate.image import Interval
from cxrfactory.models.evidence import EVIDENCE_COLUMNS, Evidence

# Organ of an estimate -> prefix of its columns.
ESTIMATED = {"both": "", "lungs": "lungs_", "heart": "heart_"}
ENDS = ("dice_estimate", "dice_low", "dice_high")
ESTIMATE_COLUMNS = tuple(f"{prefix}{name}" for prefix in ESTIMATED.values() for name in ENDS)


@dataclass(frozen=True)
class Quality:
    """Scores and flags of the reliability of one segmentation.

    Attributes
    ----------
    typicality
        Score of the image in (0, 1]. It is 1 for an image that resembles the chest radiographs on which the package's
        registration network was trained, and decreases with the distance from them. It depends only on the image, so it
        cannot distinguish a good from a bad segmentation of a typical radiograph. 99 % of the held-out radiographs
        have 1.
    dice_rca_mean, dice_rca_max
        Reverse classification accuracy (RCA): the estimated Dice of the masks, mean and maximum over the references, in
        [0, 1]. They are None for a segmenter without reference images.
    references
        Ids of the reference images that were compared; empty without references.
    flags
        Names of what is unusual, keys of :data:`cxrfactory.metrics.flags.FLAGS`. A flagged segmentation is kept: a
        person should look at it.
    evidence
        Agreement of the landmarks with the other answers of the network that found them
        (:class:`cxrfactory.models.evidence.Evidence`); None for a network without a dense head.

    estimates
        Estimated Dice of ``both``, ``lungs`` and ``heart`` with the low and the high end of its interval, by a quality
        calibration; empty without one.
    flag_reasons
        Organ and signal, such as ``heart:heart_soft_dice``, for each organ behind the flag ``low-estimate``.

    Examples
    --------
    >>> quality = segmenter.segment(film).quality
    >>> quality.typicality < 0.8, "unlike-frontal-chest" in quality.flags  # the film of this example is a drawing
    (True, True)
    >>> len(quality.references), quality.dice_rca_mean <= quality.dice_rca_max
    (2, True)
    """

    typicality: float
    dice_rca_mean: float | None = None
    dice_rca_max: float | None = None
    references: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    evidence: Evidence | None = None
    estimates: Mapping[str, Interval | None] = field(default_factory=dict)
    flag_reasons: tuple[str, ...] = ()

    def estimate_columns(self) -> dict[str, float | None]:
        """Return the estimates and their ends by column name, such as ``lungs_dice_low``; None where unknown."""
        return {
            f"{prefix}{name}": value
            for organ, prefix in ESTIMATED.items()
            for name, value in zip(ENDS, self.estimates.get(organ) or (None, None, None), strict=True)
        }

    def evidence_columns(self) -> dict[str, float | None]:
        """Return the evidence by column name, such as ``lungs_soft_dice``; all are None without evidence."""
        return dict.fromkeys(EVIDENCE_COLUMNS) if self.evidence is None else self.evidence.columns()

    def with_flags(self, more: Sequence[str]) -> "Quality":
        """Return the quality with further flags behind its own."""
        return replace(self, flags=(*self.flags, *more)) if more else self
