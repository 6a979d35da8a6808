"""Masks degraded on purpose as segmenters degrade them; Post-DAE learns to correct them.

The kinds follow Larrazabal et al. (Post-DAE, TMI 2020): random shapes added and removed, morphology, and labels swapped
near the border. Further kinds are lost parts or organs, regions given to another organ, and noise over the whole image.
"""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError

Masks = UInt8[np.ndarray, "organs s s"]
Points = Float[np.ndarray, "nodes 2"]

CLEAN = 0.15  # share of the training masks that are not degraded
MOST_KINDS = 3  # largest number of kinds that degrade one training mask


def holes(masks: Masks, rng: np.random.Generator) -> Masks:
    """Remove one to five shapes, whose centres lie inside an organ, from all organs."""
    return masks * (1 - _shapes(masks, rng, masks.any(axis=0), 0.03, 0.12))


def islands(masks: Masks, rng: np.random.Generator) -> Masks:
    """Add one to five shapes, with centres outside one random organ, to this organ."""
    organ = rng.integers(len(masks))
    added = masks.copy()
    added[organ] |= _shapes(masks, rng, ~masks[organ].astype(bool), 0.03, 0.10)
    return added


def erased(masks: Masks, rng: np.random.Generator) -> Masks:
    """Remove what lies on one side of a line through an organ, from this organ or from all organs."""
    present = [organ for organ, mask in enumerate(masks) if mask.any()]
    if not present:
        return masks.copy()
    organ = present[rng.integers(len(present))]
    rows, columns = np.nonzero(masks[organ])
    angle = rng.uniform(0, 2 * np.pi)
    across = np.cos(angle) * np.arange(masks.shape[2]) + np.sin(angle) * np.arange(masks.shape[1])[:, None]
    kept = (across <= np.quantile(across[rows, columns], rng.uniform(0.5, 0.9))).astype(np.uint8)
    lost = masks.copy()
    chosen = slice(None) if rng.random() < 0.3 else slice(organ, organ + 1)
    lost[chosen] *= kept
    return lost


def missing(masks: Masks, rng: np.random.Generator) -> Masks:
    """Remove one organ completely."""
    lost = masks.copy()
    lost[rng.integers(len(masks))] = 0
    return lost


def morphology(masks: Masks, rng: np.random.Generator) -> Masks:
    """Erode, dilate, open or close every organ with an ellipse of 1 to 5 % of the side."""
    operation = (cv2.MORPH_ERODE, cv2.MORPH_DILATE, cv2.MORPH_OPEN, cv2.MORPH_CLOSE)[rng.integers(4)]
    width, height = (max(3, round(masks.shape[1] * rng.uniform(0.01, 0.05))) for _ in range(2))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, height))
    return np.stack([cv2.morphologyEx(mask, operation, kernel) for mask in masks])


def border(masks: Masks, rng: np.random.Generator) -> Masks:
    """Swap inside and outside at random, in grains of a few pixels, within 1 to 3 % of the side from each border."""
    side = masks.shape[1]
    reach = max(3, round(side * rng.uniform(0.02, 0.06)))
    kernel = np.ones((reach, reach), np.uint8)
    grain = int(rng.integers(1, max(2, side // 32) + 1))
    swapped = masks.copy()
    for mask in swapped:
        near = cv2.dilate(mask, kernel) & (1 - cv2.erode(mask, kernel))
        mask ^= near & _grains(side, grain, rng.uniform(0.1, 0.4), rng)
    return swapped


def swapped(masks: Masks, rng: np.random.Generator) -> Masks:
    """Give a large region of one organ to another organ."""
    present = [organ for organ, mask in enumerate(masks) if mask.any()]
    if not present or len(masks) < 2:
        return masks.copy()
    organ = present[rng.integers(len(present))]
    other = int(rng.choice([each for each in range(len(masks)) if each != organ]))
    region = masks[organ] & _shapes(masks, rng, masks[organ].astype(bool), 0.10, 0.30)
    given = masks.copy()
    given[organ] &= 1 - region
    given[other] |= region
    return given


def noise(masks: Masks, rng: np.random.Generator) -> Masks:
    """Swap inside and outside in 1 to 10 % of all grains of a few pixels."""
    side = masks.shape[1]
    grain = int(rng.integers(1, max(2, side // 64) + 1))
    share = rng.uniform(0.01, 0.10)
    return np.stack([mask ^ _grains(side, grain, share, rng) for mask in masks])


KINDS: dict[str, Callable[[Masks, np.random.Generator], Masks]] = {
    each.__name__: each for each in (holes, islands, erased, missing, morphology, border, swapped, noise)
}


def degrade(masks: Masks, kind: str, rng: np.random.Generator) -> Masks:
    """Degrade masks in one way.

    Parameters
    ----------
    masks
        Masks with values 0 and 1, [organ, row, column]; they are not changed.
    kind
        One of :data:`KINDS`.
    rng
        Generator of all random choices.

    Raises
    ------
    CxrError
        If the kind is unknown.
    """
    if kind not in KINDS:
        raise CxrError(f"unknown way to spoil a mask '{kind}'; expected one of {', '.join(KINDS)}")
    return KINDS[kind](masks, rng)


def degrade_at_random(masks: Masks, rng: np.random.Generator) -> Masks:
    """Degrade masks in one to three different ways, or leave them unchanged in 15 % of the cases."""
    if rng.random() < CLEAN:
        return masks
    for kind in rng.permutation(list(KINDS))[: rng.integers(1, MOST_KINDS + 1)]:
        masks = degrade(masks, str(kind), rng)
    return masks


def _shapes(
    masks: Masks, rng: np.random.Generator, where: np.ndarray, smallest: float, largest: float
) -> UInt8[np.ndarray, "s s"]:
    """Draw one to five ellipses, rectangles and lines with centres in ``where``; half sizes are shares of the side."""
    side = masks.shape[1]
    drawn = np.zeros((side, side), np.uint8)
    places = np.flatnonzero(where)
    if not len(places):
        return drawn
    for _ in range(rng.integers(1, 6)):
        y, x = divmod(int(places[rng.integers(len(places))]), side)
        half = np.maximum(1, np.round(rng.uniform(smallest, largest, 2) * side)).astype(int)
        angle = float(rng.uniform(0, 180))
        match rng.integers(3):
            case 0:
                cv2.ellipse(drawn, (x, y), (int(half[0]), int(half[1])), angle, 0, 360, 1, -1)
            case 1:
                corners = cv2.boxPoints(((float(x), float(y)), (2.0 * half[0], 2.0 * half[1]), angle))
                cv2.fillConvexPoly(drawn, np.round(corners).astype(np.int32), 1)
            case _:
                reach = 2 * half[0] * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
                ends = np.round(np.array([x, y]) + np.array([-1, 1])[:, None] * reach).astype(int)
                thickness = max(1, round(side * 0.015))
                cv2.line(drawn, tuple(map(int, ends[0])), tuple(map(int, ends[1])), 1, thickness)
    return drawn


def _grains(side: int, grain: int, share: float, rng: np.random.Generator) -> UInt8[np.ndarray, "s s"]:
    cells = -(-side // grain)
    small = (rng.random((cells, cells)) < share).astype(np.uint8)
    return np.kron(small, np.ones((grain, grain), np.uint8))[:side, :side]
