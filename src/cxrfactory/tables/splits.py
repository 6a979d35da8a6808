"""Splits into training, validation and test sets, which depend on ids and a seed alone."""

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

    Patients are ordered by a hash of their ids. A patient belongs to the set that contains the middle of the patient's
    images in this order. Therefore the shares are met to within half the images of one patient, and an added patient
    moves only patients at the borders between sets.

    Parameters
    ----------
    patient_ids
        Patient id of each image.
    shares
        Relative shares of train, validate and test.
    seed
        Seed of the order of the patients.

    Returns
    -------
    Series of str
        ``train``, ``validate`` or ``test``, with the index of ``patient_ids``.

    Raises
    ------
    CxrError
        If an image has no patient id, or the shares are not three non-negative numbers with a positive sum.
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
    middles = 2 * np.cumsum(images) - images  # twice the middle, so that it is an integer
    total = 2 * int(images.sum())
    edges = [border * total for border in borders]
    names = [SPLITS[sum(middle >= edge for edge in edges)] for middle in middles.tolist()]
    return patient_ids.map(dict(zip(order, names, strict=True))).astype(object)


def split_by_image(image_ids: pd.Series, shares: Sequence[int] = SHARES, seed: int = 0) -> pd.Series:
    """Split single images, as CXLSeg's published table does; images of one patient may be in different sets.

    The validation and the test set get their shares rounded down, and the training set gets the rest. For 243,324
    images this gives the published numbers 194,660, 24,332 and 24,332.

    Parameters
    ----------
    image_ids
        Id of each image; ids must be unique.
    shares
        Relative shares of train, validate and test.
    seed
        Seed of the order of the images.

    Returns
    -------
    Series of str
        ``train``, ``validate`` or ``test``, with the index of ``image_ids``.

    Raises
    ------
    CxrError
        If an id occurs twice, or the shares are not three non-negative numbers with a positive sum.
    """
    _borders(shares)
    if image_ids.duplicated().any():
        raise CxrError(f"image id '{image_ids[image_ids.duplicated()].iloc[0]}' occurs twice; expected each once")
    validate, test = (len(image_ids) * share // sum(shares) for share in shares[1:])
    names = np.repeat(SPLITS, [len(image_ids) - validate - test, validate, test])
    order = sorted(image_ids, key=lambda image: (seed_of(str(image), "split-image", seed), str(image)))
    return image_ids.map(dict(zip(order, names.tolist(), strict=True))).astype(object)


def _borders(shares: Sequence[int]) -> tuple[Fraction, Fraction]:
    if len(shares) != len(SPLITS) or min(shares) < 0 or sum(shares) == 0:
        raise CxrError(f"split {list(shares)}: expected three whole parts for train, validate and test, e.g. 8 1 1")
    return Fraction(shares[0], sum(shares)), Fraction(shares[0] + shares[1], sum(shares))
