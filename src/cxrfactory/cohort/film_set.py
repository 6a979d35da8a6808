"""Write the films of virtual patients as projected studies, from which ``package-radgenome`` makes a product.

The folder holds ``manifest.parquet`` (schema ``SCANS``), ``images.parquet`` (``PROJECTIONS``), ``masks.parquet``
(``MASKS``), ``studies.parquet`` (``STUDIES``) and ``rejected.parquet`` (``REJECTED``). In ``images.parquet``, ``png8``
is the film and ``png16`` its path integral.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from cxrfactory.cohort.film_source import FilmSource, load_film_source
from cxrfactory.cohort.films import Film, FilmKnobs, expose_film, project_with_structures
from cxrfactory.cohort.patient import draw_person
from cxrfactory.cohort.pictures import to_8bit
from cxrfactory.cohort.spines import with_scoliosis
from cxrfactory.config import CohortFilmsConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.projection.deform import STANDING_RANGES
from cxrfactory.projection.grey import COUNTS_PER_UNIT, to_16bit
from cxrfactory.projection.mask_rows import mask_rows
from cxrfactory.projection.structures import to_classes
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.parquet import table_writer, write_table
from cxrfactory.tables.schemas import MASKS, PROJECTIONS, REJECTED, SCANS, STUDIES

RELEASE = "virtual-films"
MANIFEST, IMAGES, FILM_MASKS, FILM_STUDIES, REJECTIONS = (
    f"{name}.parquet" for name in ("manifest", "images", "masks", "studies", "rejected")
)

log = get_logger(__name__)


def build_films(ct: str | Path, output: str | Path, settings: CohortFilmsConfig, workers: int = 1) -> None:
    """Write films of virtual patients 1 to ``settings.films`` with the masks of every structure, PA and LL.

    The folder is moved into place only when it is complete, and replaces the folder of an earlier run.

    Parameters
    ----------
    ct
        Folder that ``fetch-ct`` wrote.
    output
        Folder of the tables.
    settings
        Number of patients, side of the films, findings and seed.
    workers
        Number of processes; the written bytes do not depend on it.

    Raises
    ------
    CxrError
        If the CT is missing or unreadable, or if a worker is killed.
    """
    if workers < 1:
        raise CxrError(f"{workers} workers; expected 1 or more")
    source = load_film_source(ct)
    rows = []
    with replaced_folder(Path(output)) as building:
        with (
            table_writer(building / IMAGES, PROJECTIONS) as write_images,
            table_writer(building / FILM_MASKS, MASKS) as write_masks,
        ):
            for images, masks, row in progress(_results(source, settings, workers), "virtual films", settings.films):
                write_images.write_table(images)
                write_masks.write_table(masks)
                rows.append(row)
        write_table(pd.DataFrame(rows, columns=STUDIES.names), building / FILM_STUDIES, STUDIES)
        write_table(pd.DataFrame([], columns=REJECTED.names), building / REJECTIONS, REJECTED)
        write_table(pd.DataFrame([_listed(row) for row in rows], columns=SCANS.names), building / MANIFEST, SCANS)
    log.info("%s: films of %d virtual patients, %d px", output, len(rows), settings.film_size)


def make_films(source: FilmSource, settings: CohortFilmsConfig, number: int) -> tuple[pa.Table, pa.Table, dict]:
    """Make the films of one patient: tables of schema ``PROJECTIONS`` and ``MASKS``, and a row of ``STUDIES``.

    Both films have the pixel size of the frontal one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums are then computed in the same order on every machine
    try:
        person = draw_person(number, settings.seed, STANDING_RANGES)
        person = with_scoliosis(source, person, settings.film_scoliosis, settings.seed)
        projected = project_with_structures(source, person)
    finally:
        torch.set_num_threads(threads)
    knobs = FilmKnobs(findings=settings.film_findings)
    films: dict[str, Film] = {}
    for view in VIEWS:
        same = films["PA"].pixel_mm if films else None
        films[view] = expose_film(source, projected, person, view, settings.film_size, settings.seed, knobs, same)
    study = f"film{number:05d}"
    masks = {view: film.masks for view, film in films.items()}
    edges = np.logical_or.reduce([_reaches_edge(projected.masks[view]) for view in VIEWS])
    structures, masks = to_classes(source.names, source.values, masks, edges)
    images = [
        {
            "study_id": study,
            "view": view,
            "png8": encode_png(to_8bit(film.grey)),
            "png16": encode_png(to_16bit(np.maximum(film.integral, 0))[0]),
        }
        for view, film in films.items()
    ]
    row = {
        "study_id": study,
        "patient_id": study,
        "release": RELEASE,
        "size": settings.film_size,
        "pixel_mm": films["PA"].pixel_mm,
        "counts_per_unit": float(COUNTS_PER_UNIT),
        "structures": sum(bool(mask.any()) for mask in masks["PA"]),
        "notes": "virtual patient, exposed as a film",
    }
    return pa.Table.from_pylist(images, schema=PROJECTIONS), mask_rows(study, structures, masks), row


def _reaches_edge(masks: np.ndarray) -> np.ndarray:
    return masks[:, [0, -1], :].any(axis=(1, 2)) | masks[:, :, [0, -1]].any(axis=(1, 2))


def _listed(row: dict) -> dict:
    kept = {name: row[name] for name in ("study_id", "patient_id", "release")}
    return kept | {"ct": None, "labels": None, "included": True, "exclusion_reason": None}


def _results(
    source: FilmSource, settings: CohortFilmsConfig, workers: int
) -> Iterator[tuple[pa.Table, pa.Table, dict]]:
    numbers = range(1, settings.films + 1)
    workers = min(workers, settings.films)
    if workers == 1:
        yield from map(partial(make_films, source, settings), numbers)
        return
    # Processes are spawned and not forked, because the threads of PyTorch do not survive a fork.
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(source.to_arrays(), settings)
    ) as pool:
        try:
            yield from pool.map(_work, numbers)
        except BrokenProcessPool as error:
            raise CxrError(
                f"one of {workers} workers was killed, mostly for want of memory; run again with fewer --workers "
                "(each needs about 1.5 GB)"
            ) from error


_worker: partial | None = None


def _start_worker(arrays: dict, settings: CohortFilmsConfig) -> None:
    global _worker
    _worker = partial(make_films, FilmSource.from_arrays(arrays), settings)


def _work(number: int) -> tuple[pa.Table, pa.Table, dict]:
    assert _worker is not None
    return _worker(number)
