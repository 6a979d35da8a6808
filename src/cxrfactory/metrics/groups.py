"""Means of groups of images in which patients repeat: bootstrap intervals, differences from the rest, a rank test.

Several images of one patient are not independent. The intervals therefore resample patients, each with all images, and
the rank test compares one mean per patient.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array

from cxrfactory.errors import CxrError
from cxrfactory.metrics.intervals import CONFIDENCE, RESAMPLES, percentile_ends

_DRAWS_AT_A_TIME = 2**18  # patients drawn per piece; it fits the processor's cache and does not change the result


@dataclass(frozen=True)
class GroupGap:
    """Comparison of one group of images with all other images.

    Attributes
    ----------
    images, patients, rest_images, rest_patients
        Counts; a patient with images on both sides counts on both.
    patients_in_both
        Number of patients with images on both sides.
    mean, rest_mean, difference
        Means over images; the difference is group minus rest. NaN for an empty side.
    low, high, difference_low, difference_high
        Ends of the percentile bootstrap over patients, for ``mean`` and for ``difference``; NaN for fewer than two
        patients.
    """

    images: int
    patients: int
    rest_images: int
    rest_patients: int
    patients_in_both: int
    mean: float
    low: float
    high: float
    rest_mean: float
    difference: float
    difference_low: float
    difference_high: float


def group_gaps(
    values: Float[np.ndarray, " images"],
    patients: Int[np.ndarray, " images"],
    members: Bool[np.ndarray, "groups images"],
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> list[GroupGap]:
    """Compare each group with all other images.

    Parameters
    ----------
    values
        One finite value per image.
    patients
        Index of each image's patient, from 0 without gaps (``pandas.factorize``).
    members
        Membership of each image in each group; groups may overlap.
    resamples, confidence, seed
        As in :func:`cxrfactory.metrics.intervals.bootstrap_interval`; all groups share the same draws.

    Returns
    -------
    list of GroupGap
        One comparison per group, in the order of ``members``.

    Raises
    ------
    CxrError
        If the shapes do not fit, a value is not finite, or there is no image.
    """
    values, members = np.asarray(values, np.float64), np.asarray(members, bool)
    if values.ndim != 1 or patients.shape != values.shape or members.shape[1:] != values.shape:
        raise CxrError(
            f"values {values.shape}, patients {patients.shape}, members {members.shape}; expected [n], [n], [groups, n]"
        )
    if not values.size or not np.isfinite(values).all():
        raise CxrError(f"{np.count_nonzero(~np.isfinite(values))} of {values.size} values are not finite; expected all")
    clusters = int(patients.max()) + 1
    # The columns are the sum and the number of values by patient, first of all images and then of each group.
    columns = np.concatenate([np.ones((1, values.size), bool), members])
    which, image = np.nonzero(columns)
    shape = (clusters, 2 * len(columns))
    totals = csr_array((values[image], (patients[image], 2 * which)), shape=shape)
    totals = totals + csr_array((np.ones(image.size), (patients[image], 2 * which + 1)), shape=shape)
    found = _gaps(totals.sum(axis=0)[None])
    drawn = _gaps(drawn_sums(totals, resamples, seed)) if clusters > 1 else np.full((1, 3, len(members)), np.nan)
    gaps = []
    for number, member in enumerate(members):
        mean, rest_mean, difference = found[0, :, number]
        low, high = percentile_ends(drawn[:, 0, number], confidence)
        difference_low, difference_high = percentile_ends(drawn[:, 2, number], confidence)
        inside = np.zeros(clusters, bool)
        outside = np.zeros(clusters, bool)
        inside[patients[member]] = True
        outside[patients[~member]] = True
        gaps.append(
            GroupGap(
                images=int(member.sum()),
                patients=int(inside.sum()),
                rest_images=int((~member).sum()),
                rest_patients=int(outside.sum()),
                patients_in_both=int((inside & outside).sum()),
                mean=float(mean),
                low=low,
                high=high,
                rest_mean=float(rest_mean),
                difference=float(difference),
                difference_low=difference_low,
                difference_high=difference_high,
            )
        )
    return gaps


def drawn_sums(
    totals: Float[np.ndarray, "clusters columns"] | csr_array, resamples: int, seed: int
) -> Float[np.ndarray, "resamples columns"]:
    """Sum the rows of clusters that are drawn with replacement, once for every resample.

    The draw equals that of :func:`cxrfactory.metrics.intervals.bootstrap_interval` with as many images as clusters.

    Raises
    ------
    CxrError
        If ``resamples`` is below 1.
    """
    transposed = csr_array(totals).T.tocsr()
    drawn = drawn_times(totals.shape[0], resamples, seed)
    return np.concatenate([(transposed @ times.T.astype(np.float64)).T for times in drawn])


def drawn_times(clusters: int, resamples: int, seed: int) -> Iterator[Int[np.ndarray, "rows clusters"]]:
    """Yield how often each cluster is drawn in each resample of :func:`drawn_sums`, some resamples at a time.

    Raises
    ------
    CxrError
        If ``resamples`` is below 1.
    """
    if resamples < 1:
        raise CxrError(f"{resamples} resamples; expected 1 or more")
    rng = np.random.default_rng(seed)
    piece = max(1, _DRAWS_AT_A_TIME // max(clusters, 1))
    for start in range(0, resamples, piece):
        rows = min(piece, resamples - start)
        drawn = rng.integers(0, clusters, (rows, clusters))
        flat = (drawn + clusters * np.arange(rows)[:, None]).ravel()
        yield np.bincount(flat, minlength=rows * clusters).reshape(rows, clusters)


def patient_means(
    values: Float[np.ndarray, " images"], patients: Int[np.ndarray, " images"]
) -> Float[np.ndarray, " patients"]:
    """Compute the mean value of every patient that has one, in ascending order of the patients' indices."""
    counts = np.bincount(patients)
    sums = np.bincount(patients, weights=values)
    return sums[counts > 0] / counts[counts > 0]


def mann_whitney(first: Float[np.ndarray, " a"], second: Float[np.ndarray, " b"]) -> tuple[float, float]:
    """Compare two independent samples by ranks (Mann and Whitney, 1947).

    The p-value uses the normal approximation, corrected for ties.

    Returns
    -------
    tuple
        Rank-biserial correlation in [-1, 1] and two-sided p-value. The correlation is the share of pairs in which
        ``first`` is larger minus the share in which it is smaller. The result is (0, 1) where all values are equal.

    Raises
    ------
    CxrError
        If a sample is empty.
    """
    from scipy.stats import mannwhitneyu

    if not len(first) or not len(second):
        raise CxrError(f"samples of {len(first)} and {len(second)} values; expected one or more in both")
    if np.ptp(np.concatenate([first, second])) == 0:
        return 0.0, 1.0
    test = mannwhitneyu(first, second, alternative="two-sided", method="asymptotic")
    return float(2 * test.statistic / (len(first) * len(second)) - 1), float(test.pvalue)


def _gaps(sums: Float[np.ndarray, "draws columns"]) -> Float[np.ndarray, "draws 3 groups"]:
    """Compute the means of groups and rests and their differences.

    The columns alternate between a sum and a count; the first pair is that of all images.
    """
    total, count = sums[:, :1], sums[:, 1:2]
    inside, inside_count = sums[:, 2::2], sums[:, 3::2]
    outside_count = np.rint(count - inside_count)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(inside_count > 0, inside / inside_count, np.nan)
        rest = np.where(outside_count > 0, (total - inside) / outside_count, np.nan)
    return np.stack([means, rest, means - rest], axis=1)
