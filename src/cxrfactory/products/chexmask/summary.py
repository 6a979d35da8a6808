"""The structure of a release's ``summary.json``."""

from typing import TypedDict

from cxrfactory.products.accounts import ReleaseSummary


class Distribution(TypedDict):
    """Quantiles (None if there are no values) and a histogram of scores in [0, 1]."""

    quantiles: dict[str, float | None]
    histogram: list[int]


class CalibrationRecord(TypedDict):
    """The calibration behind the estimates: its file, the kind of scores, and the data that it was fitted on."""

    sha256: str
    alpha: float
    features: list[str]
    method: str
    references: int
    size: int
    network: str | None
    interpolation: str
    images: int
    masks: int


class QualityRecord(TypedDict):
    """The quality calibration behind the estimates: its file, the network, and the films that it was fitted on."""

    sha256: str
    weights: str
    alpha: float
    sources: dict[str, dict[str, int]]  # organ -> source -> images
    own_films: dict[str, int]  # organ -> the user's own films


class _Estimates(TypedDict, total=False):
    """Keys that are present only with a calibration; the last two only with a quality calibration.

    ``mirrored`` counts the images that may be mirrored; it is absent where the RCA tables do not say so.
    """

    mirrored: int
    dice_estimate: Distribution
    interval_width: Distribution
    quality: QualityRecord
    flagged: int


class ChexmaskSummary(ReleaseSummary, _Estimates):
    """Counts of one release, and the distribution of its scores.

    ``rows`` is the sum of kept, excluded and rejected rows. ``recommended`` counts the images with a score of
    :data:`~cxrfactory.tables.rca_threshold.RECOMMENDED_RCA_MEAN` or more.
    """

    id_column: str
    graph: str
    rows: int
    recommended: int
    dice_rca_mean: Distribution
    dice_rca_max: Distribution
    calibration: CalibrationRecord | None
