"""Read the outputs of ingest and projection: manifests, and shards of studies, masks, images and rejections.

The studies' rows are small and are held in memory; masks and images are streamed. Mask shards must be sorted by
``study_id``, so that all shards can be merged study by study with a few thousand rows of each in memory.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from cxrfactory.anatomy.taxonomy_tables import AnatomyClass
from cxrfactory.errors import CxrError
from cxrfactory.products.rejected import Rejection, read_rejected
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.tables.parquet import read_batches
from cxrfactory.tables.paths import is_plain_name
from cxrfactory.tables.schemas import MASKS, PROJECTIONS, SCANS, STUDIES

BATCH_ROWS = 4096  # rows in memory of each open mask shard
IMAGE_BATCH_ROWS = 16


# Function from the class ids that a source labels to the possible regions, each with its classes.
RegionPlan = Callable[[Collection[int]], Sequence[tuple[str, Collection[int]]]]


@dataclass(frozen=True)
class Taxonomy:
    """The classes of the masks, in the order of their ids, and the function that plans regions.

    ``region_plan`` has the interface of :func:`cxrfactory.anatomy.taxonomy.region_plan`.
    """

    classes: Sequence[AnatomyClass]
    region_plan: RegionPlan


@dataclass(frozen=True)
class ProjectionShards:
    """Outputs of ingest and projection: Parquet of the schemas in :mod:`cxrfactory.tables.schemas`.

    The manifests have the schema ``SCANS``, and study ids are unique over all of them. The shards have the schemas
    ``STUDIES``, ``MASKS`` (rows sorted by study), ``PROJECTIONS`` and ``REJECTED``.
    """

    manifests: Sequence[str | Path]
    studies: Sequence[str | Path] = ()
    masks: Sequence[str | Path] = ()
    images: Sequence[str | Path] = ()
    rejected: Sequence[str | Path] = ()


@dataclass(frozen=True)
class Accounts:
    """Accounts of all rows of the manifests: rows = kept + excluded + rejected.

    ``kept`` is a table of the schema ``STUDIES`` sorted by study. ``excluded`` and ``rejected`` are sorted by release
    and study.
    """

    kept: pa.Table
    excluded: list[tuple[str, str, str]]  # release, study_id, reason
    rejected: list[tuple[str, Rejection]]  # release, rejection

    @property
    def rows(self) -> int:
        """Number of rows of the manifests."""
        return self.kept.num_rows + len(self.excluded) + len(self.rejected)


def read_accounts(
    manifests: Sequence[str | Path], studies: Sequence[str | Path], rejected: Sequence[str | Path]
) -> Accounts:
    """Read manifests, studies and rejections, and check that no row is lost, duplicated or unknown.

    Raises
    ------
    CxrError
        If a file does not have its schema; a study occurs twice, in two releases, in no manifest, or with another
        patient or release than in its manifest; an included study is neither kept nor rejected, or both; an excluded
        row gives no reason; a name could lead out of the product's folder; or the sizes differ.
    """
    listed: dict[str, dict] = {}
    for path in sorted(map(str, manifests)):
        for row in read_whole(path, SCANS).to_pylist():
            study = row["study_id"]
            if study in listed:
                raise CxrError(f"{path}: study '{study}' is listed twice; study ids are unique over all releases")
            for what in ("study_id", "release"):
                if not is_plain_name(row[what]):
                    raise CxrError(
                        f"{path}: {what} '{row[what]}'; expected letters, digits, '.', '_', '-' only: it names files"
                    )
            if not row["included"] and not row["exclusion_reason"]:
                raise CxrError(f"{path}: study '{study}' is excluded without an exclusion_reason")
            listed[study] = row
    rejections = read_rejected(sorted(map(str, rejected)))
    tables = [(path, read_whole(path, STUDIES)) for path in sorted(map(str, studies))]
    kept = pa.concat_tables([table for _, table in tables] or [STUDIES.empty_table()]).sort_by("study_id")
    ids = kept["study_id"].to_pylist()
    doubled = [one for one, other in pairwise(ids) if one == other]
    if doubled:
        raise CxrError(f"studies shards: study '{doubled[0]}' occurs twice; give each shard once")
    included = {study for study, row in listed.items() if row["included"]}
    for where, found in (("studies shards", ids), ("rejected tables", rejections)):
        unknown = sorted(set(found) - included)
        if unknown:
            raise CxrError(f"{where}: {len(unknown)} studies are included by no manifest, first '{unknown[0]}'")
    both, lost = sorted(set(ids) & set(rejections)), sorted(included - set(ids) - set(rejections))
    if both:
        raise CxrError(f"study '{both[0]}' is both projected and rejected; the shards are of different runs")
    if lost:
        raise CxrError(
            f"{len(lost)} included studies are neither projected nor rejected, first '{lost[0]}'; give all shards"
        )
    for row in kept.select(["study_id", "patient_id", "release"]).to_pylist():
        for what in ("patient_id", "release"):
            if row[what] != listed[row["study_id"]][what]:
                raise CxrError(
                    f"study '{row['study_id']}': its {what} in the studies shard is not that of the manifest; "
                    "project it again"
                )
    sizes = sorted(set(kept["size"].to_pylist()))
    if len(sizes) > 1 or (sizes and sizes[0] < 1):
        raise CxrError(f"studies shards: image sizes {sizes}; expected one size over the product")
    excluded = sorted((row["release"], study, row["exclusion_reason"]) for study, row in listed.items()
                      if not row["included"])  # fmt: skip
    return Accounts(kept, excluded, sorted(((listed[study]["release"], rejections[study]) for study in rejections),
                                           key=lambda pair: (pair[0], pair[1].image_id)))  # fmt: skip


def studies_masks(paths: Sequence[str | Path], kept: Iterable[str]) -> Iterator[tuple[str, pa.Table]]:
    """Iterate over the masks of each study, in the order of ``study_id``, across all shards.

    Yields
    ------
    study_id, and its rows of the schema ``MASKS`` sorted by view, class id (null last) and name.

    Raises
    ------
    CxrError
        If a shard is not sorted by study; a study has no masks, is not kept or is in two shards; a view is unknown; a
        view lacks structures that the other has; or a structure occurs twice.
    """
    expected = iter(sorted(kept))
    groups = [_by_study(path) for path in sorted(map(str, paths))]
    previous = None
    for study, rows in heapq.merge(*groups, key=lambda group: group[0]):
        if study == previous:
            raise CxrError(f"mask shards: study '{study}' stands in two shards")
        wanted = next(expected, None)
        if study != wanted:
            raise _unmatched("mask shards", study, wanted)
        previous = study
        rows = rows.sort_by([("view", "ascending"), ("class_id", "ascending"), ("name", "ascending")])
        _check_structures(study, rows)
        yield study, rows
    missing = next(expected, None)
    if missing is not None:
        raise _unmatched("mask shards", None, missing)


def projected_images(paths: Sequence[str | Path], kept: Iterable[str]) -> Iterator[dict]:
    """Iterate over the rows of the image shards (``PROJECTIONS``), in the order of the shards.

    Raises
    ------
    CxrError
        If a view is unknown, a view of a kept study is missing or occurs twice, or a study is not kept.
    """
    missing = {(study, view) for study in kept for view in VIEWS}
    for path in sorted(map(str, paths)):
        for batch in _batches(path, PROJECTIONS, IMAGE_BATCH_ROWS):
            for row in batch.to_pylist():
                key = (row["study_id"], row["view"])
                if key not in missing:
                    raise CxrError(
                        f"{path}: image of study '{key[0]}', view '{key[1]}': a second one, an unknown view "
                        f"(expected {' or '.join(VIEWS)}), or a study that the studies shards do not hold"
                    )
                missing.discard(key)
                yield row
    if missing:
        study, view = min(missing)
        raise CxrError(f"image shards: {len(missing)} images are missing, first study '{study}', view {view}")


def read_whole(path: str | Path, schema: pa.Schema) -> pa.Table:
    """Read one table and cast it to ``schema``; other columns are left out.

    Raises
    ------
    CxrError
        If it is missing, unreadable, lacks a column, or a column has another type or empty cells.
    """
    batches = list(_batches(path, schema, 2**16))
    return pa.concat_tables(batches) if batches else schema.empty_table()


def _batches(path: str | Path, schema: pa.Schema, rows: int) -> Iterator[pa.Table]:
    for batch in read_batches(path, schema.names, rows):
        table = pa.Table.from_batches([batch])
        empty = [field.name for field in schema if not field.nullable and table[field.name].null_count]
        if empty:
            raise CxrError(f"{path}: column '{empty[0]}' holds empty cells")
        try:
            yield table.cast(schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise CxrError(f"{path}: not a Parquet table as expected ({' '.join(str(error).split())})") from error


def _by_study(path: str) -> Iterator[tuple[str, pa.Table]]:
    study, pieces = None, []
    for batch in _batches(path, MASKS, BATCH_ROWS):
        ids = np.array(batch["study_id"].to_pylist(), dtype=object)
        starts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)]
        for start, stop in pairwise(starts):
            if ids[start] != study:
                if study is not None:
                    if ids[start] < study:
                        raise CxrError(
                            f"{path}: study '{ids[start]}' stands after '{study}'; expected rows sorted by study"
                        )
                    yield study, pa.concat_tables(pieces)
                study, pieces = ids[start], []
            pieces.append(batch.slice(start, stop - start))
    if study is not None:
        yield study, pa.concat_tables(pieces)


def _check_structures(study: str, rows: pa.Table) -> None:
    keys: dict[str, list] = {view: [] for view in VIEWS}
    for view, class_id, name in zip(*(rows[what].to_pylist() for what in ("view", "class_id", "name")), strict=True):
        if view not in keys:
            raise CxrError(f"mask shards: study '{study}' has view '{view}'; expected {' or '.join(VIEWS)}")
        keys[view].append(name if class_id is None else class_id)
    for view, found in keys.items():
        twice = [key for key in found if found.count(key) > 1] if len(set(found)) < len(found) else []
        if twice:
            raise CxrError(f"mask shards: study '{study}', view {view}: structure {twice[0]!r} occurs twice")
    if set(keys["PA"]) != set(keys["LL"]):
        raise CxrError(f"mask shards: study '{study}' has {len(keys['PA'])} structures in PA and "
                       f"{len(keys['LL'])} in LL; expected the same in both")  # fmt: skip


def _unmatched(where: str, found: str | None, wanted: str | None) -> CxrError:
    if wanted is None or (found is not None and found < wanted):
        return CxrError(f"{where}: study '{found}' is in no studies shard; the shards are of different runs")
    return CxrError(f"{where}: study '{wanted}' has no masks; give all shards")
