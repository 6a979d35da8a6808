"""Splits into training, validation and test sets that depend on ids alone."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.tables.keys import seed_of

SPLITS = ("train", "validate", "test")
SHARES = (8, 1, 1)  # CXLSeg, section IV: 80:10:10


def split_by_patient(patient_ids: pd.Series, shares: Sequence[int] = SHARES, seed: int = 0) -> pd.Series:
    """Split images so that a patient's images stay together and each set gets its share of the *images*.

    Patients are put in the order of a hash of their ids; a patient goes to the set in which the middle of his or her
    images falls. So the shares are met to within half the images of one patient, and a patient who is added
    moves only those at the borders between sets.

    Parameters
    ----------
    patient_ids
        One id an image.
    shares
        Parts of train, validate and test.
    seed
        Another seed gives another order.

    Returns
    -------
    Series of str
        ``train``, ``validate`` or ``test``, with the index of ``patient_ids``.

    Raises
    ------
    CxrError
        If an image has no patient id, or the shares are not three numbers that are not negative.
    """
    borders = _borders(shares)
    missing = patient_ids.isna() | (patient_ids.astype(str).str.strip() == "")
    if missing.any():
        raise CxrError(
            f"{int(missing.sum())} of {len(missing)} images have no patient id; expected one for a split by patient; "
            "split by image instead, and say so: images of one patient may then stand in two sets"
        )
    counts = patient_ids.value_counts(sort=False)
    order = sorted(counts.index, key=lambda patient: (seed_of(str(patient), "split-patient", seed), str(patient)))
    images = counts.loc[order].to_numpy()
    middles = 2 * np.cumsum(images) - images  # twice the number, to stay whole
    total = 2 * int(images.sum())
    edges = [border * total for border in borders]
    names = [SPLITS[sum(middle >= edge for edge in edges)] for middle in middles.tolist()]
    return patient_ids.map(dict(zip(order, names, strict=True))).astype(object)


def split_by_image(image_ids: pd.Series, shares: Sequence[int] = SHARES, seed: int = 0) -> pd.Series:
    """Split images one by one, as CXLSeg's published table does; a patient may stand in two sets.

    Validation and test sets get their share rounded down, training the rest: 243,324 images give 194,660,
    24,332 and 24,332, the published numbers.

    Parameters, Returns, Raises
        As for :func:`split_by_patient`, with ids of images, which must not repeat.
    """
    _borders(shares)
    if image_ids.duplicated().any():
        raise CxrError(f"image id '{image_ids[image_ids.duplicated()].iloc[0]}' stands twice; expected each once")
    validate, test = (len(image_ids) * share // sum(shares) for share in shares[1:])
    names = np.repeat(SPLITS, [len(image_ids) - validate - test, validate, test])
    order = sorted(image_ids, key=lambda image: (seed_of(str(image), "split-image", seed), str(image)))
    return image_ids.map(dict(zip(order, names.tolist(), strict=True))).astype(object)


def _borders(shares: Sequence[int]) -> tuple[Fraction, Fraction]:
    if len(shares) != len(SPLITS) or min(shares) < 0 or sum(shares) == 0:
        raise CxrError(f"split {list(shares)}: expected three whole parts for train, validate and test, e.g. 8 1 1")
    return Fraction(shares[0], sum(shares)), Fraction(shares[0] + shares[1], sum(shares))
