"""Choose the images of a release that a reader corrects: one from each bin of the RCA histogram, and random ones.

The bins bring masks of every quality into the set, as in CheXmask ("Technical Validation", tier 1). They also make the
set worse than the release. The table therefore records how each image was chosen, and only the random images represent
the release.
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
    """One image of the gold standard; ``chosen_by`` is ``bin 1``, ``bin 2``, ... or one of the random choices."""

    image_id: str
    dice_rca_mean: float
    chosen_by: str


def sample_gold(scores: dict[str, float], settings: GoldSampleConfig) -> list[Choice]:
    """Choose the images of one release.

    The histogram has equal bins between the lowest and the highest score, as in numpy. The draw is a hash of the seed
    and the image id, so it depends neither on the order of the rows nor on the shards. For each empty bin, one
    additional image is drawn at random.

    Parameters
    ----------
    scores
        Image id to ``dice_rca_mean``.
    settings
        Number of histogram bins (one image is taken from each), number of images drawn at random from the others, and
        the seed of the draw.

    Returns
    -------
    ``bins + random`` images, or all images if the release has fewer. They are in reading order, which is shuffled so
    that the position of an image does not reveal how it was chosen.

    Raises
    ------
    CxrError
        If there are no scores, a score is not a number in [0, 1], or both counts are 0.
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
