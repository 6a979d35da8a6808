"""Pack one release: its rows in both resolutions as CheXmask CSV, and once more as Parquet.

Memory holds the ids and scores of the release and some hundred images' masks, whatever the release's size.
"""

import csv
import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.accounts import SUMMARY, sum_up
from cxrfactory.products.chexmask.estimates import Estimator, read_estimator
from cxrfactory.products.chexmask.inputs import (
    Rejection,
    graph_name,
    merged_predictions,
    read_manifest,
    read_rejected,
    read_scores,
)
from cxrfactory.products.chexmask.rows import Prediction, Scores, pack_image, product_schema
from cxrfactory.tables.atomic import atomic_path, write_text
from cxrfactory.tables.chexmask import header_text
from cxrfactory.tables.parquet import parquet_writer
from cxrfactory.tables.paths import is_plain_name

log = get_logger(__name__)

STAGE = "package"
CHUNK_ROWS = 256  # images of one piece of work and of one Parquet row group; part of the Parquet's bytes
RECOMMENDED_MEAN = 0.7  # CheXmask: use masks whose Dice RCA (Mean) is at least this
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
HISTOGRAM_BINS = 50  # of [0, 1]


@dataclass(frozen=True)
class _Packed:
    original: str
    preprocessed: str
    rows: pa.Table
    rejected: list[Rejection]


def product_files(output: str | Path, release: str) -> dict[str, Path]:
    """Paths of a release's files in the product."""
    output = Path(output)
    return {
        "original": output / "OriginalResolution" / f"{release}.csv",
        "preprocessed": output / "Preprocessed" / f"{release}.csv",
        "parquet": output / "Parquet" / f"{release}.parquet",
    }


def package_chexmask(
    manifest: str | Path,
    landmarks: Sequence[str | Path],
    rca: Sequence[str | Path],
    rejected: Sequence[str | Path],
    output: str | Path,
    part: str | Path,
    dataset: str,
    release: str,
    id_column: str,
    workers: int = 1,
    calibration: str | Path | None = None,
) -> dict[str, Any]:
    """Write one release's files of the product and its part of the accounts.

    Parameters
    ----------
    manifest
        Parquet, schema ``MANIFEST``.
    landmarks, rca, rejected
        Parquet shards, schemas ``LANDMARKS``, ``RCA`` and ``REJECTED`` (the last from preprocess, infer, rca).
    output
        Folder of the product; gets ``OriginalResolution/{release}.csv``, ``Preprocessed/{release}.csv``
        and ``Parquet/{release}.parquet``.
    part
        Folder outside the product for ``summary.json``, ``rejected.csv`` and ``excluded.csv``, which
        :func:`cxrfactory.products.chexmask.card.package_card` puts together.
    dataset
        Name of the dataset in the config.
    release
        Name of the release as published, e.g. ``MIMIC-CXR-JPG``; names the files.
    id_column
        Name of the release's id column, e.g. ``dicom_id``.
    workers
        Processes; the bytes do not depend on it.
    calibration
        File of ``rca-calibrate``: the Parquet then also holds estimates of the true Dice with their intervals.

    Returns
    -------
    The summary written to ``part/summary.json``.

    Raises
    ------
    CxrError
        If an input is unreadable, or an invariant does not hold: unique ids; every included image either
        kept or rejected, once; Dice in [0, 1] and Max >= Mean; finite landmarks; RLE that decodes to the mask;
        or if the calibration was made for other scores.
    """
    if not is_plain_name(release):
        raise CxrError(f"release name '{release}'; expected letters, digits, '.', '_', '-' only: it names files")
    if workers < 1:
        raise CxrError(f"workers is {workers}; expected 1 or more")
    if not landmarks or not rca:
        raise CxrError(f"{dataset}: no landmark or no RCA shards given; run the infer and rca stages first")
    included, excluded = read_manifest(manifest)
    rejections = read_rejected(rejected)
    scores = read_scores(rca)
    graph = landmark_graph(graph_name(landmarks) or "lungs-heart")
    estimator = None if calibration is None else read_estimator(calibration, rca, graph)
    log.info("%s: %d included, %d excluded, %d rejected before, %d scored", dataset, len(included), len(excluded),
             len(rejections), len(scores))  # fmt: skip
    _check_known(dataset, "rejected tables", rejections, included)
    _check_known(dataset, "RCA shards", scores, included)

    files = product_files(output, release)
    kept: list[str] = []
    estimated: list[tuple[float, float]] = []  # estimate of the true Dice, width of its interval
    with ExitStack() as stack:
        temporary = {name: stack.enter_context(atomic_path(path)) for name, path in files.items()}
        texts = {
            name: stack.enter_context(temporary[name].open("w", encoding="utf-8", newline="\n"))
            for name in ("original", "preprocessed")
        }
        for stream in texts.values():
            stream.write(header_text(id_column))
        writer = stack.enter_context(parquet_writer(temporary["parquet"], product_schema(estimator is not None)))
        jobs = _scored(dataset, merged_predictions(landmarks, graph.nodes), scores, rejections, set(included))
        chunks = -(-len(included) // CHUNK_ROWS)
        for packed in progress(
            _packed(jobs, graph, estimator, min(workers, max(chunks, 1))), f"package {dataset}", chunks
        ):
            texts["original"].write(packed.original)
            texts["preprocessed"].write(packed.preprocessed)
            if packed.rows.num_rows:
                writer.write_table(packed.rows)
            kept.extend(packed.rows["image_id"].to_pylist())
            if estimator is not None:
                estimate, low, high = (packed.rows[f"dice_{name}"].to_numpy() for name in ("estimate", "low", "high"))
                estimated.extend(zip(estimate.tolist(), (high - low).tolist(), strict=True))
            for rejection in packed.rejected:
                log.warning("rejected %s: %s", rejection.image_id, rejection.reason)
            rejections.update({rejection.image_id: rejection for rejection in packed.rejected})
        _check_accounts(dataset, included, kept, rejections)

    summary = {
        "dataset": dataset,
        "release": release,
        "id_column": id_column,
        "graph": graph.name,
        "rows": len(included) + len(excluded),
        "excluded": dict(sorted(Counter(excluded["exclusion_reason"]).items())),
        "rejected": dict(sorted(Counter(rejection.stage for rejection in rejections.values()).items())),
        "kept": len(kept),
        "recommended": sum(scores[image_id].dice_rca_mean >= RECOMMENDED_MEAN for image_id in kept),
        "dice_rca_mean": _distribution([scores[image_id].dice_rca_mean for image_id in kept]),
        "dice_rca_max": _distribution([scores[image_id].dice_rca_max for image_id in kept]),
        "calibration": None,
    }
    if estimator is not None:
        summary["calibration"] = estimator.record
        summary["dice_estimate"] = _distribution([estimate for estimate, _ in estimated])
        summary["interval_width"] = _distribution([width for _, width in estimated])
    part = Path(part)
    _write_accounts(part, dataset, excluded, rejections)
    write_text(part / SUMMARY, json.dumps(summary, indent=2, sort_keys=True) + "\n")
    sum_up(part, output, files.values())
    log.info("%s: %d rows = %d kept + %d excluded + %d rejected; wrote %s", dataset, summary["rows"], len(kept),
             len(excluded), len(rejections), ", ".join(map(str, files.values())))  # fmt: skip
    if not kept:
        log.warning("%s: no image was kept; its tables hold a header only", dataset)
    return summary


def _scored(
    dataset: str,
    predictions: Iterable[Prediction],
    scores: dict[str, Scores],
    rejections: dict[str, Rejection],
    included: set[str],
) -> Iterator[tuple[Prediction, Scores]]:
    """Pair predictions with their scores; what a stage rejected after inference drops out here."""
    before = set(rejections)  # later additions are the packer's own
    unused = set(scores)
    for prediction in predictions:
        image_id = prediction.image_id
        if image_id not in included:
            raise CxrError(f"{dataset}: landmark shards hold '{image_id}', which the manifest does not include")
        if image_id in before:
            stage = rejections[image_id].stage
            if image_id in scores or stage != "rca":
                raise CxrError(f"{dataset}: image '{image_id}' is rejected at '{stage}' but a later stage has its row")
            continue
        if image_id not in scores:
            raise CxrError(f"{dataset}: image '{image_id}' has landmarks but is neither scored nor rejected by rca")
        unused.discard(image_id)
        yield prediction, scores[image_id]
    if unused:
        raise CxrError(f"{dataset}: {len(unused)} images are scored but have no landmarks, first '{min(unused)}'")


def _packed(
    jobs: Iterator[tuple[Prediction, Scores]], graph: LandmarkGraph, estimator: Estimator | None, workers: int
) -> Iterator[_Packed]:
    chunks = iter(lambda: list(islice(jobs, CHUNK_ROWS)), [])
    if workers == 1:
        for chunk in chunks:
            yield _pack_chunk(chunk, graph, estimator)
        return
    # A window of pending chunks: a pool's own map would read the whole stream ahead.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        pending = deque(pool.submit(_pack_chunk, chunk, graph, estimator) for chunk in islice(chunks, 2 * workers))
        while pending:
            packed = pending.popleft().result()
            pending.extend(pool.submit(_pack_chunk, chunk, graph, estimator) for chunk in islice(chunks, 1))
            yield packed


def _pack_chunk(chunk: list[tuple[Prediction, Scores]], graph: LandmarkGraph, estimator: Estimator | None) -> _Packed:
    images, rows, rejected = [], [], []
    for prediction, scores in chunk:
        try:
            image = pack_image(prediction, scores, graph)
        except ImageError as error:
            rejected.append(Rejection(prediction.image_id, STAGE, str(error)))
            continue
        images.append(image)
        rows.append(image.parquet_row | (estimator.columns(prediction, scores, graph) if estimator else {}))
    return _Packed(
        "".join(image.original_line for image in images),
        "".join(image.preprocessed_line for image in images),
        pa.Table.from_pylist(rows, schema=product_schema(estimator is not None)),
        rejected,
    )


def _check_known(dataset: str, where: str, ids: Iterable[str], included: list[str]) -> None:
    unknown = set(ids) - set(included)
    if unknown:
        raise CxrError(
            f"{dataset}: {where} hold {len(unknown)} images that the manifest does not include, first '{min(unknown)}'"
        )


def _check_accounts(dataset: str, included: list[str], kept: list[str], rejections: dict[str, Rejection]) -> None:
    """Every included image is kept or rejected, and only once: nothing disappears, nothing is doubled."""
    twice = set(kept) & set(rejections)
    if twice:
        raise CxrError(f"{dataset}: {len(twice)} images are both kept and rejected, first '{min(twice)}'")
    lost = set(included) - set(kept) - set(rejections)
    if lost or len(included) != len(kept) + len(rejections):
        first = f", first '{min(lost)}'" if lost else ""
        raise CxrError(
            f"{dataset}: {len(included)} included images, but {len(kept)} kept + {len(rejections)} rejected; "
            f"{len(lost)} have neither landmarks nor a reason{first}; give all shards of all stages"
        )


def _distribution(values: list[float]) -> dict[str, Any]:
    """Quantiles and histogram of scores; quantiles null where there are none."""
    array = np.array(values, dtype=np.float64)
    levels = np.quantile(array, QUANTILES).tolist() if array.size else [None] * len(QUANTILES)
    counts, _ = np.histogram(array, bins=HISTOGRAM_BINS, range=(0.0, 1.0))
    return {"quantiles": dict(zip(map(str, QUANTILES), levels, strict=True)), "histogram": counts.tolist()}


def _write_accounts(part: Path, dataset: str, excluded: pd.DataFrame, rejections: dict[str, Rejection]) -> None:
    with atomic_path(part / "rejected.csv") as temporary, _csv_stream(temporary) as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["dataset", "image_id", "stage", "reason"])
        for image_id in sorted(rejections):
            table.writerow([dataset, image_id, rejections[image_id].stage, rejections[image_id].reason])
    with atomic_path(part / "excluded.csv") as temporary, _csv_stream(temporary) as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["dataset", "image_id", "reason"])
        table.writerows([dataset, *row] for row in excluded.itertuples(index=False))


def _csv_stream(path: Path) -> IO[str]:
    return path.open("w", encoding="utf-8", newline="")
