"""Roots over time: what was clearly seen before stays for a while where it is hidden now."""

import numpy as np
from jaxtyping import Bool, Float

# A place keeps its root while its evidence is at least this. What was seen in one picture alone, even with certainty,
# has the evidence 1 and does not stay. A root that was seen with certainty in two pictures has 1.9, which falls by the
# share that is kept, 0.9: it stays for two more. One that was seen in many pictures has nearly 10 and stays for 17.
KEPT = 1.5


class Accumulator:
    """The accumulation of the paper, a_t = s_t + 0.9 a_(t-1), with a threshold that does not widen roots.

    The paper sums probabilities and compares the sum with a threshold. A place beside a root that has a probability of
    0.1 in each picture reaches a sum of 1 in this way. Here, s_t is therefore the part of the probability above the
    threshold, (p - threshold) / (1 - threshold), or 0 below it. A pixel is root where p is at least the threshold, so
    that a growing tip is seen at once, or where the evidence a_t is at least :data:`KEPT`.

    Parameters
    ----------
    threshold
        Probability from which a pixel is root, above 0 and below 1.
    share
        Share of the earlier evidence that is kept, 0.9 in the paper; 0 takes each picture by itself.
    """

    def __init__(self, threshold: float, share: float) -> None:
        self._threshold, self._share = threshold, share
        self._evidence: np.ndarray | None = None

    def add(self, probability: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """Take the next picture's probabilities, and return where there is root."""
        seen = probability >= self._threshold
        if not self._share:
            return seen
        evidence = np.maximum(probability - np.float32(self._threshold), 0) / np.float32(1 - self._threshold)
        if self._evidence is not None:
            evidence += np.float32(self._share) * self._evidence
        self._evidence = evidence
        return seen | (evidence >= KEPT)
