"""Project one shard of a CT release to tables of pictures, masks of taxonomy classes, studies and rejections."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from cxrfactory.config import ScanFilesConfig
from cxrfactory.drr.label_tables import names_of, refuse_unnamed
from cxrfactory.drr.recipe import ProjectionRecipe, layout_of, rules_of
from cxrfactory.drr.study import ProjectedStudy, project_study
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.projection.grey import COUNTS_PER_UNIT, to_8bit, to_16bit
from cxrfactory.projection.mask_rows import mask_rows
from cxrfactory.projection.structures import dropped, to_classes
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import read_table, table_writer, write_table
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.schemas import MASKS, PROJECTIONS, REJECTED, SCANS, STUDIES

log = get_logger(__name__)


def project_shard(
    manifest: str | Path,
    release: ScanFilesConfig,
    shard: int,
    outputs: dict[str, str | Path],
    recipe: ProjectionRecipe,
) -> tuple[int, int]:
    """Project the included studies of one shard, one at a time.

    Parameters
    ----------
    manifest
        Parquet file of schema ``SCANS``.
    release
        Location of the release and settings for reading its files.
    shard
        Index of the shard, from 0; a stable hash of the id determines a study's shard.
    outputs
        Parquet files to write: ``images`` (schema ``PROJECTIONS``), ``masks`` (``MASKS``), ``studies`` (``STUDIES``)
        and ``rejected`` (``REJECTED``). They are sorted by study and are written even if they have no rows.
    recipe
        Settings of the projection; ``size`` must be a number.

    Returns
    -------
    Numbers of studies written and rejected.

    Raises
    ------
    CxrError
        If the manifest or the name table is not valid, if the shard does not exist, or if the taxonomy does not contain
        a name of the table; such a name is a fault of the release, not of a study. An unknown name of a mask's file or
        in the header of labels rejects its study.
    """
    root, shards, links = Path(release.root), release.shards, release.follow_links
    if not 0 <= shard < shards:
        raise CxrError(f"shard {shard} of {shards}; expected 0 to {shards - 1}")
    layout, rules = layout_of(release), rules_of(release)
    table = names_of(release.names, root, links)
    left_out: dict[str, str] = {}
    if table is not None:
        left_out = dropped(list(table.values()))
    frame = read_table(manifest, SCANS)
    included = frame[frame["included"].astype(bool)].sort_values("study_id", kind="stable")
    records = [record for record in included.to_dict("records") if shard_of(record["study_id"], shards) == shard]
    log.info("%s: %d studies, %d included, %d in shard %d of %d", manifest, len(frame), len(included), len(records),
             shard, shards)  # fmt: skip
    studies, faults = [], []
    with ExitStack() as stack:
        write_images = stack.enter_context(table_writer(outputs["images"], PROJECTIONS))
        write_masks = stack.enter_context(table_writer(outputs["masks"], MASKS))
        for record in progress(records, "project", total=len(records)):
            try:
                ct, labels = (path_inside(root, record[part], links) for part in ("ct", "labels"))
                study = project_study(ct, labels, table, recipe, layout, rules)
                refuse_unnamed(study.names, study.source_ids)
                if table is None:  # names of files or of a header are those of this study alone
                    left_out |= dropped(list(study.names))
            except CxrError as error:  # a fault of one study rejects only this study
                log.warning("rejected %s: %s", record["study_id"], error)
                place = {"image_id": record["study_id"], "path": record["ct"]}
                faults.append(place | {"stage": "project", "reason": str(error)})
                continue
            structures, masks = to_classes(study.names, study.source_ids, study.masks, study.cut_off)
            write_images.write_table(_pictures(record["study_id"], study))
            write_masks.write_table(mask_rows(record["study_id"], structures, masks))
            studies.append(_study_row(record, study))
    _tell_dropped(left_out)
    write_table(pd.DataFrame(studies, columns=STUDIES.names), outputs["studies"], STUDIES)
    write_table(pd.DataFrame(faults, columns=REJECTED.names), outputs["rejected"], REJECTED)
    log.info("wrote %d studies, rejected %d", len(studies), len(faults))
    return len(studies), len(faults)


def _tell_dropped(left_out: dict[str, str]) -> None:
    for name, reason in left_out.items():
        log.info("left out %s: %s", name, reason)
    log.info("%d structures without a class left out", len(left_out))


def _pictures(study_id: str, study: ProjectedStudy) -> pa.Table:
    rows = []
    for view in VIEWS:
        counts, saturated = to_16bit(study.integrals[view])
        if saturated:
            log.warning("%s %s: %d pixels beyond the range of the 16-bit picture", study_id, view, saturated)
        pictures = {"png8": encode_png(to_8bit(study.integrals[view])), "png16": encode_png(counts)}
        rows.append({"study_id": study_id, "view": view} | pictures)
    return pa.Table.from_pylist(rows, schema=PROJECTIONS)


def _study_row(record: dict[str, Any], study: ProjectedStudy) -> dict[str, Any]:
    return {
        **{name: record[name] for name in ("study_id", "patient_id", "release")},
        "size": study.integrals["PA"].shape[0],
        "pixel_mm": study.pixel_mm["PA"][0],
        "counts_per_unit": float(COUNTS_PER_UNIT),
        "structures": sum(bool(mask.any()) for mask in study.masks["PA"]),
        "notes": "; ".join(study.notes) or None,
    }
