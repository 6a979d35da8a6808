"""Write virtual patients as a chest CT release: a NIfTI volume and a label volume each, in varying orientations."""

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from jaxtyping import Shaped

from cxrfactory.cohort.build import MARKER, check_replaceable
from cxrfactory.cohort.patient import draw_person
from cxrfactory.cohort.source import group_labels, locate, read_source
from cxrfactory.config import CohortScansConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.projection.deform import ChestAnatomy, pull_back
from cxrfactory.projection.warp import SampledVolume, ViewGrid, sample_deformed
from cxrfactory.tables.atomic import write_bytes, write_text
from cxrfactory.tables.folders import replaced_folder

NAMES_FILE = "structures.csv"
# The patients alternate between these orientations, so that reading each of them is tested.
STORED_AXES = ("LPS", "RAS", "LAS", "SRP")
_HU_RANGE = (-1024, 3071)  # range of CT numbers of a 12-bit scanner
_REDUCED = 2  # the stored source keeps every second voxel along both in-plane axes
_MARKER_TEXT = (
    "Virtual patients made by `cxrfactory stage cohort-scans`; no real person. A new run replaces this folder.\n"
)

log = get_logger(__name__)


@dataclass(frozen=True)
class ScanSource:
    """The source chest as float32 volumes of CT numbers and of label values, with its anatomical landmarks."""

    hu: SampledVolume
    labels: SampledVolume
    anatomy: ChestAnatomy
    low_mm: tuple[float, float, float]  # corner (x, y, z) of the scanned box, relative to the centre of the lungs
    high_mm: tuple[float, float, float]


def load_scan_source(folder: str | Path) -> ScanSource:
    """Read the CT and the labels that ``fetch-ct`` wrote to a folder, and reduce their resolution in plane.

    Raises
    ------
    CxrError
        Under the conditions of :func:`cxrfactory.cohort.source.read_source`, or if lungs or heart are not labelled.
    """
    hu, labels, spacing = read_source(folder)
    labels = np.ascontiguousarray(labels.transpose(2, 1, 0))
    hu = hu.transpose(2, 1, 0)
    centre, anatomy = locate(group_labels(labels), spacing)
    step = _REDUCED if min(hu.shape[1:]) >= 256 else 1
    low = tuple(-value for value in centre)
    counts = hu.shape[::-1]
    high = tuple((count - 1) * size - value for count, size, value in zip(counts, spacing, centre, strict=True))
    reduced = (spacing[0] * step, spacing[1] * step, spacing[2])

    def held(values: np.ndarray) -> SampledVolume:
        values = np.ascontiguousarray(values[:, ::step, ::step], dtype=np.float32)
        return SampledVolume(torch.from_numpy(values)[None], low, reduced)  # type: ignore[arg-type]

    return ScanSource(held(hu), held(labels), anatomy, low, high)  # type: ignore[arg-type]


def build_scans(ct: str | Path, output: str | Path, settings: CohortScansConfig, workers: int = 1) -> None:
    """Write virtual patients 1 to ``settings.scans`` as a CT release: ``ct/``, ``labels/`` and ``structures.csv``.

    The folder is moved into place only when it is complete, and replaces the folder of an earlier run. A patient with
    the same number and seed is the same as in :func:`cxrfactory.cohort.build.build_cohort`.

    Parameters
    ----------
    ct
        Folder that ``fetch-ct`` wrote.
    output
        Folder of the release.
    settings
        Number of patients, voxel size (the same along all axes) and seed of the cohort.
    workers
        Number of threads; the written bytes do not depend on it.

    Raises
    ------
    CxrError
        If the CT is missing or unreadable, or if the folder exists and is not from an earlier run.
    """
    output, patients, spacing_mm = Path(output), settings.scans, settings.scan_spacing_mm
    if workers < 1:
        raise CxrError(f"{workers} workers; expected 1 or more")
    check_replaceable(output)
    source = load_scan_source(ct)
    names = (Path(ct) / NAMES_FILE).read_text(encoding="utf-8")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums are then computed in the same order on every machine
    try:
        with replaced_folder(output) as building:
            done = _written(source, building, range(1, patients + 1), spacing_mm, settings.seed, workers)
            written = list(progress(done, "virtual scans", patients))
            write_text(building / NAMES_FILE, names)
            write_text(building / MARKER, _MARKER_TEXT)
    finally:
        torch.set_num_threads(threads)
    log.info("%s: %d virtual CT studies of %s mm voxels", output, len(written), spacing_mm)


def _written(
    source: ScanSource, folder: Path, numbers: range, spacing_mm: float, seed: int, workers: int
) -> Iterator[str]:
    def work(number: int) -> str:
        return write_scan(source, folder, number, spacing_mm, seed)

    if workers == 1:
        yield from map(work, numbers)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, numbers)


def write_scan(source: ScanSource, folder: Path, number: int, spacing_mm: float, seed: int) -> str:
    """Deform the source into one patient and write ``ct/<study>.nii.gz`` and ``labels/<study>.nii.gz``.

    CT numbers are int16, and labels are uint8. The result is the name of the study.
    """
    person = draw_person(number, seed)
    study = f"scan{number:04d}"
    low, high = source.low_mm, source.high_mm
    deformation = pull_back(person.shape, source.anatomy, low, high)
    counts = tuple(int((top - bottom) / spacing_mm) + 1 for bottom, top in zip(low, high, strict=True))
    far = tuple(bottom + (count - 1) * spacing_mm for bottom, count in zip(low, counts, strict=True))
    grid = ViewGrid(low, far, counts)  # type: ignore[arg-type]
    hu = np.rint(sample_deformed(source.hu, deformation, grid)[0]).clip(*_HU_RANGE).astype(np.int16)
    labels = sample_deformed(source.labels, deformation, grid, nearest=True)[0].astype(np.uint8)
    axes = STORED_AXES[number % len(STORED_AXES)]
    for part, values in (("ct", hu), ("labels", labels)):
        write_bytes(folder / part / f"{study}.nii.gz", _nifti(values, spacing_mm, low, axes))
    return study


def _nifti(values: Shaped[np.ndarray, "z y x"], spacing_mm: float, first_mm: tuple, axes: str) -> bytes:
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = first_mm
    image = nib.Nifti1Image(values.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    turn = nib.orientations.ornt_transform(nib.io_orientation(affine), nib.orientations.axcodes2ornt(axes))
    return gzip.compress(image.as_reoriented(turn).to_bytes(), compresslevel=1, mtime=0)
