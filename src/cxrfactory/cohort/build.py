"""Build the virtual cohort in parallel and distribute its patients over the labelled set and the two releases."""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cxrfactory.cohort import mimic, vindr
from cxrfactory.cohort.labelled import COLUMNS, write_labelled
from cxrfactory.cohort.patient import draw_person
from cxrfactory.cohort.source import SourceChest, load_source
from cxrfactory.config import CohortRadiographsConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.atomic import flush, write_text
from cxrfactory.tables.folders import folder_aside, swap_in
from cxrfactory.tables.parquet import write_table

_TRUTH_FIELDS = [
    pa.field("image_id", pa.string(), nullable=False),
    pa.field("release", pa.string(), nullable=False),
    pa.field("patient_id", pa.string(), nullable=False),
    pa.field("height", pa.int32(), nullable=False),
    pa.field("width", pa.int32(), nullable=False),
    pa.field("right_lung", pa.binary(), nullable=False),  # 1-bit PNG of height x width
    pa.field("left_lung", pa.binary(), nullable=False),
    pa.field("heart", pa.binary(), nullable=False),
]
# Landmarks are stored as x0, y0, x1, y1, ... in pixels of the released image.
TRUTH = pa.schema([*_TRUTH_FIELDS, pa.field("landmarks", pa.list_(pa.float32()), nullable=False)])
LATERAL_TRUTH = pa.schema(_TRUTH_FIELDS)

TRUTH_FILE, LATERAL_TRUTH_FILE = "truth.parquet", "truth_lateral.parquet"
PARTS = ("labelled", mimic.RELEASE, vindr.RELEASE)
MARKER = "VIRTUAL.txt"
_MARKER_TEXT = "Virtual patients made by `cxrfactory stage cohort`; no real person. A new run replaces this folder.\n"
MIN_SIZE = 96

_DEFAULT = CohortRadiographsConfig()

log = get_logger(__name__)


@dataclass(frozen=True)
class CohortPlan:
    """Composition of a cohort: patients 1..``labelled`` are labelled, and the two releases share the others."""

    patients: int
    labelled: int
    size: int
    seed: int
    findings: float = _DEFAULT.findings  # probability of each virtual finding in the release with reports
    with_reports: float = _DEFAULT.with_reports  # share of the unlabelled patients in the release with reports
    release_size: int | None = None  # scale of the releases' pictures; None uses ``size``

    @classmethod
    def of(cls, settings: CohortRadiographsConfig, size: int) -> "CohortPlan":
        """Return the plan for a section of the config; labelled images have ``size`` x ``size`` pixels."""
        return cls(size=size, **settings.model_dump(include=set(CohortRadiographsConfig.model_fields)))

    def __post_init__(self) -> None:
        if self.patients < 1 or not 0 <= self.labelled <= self.patients:
            raise CxrError(
                f"cohort of {self.patients} patients, {self.labelled} labelled; expected 1 or more patients and "
                "between 0 and all of them labelled"
            )
        for name in ("findings", "with_reports"):
            if not 0 <= getattr(self, name) <= 1:
                raise CxrError(f"{name} {getattr(self, name)}: expected a share from 0 to 1")
        for size in (self.size, self.scale):
            if size < MIN_SIZE:
                raise CxrError(f"size {size}: expected {MIN_SIZE} px or more")

    @property
    def scale(self) -> int:
        """Scale of the releases' pictures in pixels."""
        return self.size if self.release_size is None else self.release_size

    def role(self, number: int) -> tuple[str, int]:
        """Return the part to which patient ``number`` (from 1) belongs, and the patient's index there (from 0)."""
        released = Fraction(str(self.with_reports)) * (self.patients - self.labelled)
        first_vindr = self.labelled + math.ceil(released) + 1
        if number <= self.labelled:
            return "labelled", number - 1
        if number < first_vindr:
            return mimic.RELEASE, number - self.labelled - 1
        return vindr.RELEASE, number - first_vindr


def build_cohort(ct: str | Path, output: str | Path, plan: CohortPlan, workers: int) -> None:
    """Write the cohort to a folder: ``labelled/``, ``mimic-cxr-jpg/``, ``vindr-cxr/`` and the truth tables.

    The parts are moved into the folder only when all of them are complete. They replace the parts of an earlier run;
    other content of the folder stays. Their bytes depend only on the CT and the plan.

    Parameters
    ----------
    ct
        Folder with the CT and its labels.
    output
        Folder in which the parts are written.
    plan
        Number of patients, their distribution over the parts, picture size and seed.
    workers
        Number of processes; 1 runs in the current process.

    Raises
    ------
    CxrError
        If the CT is missing or unreadable, if a worker is killed, or if a folder with the name of a part exists and is
        not from a cohort, for example a real release.
    """
    output = Path(output)
    if workers < 1:
        raise CxrError(f"{workers} workers; expected 1 or more")
    for part in PARTS:
        check_replaceable(output / part)
    source = load_source(ct)
    output.mkdir(parents=True, exist_ok=True)
    with folder_aside(output, "cohort") as building:
        results = list(progress(_results(source, building, plan, workers), "virtual patients", plan.patients))
        _write_tables(building, plan, results)
        for part in PARTS:
            write_text(building / part / MARKER, _MARKER_TEXT)
        flush()
        for name in (TRUTH_FILE, LATERAL_TRUTH_FILE):
            (output / name).unlink(missing_ok=True)  # removed first and written last: truth marks a complete cohort
        for part in PARTS:
            swap_in(building / part, output / part)
        for name in (LATERAL_TRUTH_FILE, TRUTH_FILE):
            os.replace(building / name, output / name)


def check_replaceable(part: Path) -> None:
    """Refuse to replace a folder unless an earlier run wrote it or it contains no file.

    Folders without files are accepted because Snakemake creates the folders of outputs.

    Raises
    ------
    CxrError
        If the path is a file or any other folder, for example a real release.
    """
    if part.is_file() or (
        part.is_dir() and not (part / MARKER).is_file() and any(path.is_file() for path in part.rglob("*"))
    ):
        raise CxrError(f"{part}: exists and is not the cohort of an earlier run; give another --output or move it away")


def _results(source: SourceChest, root: Path, plan: CohortPlan, workers: int) -> Iterator[dict]:
    numbers = range(1, plan.patients + 1)
    workers = min(workers, plan.patients)
    if workers == 1:
        yield from map(partial(_one_threaded, source, root, plan), numbers)
        return
    # Processes are spawned and not forked, because the threads of PyTorch do not survive a fork.
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(source.to_arrays(), root, plan)
    ) as pool:
        try:
            yield from pool.map(_work, numbers)
        except BrokenProcessPool as error:
            raise CxrError(
                f"one of {workers} workers was killed, mostly for want of memory; run again with fewer --workers "
                "(each needs about 1.2 GB)"
            ) from error


_worker: partial | None = None


def _start_worker(arrays: dict, root: Path, plan: CohortPlan) -> None:
    global _worker
    _worker = partial(_one_threaded, SourceChest.from_arrays(arrays), root, plan)


def _work(number: int) -> dict:
    assert _worker is not None
    return _worker(number)


def _one_threaded(source: SourceChest, root: Path, plan: CohortPlan, number: int) -> dict:
    """Make one patient on one thread, so that sums are computed in the same order on every machine."""
    import cv2
    import torch

    threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        return make_patient(source, root, plan, number)
    finally:
        torch.set_num_threads(threads)
        cv2.setNumThreads(cv_threads)


def make_patient(source: SourceChest, root: Path, plan: CohortPlan, number: int) -> dict:
    """Draw, project and write one patient, and return the rows that the patient adds to the tables."""
    person = draw_person(number, plan.seed)
    role, place = plan.role(number)
    if role == "labelled":
        return {"labelled": [write_labelled(root / role, source, person, plan.size, plan.seed)]}
    if role == mimic.RELEASE:
        return mimic.write_mimic(root / role, source, person, place, plan.scale, plan.seed, plan.findings)
    return vindr.write_vindr(root / role, source, person, place, plan.scale, plan.seed)


def _write_tables(root: Path, plan: CohortPlan, results: list[dict]) -> None:
    clinical = [row for result in results for row in result.get("labelled", [])]
    metadata = [row for result in results for row in result.get("metadata", [])]
    parts = {
        part: [row for result in results if result.get("part") == part for row in result["labels"]]
        for part in ("train", "test")
    }
    truth = [row for result in results for row in result.get("truth", [])]
    sides = [row for result in results for row in result.get("lateral", [])]
    text = pd.DataFrame(clinical, columns=COLUMNS).to_csv(index=False, lineterminator="\n")
    write_text(root / "labelled" / "clinical.csv", text)
    chexpert = [row for result in results for row in result.get("study_labels", [])]
    mimic.write_mimic_tables(root / mimic.RELEASE, metadata, chexpert)
    vindr.write_vindr_tables(root / vindr.RELEASE, parts)
    write_table(pd.DataFrame(truth, columns=TRUTH.names), root / TRUTH_FILE, TRUTH)
    write_table(pd.DataFrame(sides, columns=LATERAL_TRUTH.names), root / LATERAL_TRUTH_FILE, LATERAL_TRUTH)
    log.info(
        "cohort of %d patients, seed %d: %d labelled, %s %d images, %s %d images; truth of %d frontal images",
        plan.patients, plan.seed, len(clinical), mimic.RELEASE, len(metadata), vindr.RELEASE,
        len({row["image_id"] for rows in parts.values() for row in rows}), len(truth),
    )  # fmt: skip
