"""What a network with two heads tells about its own masks: how far its heads and its stages agree.

Dense and landmark heads fail differently, so films on which they disagree are those on which one of them is wrong
(docs/segment.md gives the figures). Every value compares the published landmarks with something else that the same
network found, as a Dice coefficient at the resolution of the dense head. The published landmarks are filled at four
times that resolution and averaged, so that a small difference of a border counts for what it covers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.organs import BOTH_LUNGS, HEART, LUNGS
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.models.inputs import to_pixels

FINER = 4  # contours are filled at this multiple of the resolution of the dense head
FULL = 255  # value of a pixel that an organ covers completely
CERTAIN = 50.0  # largest logit; beyond it, the probability is 0 or 1 in double precision


@dataclass(frozen=True)
class OrganEvidence:
    """Agreement of one organ's published landmarks with what else the network found; each value is in [0, 1].

    Attributes
    ----------
    dense_dice
        Dice with the mask of the dense head, which has the pixels of probability above one half.
    soft_dice
        Dice with the probabilities of the dense head themselves: ``2 sum(p m) / (sum(p) + sum(m))`` over the pixels,
        for probabilities ``p`` and covered shares ``m``. If the probabilities are calibrated, this is close to the Dice
        that the landmarks can be expected to have. It falls with every pixel of which the dense head is unsure.
    start_dice
        Dice with the landmarks before the first pass, which have not yet seen the dense head. It falls when the
        border in the image is far from where the code and the coarse features put it.
    shape_dice
        Dice with the shape that the latent code alone gives. It falls for anatomy that the code cannot express.
    """

    dense_dice: float
    soft_dice: float
    start_dice: float
    shape_dice: float


SIGNALS = tuple(OrganEvidence.__dataclass_fields__)


@dataclass(frozen=True)
class Evidence:
    """Evidence about the masks of one image.

    Attributes
    ----------
    organs
        Evidence by organ of the landmark graph, and of ``lungs`` (both together) behind them.
    latent_norm
        Mean square of the latent mean, larger for unusual anatomy. Its unit differs from weights to weights, because
        the weight of the variational term is small, so only values of the same weights can be compared.
    """

    organs: dict[str, OrganEvidence]
    latent_norm: float

    def records(self) -> list[dict[str, str | float]]:
        """Return one record for each organ, as the column ``evidence`` of a landmark shard holds them."""
        return [{"organ": organ, **asdict(values)} for organ, values in self.organs.items()]

    @classmethod
    def from_records(cls, records: Sequence[Mapping[str, str | float]], latent_norm: float) -> "Evidence":
        """Make the evidence again from the columns ``evidence`` and ``latent_norm`` of a landmark shard."""
        organs = {str(each["organ"]): OrganEvidence(*(float(each[name]) for name in SIGNALS)) for each in records}
        return cls(organs, float(latent_norm))

    def columns(self) -> dict[str, float | None]:
        """Return the values by the names of :data:`EVIDENCE_COLUMNS`; None for an organ that the network lacks."""
        found: dict[str, float | None] = dict.fromkeys(EVIDENCE_COLUMNS)
        for organ in SHOWN:
            if organ in self.organs:
                found |= {f"{organ}_{name}": value for name, value in asdict(self.organs[organ]).items()}
        return found | {"latent_norm": self.latent_norm}


SHOWN = (BOTH_LUNGS, HEART)
# Columns of a table for people: lungs_dense_dice, lungs_soft_dice, ..., heart_shape_dice, latent_norm.
EVIDENCE_COLUMNS = (*(f"{organ}_{name}" for organ in SHOWN for name in SIGNALS), "latent_norm")


def evidence_of(
    landmarks: Float[np.ndarray, "nodes 2"],
    start: Float[np.ndarray, "nodes 2"],
    shape: Float[np.ndarray, "nodes 2"],
    logits: Float[np.ndarray, "organs h h"],
    latent: Float[np.ndarray, " latent"],
    graph: LandmarkGraph,
) -> Evidence | None:
    """Compare the landmarks of one image with the other answers of the network.

    Parameters
    ----------
    landmarks, start, shape
        Published landmarks, those before the first pass, and those of the latent code alone: (x, y) as fractions of
        the side.
    logits
        Logits of the dense head, one map for each organ of the graph and in its order.
    latent
        Mean of the latent distribution.
    graph
        Graph of the landmarks.

    Returns
    -------
    Evidence
        None if any number is not finite.
    """
    if not all(np.isfinite(each).all() for each in (landmarks, start, shape, logits, latent)):
        return None
    side = logits.shape[-1]
    final, early, code = (_coverage(points, graph, side) for points in (landmarks, start, shape))
    probability = 1 / (1 + np.exp(-logits.astype(np.float64).clip(-CERTAIN, CERTAIN)))
    organs = {
        organ: _compared(final[place], probability[place], early[place], code[place])
        for place, organ in enumerate(graph.organs)
    }
    if set(LUNGS) <= organs.keys():
        places = [graph.organs.index(organ) for organ in LUNGS]
        organs[BOTH_LUNGS] = _compared(*(each[places].max(axis=0) for each in (final, probability, early, code)))
    return Evidence(organs, float(np.square(latent, dtype=np.float64).mean()))


def _coverage(
    points: Float[np.ndarray, "nodes 2"], graph: LandmarkGraph, side: int
) -> UInt8[np.ndarray, "organs side side"]:
    """Return the share of each pixel that each organ covers, 0 to 255."""
    shares = np.zeros((len(graph.slices), side, side), np.uint8)
    fine = to_pixels(points.astype(np.float64), side * FINER)
    for share, where in zip(shares, graph.slices.values(), strict=True):
        _cover(share, fine[where])
    return shares


def _cover(share: UInt8[np.ndarray, "side side"], points: Float[np.ndarray, "nodes 2"]) -> None:
    """Fill a contour, (x, y) at ``FINER`` times the side, and average it; pixels far from it are not looked at."""
    import cv2

    side = len(share)
    left, top = (np.floor(points.min(axis=0) - 1) // FINER).clip(0, side).astype(int)
    right, bottom = (np.ceil(points.max(axis=0) + 2) // FINER + 1).clip(0, side).astype(int)
    if left < right and top < bottom:
        mask = fill_contour(points, side * FINER, side * FINER)
        part = mask[FINER * top : FINER * bottom, FINER * left : FINER * right] * np.uint8(FULL)
        size = (int(right - left), int(bottom - top))
        share[top:bottom, left:right] = cv2.resize(part, size, interpolation=cv2.INTER_AREA)


def _compared(
    cover: UInt8[np.ndarray, "h w"],
    probability: Float[np.ndarray, "h w"],
    start: UInt8[np.ndarray, "h w"],
    shape: UInt8[np.ndarray, "h w"],
) -> OrganEvidence:
    mask, share = cover > FULL // 2, cover / FULL
    return OrganEvidence(
        _dice(mask, probability > 0.5),
        _quotient((share * probability).sum(), share.sum(), probability.sum()),
        _dice(mask, start > FULL // 2),
        _dice(mask, shape > FULL // 2),
    )


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return _quotient(np.count_nonzero(a & b), np.count_nonzero(a), np.count_nonzero(b))


def _quotient(shared: float, first: float, second: float) -> float:
    """Return the Dice coefficient from sums; two empty masks give 0, because they are no evidence for an organ."""
    total = float(first) + float(second)
    return 2 * float(shared) / total if total else 0.0
