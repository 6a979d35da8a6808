"""Writing shards of the virtual cohort of hearts; each shard is a table of cases (hearts/case_table.py)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.hearts.case_table import HeartCase, write_cases
from cxrfactory.hearts.cohort.anatomy import Anatomy, HeartTemplate, prepare
from cxrfactory.hearts.cohort.case import FRAMES, case_of, draw_patient
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.keys import seed_of, shard_of
from cxrfactory.tables.splits import SHARES, SPLITS

log = get_logger(__name__)


def patient_ids(patients: int) -> list[str]:
    """Return the names of the cohort's patients, such as ``heart0001``; a larger cohort has the same and more."""
    return [f"heart{number:04d}" for number in range(1, patients + 1)]


def split_of(patient_id: str, shares: Sequence[int] = SHARES, seed: int = 0) -> str:
    """Return the split of a patient, which depends on the id and the seed alone.

    Parameters
    ----------
    patient_id
        Name of the patient.
    shares
        Relative shares of train, validate and test; they are met on average.
    seed
        Seed of the cohort.

    Examples
    --------
    >>> split_of("heart0001") in ("train", "validate", "test")
    True
    """
    place = seed_of(patient_id, "virtual heart, split", seed) % (1 << 32) * sum(shares)
    borders = [sum(shares[: index + 1]) << 32 for index in range(len(shares))]
    return SPLITS[next(index for index, border in enumerate(borders) if place < border)]


def write_shard(
    template: HeartTemplate | Anatomy,
    output: str | Path,
    patients: int,
    shard: int = 0,
    shards: int = 1,
    shares: Sequence[int] = SHARES,
    seed: int = 0,
) -> int:
    """Write the cases of one shard of the cohort: both frames of each of its patients.

    The file is moved into place only when it is complete. A patient's rows are the same in cohorts of any size and
    number of shards.

    Parameters
    ----------
    template
        Template of the heart.
    output
        File to write.
    patients
        Number of patients of the whole cohort.
    shard, shards
        Number of this shard from 0, and number of all shards.
    shares
        Relative shares of train, validate and test.
    seed
        Seed of the cohort.

    Returns
    -------
    Number of rows written.

    Raises
    ------
    CxrError
        If the numbers are out of range.
    """
    if patients < 1 or not 0 <= shard < shards:
        raise CxrError(f"{patients} patients, shard {shard} of {shards}; expected 1 or more, and a shard from 0")
    ids = [each for each in patient_ids(patients) if shard_of(each, shards) == shard]
    anatomy = template if isinstance(template, Anatomy) else prepare(template)
    rows = write_cases(output, progress(_cases(anatomy, ids, shares, seed), "virtual hearts", len(FRAMES) * len(ids)))
    log.info("%s: %d rows of %d virtual patients", output, rows, len(ids))
    return rows


def _cases(anatomy: Anatomy, ids: Sequence[str], shares: Sequence[int], seed: int) -> Iterator[HeartCase]:
    for patient_id in ids:
        patient = draw_patient(anatomy, patient_id, seed)
        split = split_of(patient_id, shares, seed)
        for frame in FRAMES:
            case = case_of(patient, frame)
            yield HeartCase(case.views, case.vertices_mm, split, case.edv_ml, case.esv_ml, case.facts)
