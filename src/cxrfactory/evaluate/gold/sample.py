"""Which images of a release a reader corrects: one of each bin of the RCA histogram, and more at random.

Bins bring masks of every quality into the set, as CheXmask does ("Technical Validation", tier 1). They also make it
worse than the release, so that how an image was chosen is kept: only the random ones stand for the release.
"""

from dataclasses import dataclass

import numpy as np

from cxrfactory.config.studies import GoldSampleConfig
from cxrfactory.errors import CxrError
from cxrfactory.tables.keys import seed_of

RANDOM_CHOICE = "random"
FILL_CHOICE = "random for an empty bin"


@dataclass(frozen=True)
class Choice:
    """One image of the gold standard: its id, its RCA score, and ``bin 1``, ``bin 2``, ... or ``random``."""

    image_id: str
    dice_rca_mean: float
    chosen_by: str


def sample_gold(scores: dict[str, float], settings: GoldSampleConfig) -> list[Choice]:
    """Choose images of one release.

    The histogram has equal bins between the lowest and the highest score, as numpy's. The draw is a hash of seed and
    id, so that it depends neither on the order of the rows nor on shards. Where a bin is empty, an image more
    is drawn at random.

    Parameters
    ----------
    scores
        Image id to ``dice_rca_mean``.
    settings
        Bins of the histogram, of which one image each is taken, images beside them that are drawn from all others, and
        the seed of the draw.

    Returns
    -------
    ``bins + random`` images, or all where the release has fewer, in the order in which they are to be read: shuffled,
    so that the reader cannot tell from the place how an image was chosen.

    Raises
    ------
    CxrError
        If there are no scores, one is not a number in [0, 1], or both counts are 0.
    """
    bins, random, seed = settings.bins, settings.random, settings.seed
    if bins + random == 0:
        raise CxrError(f"{bins} bins and {random} random images; expected counts of 0 or more, not both 0")
    if not scores:
        raise CxrError("no scored images to sample from")
    wrong = [image_id for image_id, value in scores.items() if not 0 <= value <= 1]
    if wrong:
        raise CxrError(f"image '{min(wrong)}' has the RCA score {scores[min(wrong)]}; expected a number in [0, 1]")
    drawn = sorted(scores, key=lambda image_id: (seed_of(image_id, "gold sample", seed), image_id))
    by_bin: dict[int, str] = {}
    if bins:
        edges = np.histogram_bin_edges(list(scores.values()), bins=bins)
        for image_id in drawn:
            place = int(np.clip(np.searchsorted(edges, scores[image_id], side="right") - 1, 0, bins - 1))
            by_bin.setdefault(place, image_id)
    chosen = {image_id: f"bin {place + 1}" for place, image_id in by_bin.items()}
    others = [image_id for image_id in drawn if image_id not in chosen]
    chosen |= dict.fromkeys(others[:random], RANDOM_CHOICE)
    chosen |= dict.fromkeys(others[random : random + bins - len(by_bin)], FILL_CHOICE)
    order = sorted(chosen, key=lambda image_id: (seed_of(image_id, "gold order", seed), image_id))
    return [Choice(image_id, scores[image_id], chosen[image_id]) for image_id in order]
