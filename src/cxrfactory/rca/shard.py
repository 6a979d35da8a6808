"""The rca stage: scores an image shard with its landmarks, many images in parallel, and writes a shard of scores."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from cxrfactory.anatomy.graph import graph_of_nodes
from cxrfactory.anatomy.organs import HEART
from cxrfactory.config.rca import RcaScoreConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.rca.aligners import build_aligner, shares_memory
from cxrfactory.rca.labels import label_codes
from cxrfactory.rca.reference import ReferenceSet, check_definition, library_digest, read_reference
from cxrfactory.rca.score import Aligner, RcaScore, origin, resized, score_aligned, select_references
from cxrfactory.tables.calibration import write_scores
from cxrfactory.tables.parquet import read_batches, read_table, write_table
from cxrfactory.tables.schemas import IMAGES, RCA, REJECTED
from cxrfactory.tables.streaming import in_order

if TYPE_CHECKING:
    from cxrfactory.models.orientation import SideCheck

log = get_logger(__name__)

_BATCH_ROWS = 32
_AHEAD = 4  # images prefetched per worker


class Outcome(NamedTuple):
    """Result for one image: its row of scores, or the reason why it has none."""

    image_id: str
    row: dict[str, object] | None
    reason: str | None = None


@dataclass(frozen=True)
class ScoringJob:
    """One image to score; its landmarks are (x, y) in a frame of ``size`` x ``size`` pixels."""

    image_id: str
    png: bytes
    landmarks: np.ndarray
    latent: np.ndarray
    size: int


def score_job(job: ScoringJob, references: ReferenceSet, aligner: Aligner, count: int) -> Outcome:
    """Score one image against its ``count`` most similar references; an image error becomes the outcome's reason."""
    try:
        image = resized(decode_png(job.png), references.size)
        score = score_image(job.image_id, image, job.landmarks, job.latent, job.size, references, aligner, count)
    except ImageError as error:
        return Outcome(job.image_id, None, str(error))
    return Outcome(job.image_id, {"image_id": job.image_id, **score.as_row(), "mirrored": _sides()(image)})


@cache
def _sides() -> "SideCheck":
    """Return the check of the sides, opened once a process."""
    from cxrfactory.models.orientation import SideCheck

    return SideCheck()


def score_image(
    image_id: str,
    image: UInt8[np.ndarray, "rows columns"],
    landmarks: np.ndarray,
    latent: np.ndarray,
    size: int,
    references: ReferenceSet,
    aligner: Aligner,
    count: int,
) -> RcaScore:
    """Score one image of the references' side against its ``count`` most similar references.

    Parameters
    ----------
    image_id
        Id of the image, which is not compared with a reference of the same id.
    image
        8-bit image of the references' side.
    landmarks, latent
        Landmarks (x, y) in a frame of ``size`` x ``size`` pixels, flat or [nodes, 2], and the latent mean.
    size
        Side of the landmarks' frame, pixels.
    references, aligner, count
        Reference set, registration method and number of references.

    Raises
    ------
    ImageError
        If the image cannot be registered.
    CxrError
        If the landmarks and the references differ in their organs, or there are fewer than ``count`` references.
    """
    chosen = select_references(latent, references.latents, references.ids, count, exclude=image_id)
    graph = graph_of_nodes(landmarks.size // 2)
    if (HEART in graph.organs) != references.has_heart:
        raise CxrError(f"image '{image_id}': graph '{graph.name}' does not fit the organs of the references")
    atlas = [references.references[position] for position in chosen]
    aligned = aligner.align(image, atlas)
    return score_aligned(label_codes(landmarks, graph, size, references.size), references.has_heart, aligned, atlas)


def rca_shard(
    images: str | Path,
    landmarks: str | Path,
    reference: str | Path,
    output: str | Path,
    rejected: str | Path,
    settings: RcaScoreConfig,
    workers: int = 1,
) -> tuple[int, int]:
    """Score every image of a landmark shard.

    Parameters
    ----------
    images
        Image shard, schema ``IMAGES``. Images without landmarks were rejected by an earlier stage and are skipped.
    landmarks
        Landmark shard, schema ``LANDMARKS``.
    reference
        Reference set from ``rca-reference``, made with the same weights.
    output
        Scores to write, schema ``RCA``, with their :class:`~cxrfactory.tables.calibration.ScoreOrigin` in the metadata.
    rejected
        Images that could not be scored, schema ``REJECTED``.
    settings
        Registration method, number of references per image, and side in pixels; the reference set must have been made
        for that side.
    workers
        Number of images in parallel; the bytes of the output do not depend on it.

    Returns
    -------
    tuple
        Number of images scored, and number of images rejected.

    Raises
    ------
    CxrError
        If a table is missing or lacks a column, an id occurs twice, an image of the landmarks is missing, or the
        reference set does not fit.
    """
    if workers < 1:
        raise CxrError(f"workers {workers}; expected 1 or more")
    # They are also built in the main process, so that an invalid set or network raises one error, not a broken pool.
    known, aligner = read_reference(reference), build_aligner(settings)
    if known.size != settings.size:
        raise CxrError(
            f"{reference}: images of {known.size} px, --size is {settings.size}; make the set again for that size"
        )
    check_definition(landmarks, reference)
    table = read_table(landmarks, columns=["image_id", "landmarks", "latent", "size"])
    if table["image_id"].duplicated().any():
        raise CxrError(f"{landmarks}: image_id '{table['image_id'][table['image_id'].duplicated()].iloc[0]}' repeats")
    log.info("%s: %d images to score; %s: %d references", landmarks, len(table), reference, len(known.references))
    jobs = image_jobs(Path(images), table)
    rows, lost = [], []
    outcomes = _run(jobs, known, aligner, str(reference), settings, workers)
    for image_id, row, reason in progress(outcomes, "rca", len(table)):
        if row is not None:
            rows.append(row)
        else:
            log.warning("rejected %s: %s", image_id, reason)
            lost.append({"image_id": image_id, "path": None, "stage": "rca", "reason": reason})
    if len(rows) + len(lost) != len(table):
        raise CxrError(
            f"{images}: {len(table) - len(rows) - len(lost)} images of {landmarks} are missing; "
            "both shards must come from the same run"
        )
    come_from = origin(aligner, settings.references, settings.size, library_digest(reference))
    write_scores(pd.DataFrame(rows, columns=RCA.names), output, come_from)
    write_table(pd.DataFrame(lost, columns=REJECTED.names), rejected, REJECTED)
    log.info("%s: wrote %d scores; %s: %d rejected", output, len(rows), rejected, len(lost))
    return len(rows), len(lost)


def image_jobs(images: Path, table: pd.DataFrame) -> Iterator[ScoringJob]:
    """Yield the images of the shard that have landmarks; the shard is streamed, so it is never in memory as a whole."""
    wanted = {row["image_id"]: row for row in table.to_dict("records")}
    for batch in read_batches(images, ["image_id", "png"], _BATCH_ROWS, IMAGES):
        for image_id, png in zip(batch["image_id"].to_pylist(), batch["png"].to_pylist(), strict=True):
            if image_id in wanted:
                row = wanted.pop(image_id)
                points, latent = np.asarray(row["landmarks"]), np.asarray(row["latent"])
                yield ScoringJob(image_id, png, points, latent, int(row["size"]))


def _run(
    jobs: Iterator[ScoringJob],
    known: ReferenceSet,
    aligner: Aligner,
    path: str,
    settings: RcaScoreConfig,
    workers: int,
) -> Iterator[Outcome]:
    work = partial(score_job, references=known, aligner=aligner, count=settings.references)
    if workers == 1:
        yield from map(work, jobs)
    elif shares_memory(settings):
        from cxrfactory.models.device import single_threaded

        # This also surrounds the pool: the thread count that one image's thread restores must not affect other images.
        with single_threaded(), ThreadPoolExecutor(workers) as pool:
            yield from in_order(pool, work, jobs, _AHEAD * workers)
    else:
        # Processes are spawned, because a fork of a process with threads (OpenMP, Arrow) may hang.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _start_worker, (path, settings)) as pool:
            yield from in_order(pool, _work, jobs, _AHEAD * workers)


_worker: tuple[ReferenceSet, Aligner, int] | None = None  # state of a worker process, set once when it starts


def _start_worker(path: str, settings: RcaScoreConfig) -> None:
    global _worker
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)  # one core per process
    _worker = (read_reference(path), build_aligner(settings), settings.references)


def _work(job: ScoringJob) -> Outcome:
    assert _worker is not None
    return score_job(job, *_worker)
