"""Make one shard of the virtual patients: the table of their cases."""

from collections.abc import Iterator
from pathlib import Path

from cxrfactory.config.hearts import HeartsCohortConfig
from cxrfactory.errors import CxrError
from cxrfactory.hearts.case_table import HeartCase, write_cases
from cxrfactory.hearts.cohort.anatomy import HeartTemplate, prepare
from cxrfactory.hearts.cohort.case import FRAMES, case_of, draw_patient
from cxrfactory.logs import get_logger, progress

log = get_logger(__name__)

TRAIN, TEST = "train", "test"
VALIDATED = 10  # every tenth patient of the training part validates the training


def patients_of(part: str, shard: int, settings: HeartsCohortConfig) -> list[tuple[str, str]]:
    """Return the ids and splits of the patients of a shard.

    Parameters
    ----------
    part
        ``train`` or ``test``. The patients of the two parts have different ids, and so share nothing but the template.
    shard
        Number of the shard, from 0.
    settings
        Numbers of patients.

    Raises
    ------
    CxrError
        If the part or the shard does not exist.
    """
    if part not in (TRAIN, TEST):
        raise CxrError(f"part is '{part}'; expected {TRAIN} or {TEST}")
    total = settings.train_patients if part == TRAIN else settings.test_patients
    numbers = range(total)[shard * settings.shard_patients : (shard + 1) * settings.shard_patients]
    if not numbers:
        raise CxrError(f"shard {shard} of {part}: expected 0 to {-(-total // settings.shard_patients) - 1}")
    held = "validate" if part == TRAIN else TEST
    return [(f"{part}-{number:05d}", part if part == TRAIN and number % VALIDATED else held) for number in numbers]


def write_shard(
    template: HeartTemplate, part: str, shard: int, output: str | Path, settings: HeartsCohortConfig
) -> int:
    """Write the cases of a shard, end-diastole and end-systole of each patient; return their number.

    Parameters
    ----------
    template
        Template of the heart.
    part, shard
        Part and number of the shard.
    output
        Table to write.
    settings
        Numbers of patients, and the seed.
    """
    patients = patients_of(part, shard, settings)
    written = write_cases(output, _cases(template, patients, settings.cohort_seed))
    log.info("wrote %d cases of %d virtual patients to %s", written, len(patients), output)
    return written


def _cases(template: HeartTemplate, patients: list[tuple[str, str]], seed: int) -> Iterator[HeartCase]:
    anatomy = prepare(template)
    for name, split in progress(patients, "virtual patients", len(patients)):
        patient = draw_patient(anatomy, name, seed)
        for frame in FRAMES:
            case = case_of(patient, frame)
            yield HeartCase(case.views, case.vertices_mm, split, case.edv_ml, case.esv_ml, case.facts)
