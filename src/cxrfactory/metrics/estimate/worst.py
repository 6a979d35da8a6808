"""Which images of a product are flagged: a share of those with the lowest estimates, and those below a limit."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float


def flagged_organs(
    ids: Sequence[str], estimates: Mapping[str, Float[np.ndarray, " n"]], share: float, below: float | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the flagged images with the organs that they are flagged for.

    Each organ's estimates are ranked by themselves, because hearts have lower Dice than lungs; an image has the rank of
    its worst organ. Equal estimates, and equal ranks of different organs, are ordered by the image's id, so the result
    does not depend on the order of the images.

    Parameters
    ----------
    ids
        Image ids, each once.
    estimates
        Estimated Dice by organ; NaN, for an unknown estimate, ranks below all others.
    share
        Share of the images to flag, rounded up to whole images.
    below
        Limit below which every image is flagged, whatever its rank; None for no limit.
    """
    count = math.ceil(share * len(ids) - 1e-9)
    names = np.array(ids, dtype=object)
    places = {}
    for organ, values in estimates.items():
        order = np.lexsort((names.astype(str), np.nan_to_num(values, nan=-np.inf)))
        places[organ] = np.empty(len(ids), np.int64)
        places[organ][order] = np.arange(len(ids))
    found: dict[str, set[str]] = {}
    if count and places:
        worst = np.min(list(places.values()), axis=0)
        chosen = np.lexsort((names.astype(str), worst))[:count]
        last = worst[chosen].max()
        for row in chosen:
            found[ids[row]] = {organ for organ, place in places.items() if place[row] <= last}
    if below is not None:
        for organ, values in estimates.items():
            for row in np.flatnonzero(~(np.asarray(values) >= below)):
                found.setdefault(ids[row], set()).add(organ)
    return {image_id: tuple(organ for organ in estimates if organ in found[image_id]) for image_id in sorted(found)}
