"""The structure of a release's ``summary.json``."""

from typing import TypedDict

from cxrfactory.products.accounts import ReleaseSummary


class SplitSummary(TypedDict):
    """The rule of the split, and the number of images in each set.

    ``patients_in_two_sets`` is 0 for a split by patient.
    """

    unit: str
    shares: list[int]
    seed: int
    images: dict[str, int]
    patients_in_two_sets: int


class MaskShare(TypedDict):
    """Share of the image that the lungs cover, over the images of a release."""

    mean: float
    min: float
    max: float


class CxlsegSummary(ReleaseSummary):
    """Counts of one release; ``labels`` counts each CheXpert label's values, ``mask_png`` marks lossless masks.

    ``reports_without_image`` counts the reports whose study no image of the release has.
    """

    patients: int
    studies: int
    split: SplitSummary
    labels: dict[str, dict[str, int]]
    mask_share: MaskShare
    mask_png: bool
    reports_without_image: int
