"""Pack one release: its rows in both resolutions as CheXmask CSV, and the same rows as Parquet.

Memory holds the ids and scores of the release and the masks of some hundred images, whatever the number
of images of the release.
"""

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.flags import side_flags
from cxrfactory.products.accounts import SUMMARY, check_release_name, sum_up, write_left_out
from cxrfactory.products.chexmask.estimates import Estimator, read_estimator
from cxrfactory.products.chexmask.inputs import (
    ChexmaskInputs,
    TableNames,
    graph_name,
    merged_landmarks,
    read_manifest,
    read_scores,
)
from cxrfactory.products.chexmask.quality import QualityEstimator, flags_of, read_quality
from cxrfactory.products.chexmask.rows import LandmarkRow, Scores, pack_image, product_schema
from cxrfactory.products.chexmask.summary import ChexmaskSummary, Distribution
from cxrfactory.products.rejected import Rejection, read_rejected
from cxrfactory.tables.atomic import atomic_path, write_text
from cxrfactory.tables.chexmask import header_text
from cxrfactory.tables.parquet import single_row_writer
from cxrfactory.tables.quality_calibration import is_quality_calibration, quality_file
from cxrfactory.tables.rca_threshold import RECOMMENDED_RCA_MEAN

log = get_logger(__name__)

STAGE = "package"
CHUNK_ROWS = 256  # images of one task
# Images of one row group, which affects the Parquet's bytes: 40 MB. Each group costs a reader of the footer 40 kB of
# memory and 0.1 ms; single masks are read from the CSV, by csv_start, and single lists by the page that holds them.
GROUP_ROWS = 1024
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
HISTOGRAM_BINS = 50  # number of bins over [0, 1]

AnyEstimator = Estimator | QualityEstimator | None


@dataclass(frozen=True)
class _Packed:
    original: list[str]
    preprocessed: list[str]
    rows: pa.Table
    rejected: list[Rejection]


def product_files(output: str | Path, release: str) -> dict[str, Path]:
    """Return the paths of a release's files in the product."""
    output = Path(output)
    return {
        "original": output / "OriginalResolution" / f"{release}.csv",
        "preprocessed": output / "Preprocessed" / f"{release}.csv",
        "parquet": output / "Parquet" / f"{release}.parquet",
    }


def package_chexmask(
    inputs: ChexmaskInputs, names: TableNames, output: str | Path, part: str | Path, workers: int = 1
) -> ChexmaskSummary:
    """Write one release's files of the product, and its accounts.

    Parameters
    ----------
    inputs
        Outputs of the stages for this release.
    names
        Names of the release and of its id column.
    output
        Folder of the product, into which ``OriginalResolution/{release}.csv``, ``Preprocessed/{release}.csv`` and
        ``Parquet/{release}.parquet`` are written.
    part
        Folder outside the product for ``summary.json``, ``rejected.csv`` and ``excluded.csv``, which
        :func:`cxrfactory.products.chexmask.card.package_card` combines.
    workers
        Number of processes; the output bytes do not depend on it.

    Returns
    -------
    The summary written to ``part/summary.json``.

    Raises
    ------
    CxrError
        If an input is unreadable, the calibration was made for other scores, or an invariant does not hold: unique ids;
        every included image either kept or rejected, exactly once; Dice in [0, 1] and Max >= Mean; finite landmarks;
        RLE that decodes to the mask.
    """
    check_release_name(names.release)
    if workers < 1:
        raise CxrError(f"workers is {workers}; expected 1 or more")
    dataset = names.dataset
    if not inputs.landmarks or not inputs.rca:
        raise CxrError(f"{dataset}: no landmark or no RCA shards given; run the infer and rca stages first")
    included, excluded = read_manifest(inputs.manifest)
    rejections = read_rejected(inputs.rejected)
    scores = read_scores(inputs.rca)
    graph = landmark_graph(graph_name(inputs.landmarks) or "lungs-heart")
    estimator = _estimator(inputs, graph)
    log.info("%s: %d included, %d excluded, %d rejected before, %d scored", dataset, len(included), len(excluded),
             len(rejections), len(scores))  # fmt: skip
    _check_known(dataset, "rejected tables", rejections, included)
    _check_known(dataset, "RCA shards", scores, included)

    files = product_files(output, names.release)
    jobs = _scored(dataset, merged_landmarks(inputs.landmarks, graph.nodes), scores, rejections, set(included))
    if isinstance(estimator, QualityEstimator):
        jobs = _with_flags(jobs, flags_of(estimator, inputs.landmarks, scores.keys(), inputs.flags))
    chunks = -(-len(included) // CHUNK_ROWS)
    packed = progress(_packed(jobs, graph, estimator, min(workers, max(chunks, 1))), f"package {dataset}", chunks)
    with _tables(files, names.id_column, _schema(estimator)) as tables:
        for chunk in packed:
            tables.add(chunk)
            for rejection in chunk.rejected:
                log.warning("rejected %s: %s", rejection.image_id, rejection.reason)
            rejections.update({rejection.image_id: rejection for rejection in chunk.rejected})
        _check_accounts(dataset, included, tables.kept, rejections)

    kept = [scores[image_id] for image_id in tables.kept]
    summary = _summary(names, graph, excluded, rejections, kept)
    if isinstance(estimator, QualityEstimator):
        summary["quality"] = estimator.record
        summary["flagged"] = tables.flagged
    elif estimator is not None:
        summary["calibration"] = estimator.record
    if estimator is not None:
        summary["dice_estimate"] = _distribution([estimate for estimate, _ in tables.estimated])
        summary["interval_width"] = _distribution([width for _, width in tables.estimated])
    part = Path(part)
    rejected = (rejections[image_id] for image_id in sorted(rejections))
    write_left_out(part, dataset, map(astuple, rejected), excluded.itertuples(index=False))
    write_text(part / SUMMARY, json.dumps(summary, indent=2, sort_keys=True) + "\n")
    sum_up(part, output, files.values())
    log.info("%s: %d rows = %d kept + %d excluded + %d rejected; wrote %s", dataset, summary["rows"], len(kept),
             len(excluded), len(rejections), ", ".join(map(str, files.values())))  # fmt: skip
    if summary.get("mirrored"):
        log.warning("%s: %d images may be mirrored, or have a heart on the right: sort by the column mirrored",
                    dataset, summary["mirrored"])  # fmt: skip
    if not kept:
        log.warning("%s: no image was kept; its tables hold a header only", dataset)
    return summary


class _Tables:
    """The release's three tables while they are being written, with the ids and estimates of their rows."""

    def __init__(self, original: IO[str], preprocessed: IO[str], parquet: pq.ParquetWriter, header_bytes: int) -> None:
        self._original, self._preprocessed, self._parquet = original, preprocessed, parquet
        self._waiting: list[pa.Table] = []
        self._end = header_bytes  # bytes of the CSV of the original resolution so far
        self.kept: list[str] = []
        self.estimated: list[tuple[float, float]] = []  # estimate of the true Dice, width of its interval
        self.flagged = 0

    def add(self, packed: _Packed) -> None:
        self._original.writelines(packed.original)
        self._preprocessed.writelines(packed.preprocessed)
        rows = self._with_starts(packed)
        self._waiting.append(rows)
        if sum(each.num_rows for each in self._waiting) >= GROUP_ROWS:
            self._write(whole=False)
        self.kept.extend(rows["image_id"].to_pylist())
        if "dice_estimate" in rows.column_names:
            estimate, low, high = (rows[f"dice_{name}"].to_numpy() for name in ("estimate", "low", "high"))
            known = ~np.isnan(estimate)  # the estimate of an image with an unknown signal is null
            self.estimated.extend(zip(estimate[known].tolist(), (high - low)[known].tolist(), strict=True))
        if "flagged" in rows.column_names:
            self.flagged += sum(rows["flagged"].to_pylist())

    def close(self) -> None:
        """Write the rows that wait for their group to fill up."""
        self._write(whole=True)

    def _write(self, whole: bool) -> None:
        rows = pa.concat_tables(self._waiting) if self._waiting else None
        if rows is None or not rows.num_rows:
            return
        full = rows.num_rows if whole else rows.num_rows // GROUP_ROWS * GROUP_ROWS
        self._parquet.write_table(rows.slice(0, full), row_group_size=GROUP_ROWS)
        self._waiting = [rows.slice(full)]

    def _with_starts(self, packed: _Packed) -> pa.Table:
        """Return the rows with the bytes at which their lines start in the CSV of the original resolution."""
        ends = self._end + np.cumsum([len(line.encode("utf-8")) for line in packed.original], dtype=np.int64)
        starts, rows = np.concatenate([[self._end], ends])[:-1], packed.rows
        self._end = int(ends[-1]) if len(ends) else self._end
        place = rows.schema.get_field_index("csv_start")
        return rows.set_column(place, rows.schema.field(place), pa.array(starts, pa.int64()))


@contextmanager
def _tables(files: dict[str, Path], id_column: str, schema: pa.Schema) -> Iterator[_Tables]:
    """Open the tables of :func:`product_files`; all of them appear together once they are complete."""
    with ExitStack() as stack:
        temporary = {name: stack.enter_context(atomic_path(path)) for name, path in files.items()}
        texts = [
            stack.enter_context(temporary[name].open("w", encoding="utf-8", newline="\n"))
            for name in ("original", "preprocessed")
        ]
        for stream in texts:
            stream.write(header_text(id_column))
        parquet = stack.enter_context(single_row_writer(temporary["parquet"], schema, ORGANS))
        tables = _Tables(*texts, parquet, len(header_text(id_column).encode("utf-8")))
        yield tables
        tables.close()


def _summary(
    names: TableNames,
    graph: LandmarkGraph,
    excluded: pd.DataFrame,
    rejections: dict[str, Rejection],
    kept: list[Scores],
) -> ChexmaskSummary:
    means = [scores.dice_rca_mean for scores in kept]
    summary: ChexmaskSummary = {
        "dataset": names.dataset,
        "release": names.release,
        "id_column": names.id_column,
        "graph": graph.name,
        "rows": len(kept) + len(rejections) + len(excluded),
        "excluded": dict(sorted(Counter(excluded["exclusion_reason"]).items())),
        "rejected": dict(sorted(Counter(rejection.stage for rejection in rejections.values()).items())),
        "kept": len(kept),
        "recommended": sum(mean >= RECOMMENDED_RCA_MEAN for mean in means),
        "dice_rca_mean": _distribution(means),
        "dice_rca_max": _distribution([scores.dice_rca_max for scores in kept]),
        "calibration": None,
    }
    sides = [scores.mirrored for scores in kept if scores.mirrored is not None]
    if sides:
        summary["mirrored"] = sum(bool(side_flags(each)) for each in sides)
    return summary


def _scored(
    dataset: str,
    predictions: Iterable[LandmarkRow],
    scores: dict[str, Scores],
    rejections: dict[str, Rejection],
    included: set[str],
) -> Iterator[tuple[LandmarkRow, Scores]]:
    """Pair predictions with their scores; images that rca rejected are omitted."""
    before = set(rejections)  # the packer adds its own rejections later
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


def _estimator(inputs: ChexmaskInputs, graph: LandmarkGraph) -> AnyEstimator:
    """Read the given calibration, whichever of the two kinds it is."""
    if inputs.calibration is None:
        return None
    path = quality_file(inputs.calibration)
    if is_quality_calibration(path):
        return read_quality(path, inputs.landmarks, graph)
    return read_estimator(path, inputs.rca, graph)


def _schema(estimator: AnyEstimator) -> pa.Schema:
    return product_schema(isinstance(estimator, Estimator), isinstance(estimator, QualityEstimator))


def _with_flags(
    jobs: Iterable[tuple[LandmarkRow, Scores]], flags: dict[str, tuple[str, ...]]
) -> Iterator[tuple[LandmarkRow, Scores]]:
    for prediction, scores in jobs:
        yield replace(prediction, flagged=flags.get(prediction.image_id, ())), scores


def _packed(
    jobs: Iterator[tuple[LandmarkRow, Scores]], graph: LandmarkGraph, estimator: AnyEstimator, workers: int
) -> Iterator[_Packed]:
    chunks = iter(lambda: list(islice(jobs, CHUNK_ROWS)), [])
    if workers == 1:
        for chunk in chunks:
            yield _pack_chunk(chunk, graph, estimator)
        return
    # The window bounds the pending chunks; the pool's own map would read the whole stream ahead.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        pending = deque(pool.submit(_pack_chunk, chunk, graph, estimator) for chunk in islice(chunks, 2 * workers))
        while pending:
            packed = pending.popleft().result()
            pending.extend(pool.submit(_pack_chunk, chunk, graph, estimator) for chunk in islice(chunks, 1))
            yield packed


def _pack_chunk(chunk: list[tuple[LandmarkRow, Scores]], graph: LandmarkGraph, estimator: AnyEstimator) -> _Packed:
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
        [image.original_line for image in images],
        [image.preprocessed_line for image in images],
        pa.Table.from_pylist(rows, schema=_schema(estimator)),
        rejected,
    )


def _check_known(dataset: str, where: str, ids: Iterable[str], included: list[str]) -> None:
    unknown = set(ids) - set(included)
    if unknown:
        raise CxrError(
            f"{dataset}: {where} hold {len(unknown)} images that the manifest does not include, first '{min(unknown)}'"
        )


def _check_accounts(dataset: str, included: list[str], kept: list[str], rejections: dict[str, Rejection]) -> None:
    """Check that every included image is either kept or rejected, exactly once."""
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


def _distribution(values: list[float]) -> Distribution:
    """Compute quantiles and a histogram of scores; the quantiles are None if there are no scores."""
    array = np.array(values, dtype=np.float64)
    levels = np.quantile(array, QUANTILES).tolist() if array.size else [None] * len(QUANTILES)
    counts, _ = np.histogram(array, bins=HISTOGRAM_BINS, range=(0.0, 1.0))
    return {"quantiles": dict(zip(map(str, QUANTILES), levels, strict=True)), "histogram": counts.tolist()}
