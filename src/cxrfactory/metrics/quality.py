"""Quality of one segmentation: its scores, and flags that name what is unusual about the picture or the contours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cxrfactory.models.evidence import EVIDENCE_COLUMNS, Evidence


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

    def evidence_columns(self) -> dict[str, float | None]:
        """Return the evidence by column name, such as ``lungs_soft_dice``; all are None without evidence."""
        return dict.fromkeys(EVIDENCE_COLUMNS) if self.evidence is None else self.evidence.columns()

    def with_flags(self, more: Sequence[str]) -> "Quality":
        """Return the quality with further flags behind its own."""
        return replace(self, flags=(*self.flags, *more)) if more else self
