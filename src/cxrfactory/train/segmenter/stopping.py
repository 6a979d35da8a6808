"""The score that chooses the weights of a segmenter."""

import math

UNIONS = ("lungs", "clavicles")  # organs that are the union of two others


def mean_dice(metrics: dict[str, dict[str, float]]) -> float:
    """Average the validation Dice over the single organs (``lungs`` is the union of both lungs and is left out)."""
    dices = {organ: each["dice"] for organ, each in metrics.items() if "dice" in each}
    single = {organ: value for organ, value in dices.items() if organ not in UNIONS} or dices
    return math.fsum(single.values()) / len(single)
