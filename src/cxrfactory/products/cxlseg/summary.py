"""The shape of a release's ``summary.json``."""

from typing import TypedDict

from cxrfactory.products.accounts import ReleaseSummary


class SplitSummary(TypedDict):
    """How the images were split, and how many are in each set.

    ``patients_in_two_sets`` is 0 for a split by patient.
    """

    unit: str
    shares: list[int]
    seed: int
    images: dict[str, int]
    patients_in_two_sets: int


class MaskShare(TypedDict):
    """Share of the picture that the lungs cover."""

    mean: float
    min: float
    max: float


class CxlsegSummary(ReleaseSummary):
    """One release; ``labels`` counts the values of each CheXpert label, ``mask_png`` tells of lossless masks."""

    patients: int
    studies: int
    split: SplitSummary
    labels: dict[str, dict[str, int]]
    mask_share: MaskShare
    mask_png: bool
