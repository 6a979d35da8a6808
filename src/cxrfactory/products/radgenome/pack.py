"""Pack the projected studies: images, masks, regions, splits, COCO files, statistics, card and checksums.

Memory holds the studies' table, one study's masks and a few thousand rows of each open shard. The product does not
depend on the order or the number of shards.
"""

import csv
import hashlib
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.accounts import EXCLUDED, REJECTED
from cxrfactory.products.croissant import CROISSANT
from cxrfactory.products.product import CONFIG, README, check_config, open_product
from cxrfactory.products.radgenome.card_text import TITLE, CardFacts, card_text
from cxrfactory.products.radgenome.described import describe, write_image_tables
from cxrfactory.products.radgenome.figures import (
    Exhibit,
    chosen_for_montage,
    draw_classes,
    draw_footprints,
    draw_montage,
)
from cxrfactory.products.radgenome.inputs import Accounts, ProjectionShards, Taxonomy, projected_images, read_accounts
from cxrfactory.products.radgenome.masks import write_masks
from cxrfactory.products.radgenome.statistics import (
    RESAMPLES,
    Statistics,
    Tally,
    class_counts,
    footprints,
    inventory,
)
from cxrfactory.tables.keys import put_aside
from cxrfactory.tables.parquet import write_arrow
from cxrfactory.tables.sums import SUMS

log = get_logger(__name__)

VALIDATION_FRACTION = 0.06  # RadGenome-Anatomy: 1,564 of 25,692 studies
FIGURES = ("montage.png", "statistics/footprint.png", "statistics/classes.png")

# All top-level names of a product; an output folder that holds others is not replaced.
_TOP = frozenset(
    ["images", "masks", "coco", "statistics", "montage.png", "studies.parquet", "masks.parquet", "regions.parquet",
     REJECTED, EXCLUDED, CONFIG, README, CROISSANT, SUMS]
)  # fmt: skip
_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def split_of(patient_id: str, validation_fraction: float) -> str:
    """Return the split of a patient's studies, ``train`` or ``validation``, by a stable hash of the patient id."""
    return "validation" if put_aside(patient_id, "split", validation_fraction) else "train"


def package_radgenome(
    shards: ProjectionShards,
    output: str | Path,
    taxonomy: Taxonomy,
    validation_fraction: float = VALIDATION_FRACTION,
    mask_png: bool = False,
    credits: Sequence[str] = (),
    config: str | Path | None = None,
) -> Accounts:
    """Write the product into ``output``, either completely or not at all.

    Parameters
    ----------
    shards
        Manifests of studies and the shards of the projection.
    output
        Folder of the product; a product of an earlier run is replaced at the end.
    taxonomy
        The classes, and the function that plans regions.
    validation_fraction
        Expected share of patients in validation, within [0, 1).
    mask_png
        Whether each mask that is not empty is also written as PNG, which makes many small files.
    credits
        Lines of the card's section on sources and licences.
    config
        Config of the run; it is copied into the product.

    Returns
    -------
    Accounts of all rows of the manifests.

    Raises
    ------
    CxrError
        If an input is unreadable, an invariant does not hold (see the readers), an image is not a PNG of the study's
        size, or ``output`` holds names that do not belong to such a product.
    """
    output = Path(output)
    if not 0 <= validation_fraction < 1:
        raise CxrError(f"--validation-fraction is {validation_fraction}; expected 0 <= fraction < 1")
    if not shards.manifests:
        raise CxrError(f"{output}: no manifest given; expected at least one")
    if config is not None:
        check_config(config)
    accounts = read_accounts(shards.manifests, shards.studies, shards.rejected)
    kept = {row["study_id"]: row for row in accounts.kept.to_pylist()}
    splits = {study: split_of(row["patient_id"], validation_fraction) for study, row in kept.items()}
    log.info("%s: %d rows = %d kept + %d excluded + %d rejected", output, accounts.rows, len(kept),
             len(accounts.excluded), len(accounts.rejected))  # fmt: skip
    exhibits = {study: Exhibit(study) for study in chosen_for_montage(list(kept))}
    tally = Tally(taxonomy.classes, [splits[study] for study in kept])
    _refuse_foreign(output)

    with open_product(output) as product:
        folder = product.folder
        known = _write_images(folder, shards.images, kept, exhibits)
        write_masks(folder, shards.masks, kept, splits, taxonomy, tally, exhibits, mask_png)
        _write_studies(folder / "studies.parquet", accounts, splits)
        failed = [(release, each.image_id, each.stage, each.reason) for release, each in accounts.rejected]
        _write_csv(folder / REJECTED, ("release", "study_id", "stage", "reason"), failed)
        _write_csv(folder / EXCLUDED, ("release", "study_id", "reason"), accounts.excluded)
        statistics = _write_statistics(folder / "statistics", tally, accounts)
        log.info("%s: drawing %d figures", output, len(FIGURES))
        draw_montage(list(exhibits.values()), folder / FIGURES[0])
        draw_footprints(statistics["footprint"], folder / FIGURES[1])
        draw_classes(statistics["classes"], folder / FIGURES[2])
        facts = CardFacts(
            classes=len(taxonomy.classes),
            regions=sorted(tally.regions),
            fraction=validation_fraction,
            resamples=RESAMPLES,
            mask_png=mask_png,
            config=config is not None,
        )
        description = describe(folder, TITLE, write_image_tables(folder, kept, splits))
        card = card_text(accounts, statistics, facts, product.provenance(config), credits, description)
        files = product.close(card, description, known)
    log.info("%s: wrote %d studies, %d masks; SHA256SUMS of %d files", output, len(kept),
             sum(int(counts.sum()) for kind, counts in tally.masks.items() if "empty" not in kind), files)  # fmt: skip
    if not kept:
        log.warning("%s: no study was kept; its tables hold no rows", output)
    return accounts


def _refuse_foreign(output: Path) -> None:
    foreign = sorted(path.name for path in output.iterdir() if path.name not in _TOP) if output.is_dir() else []
    if foreign:
        raise CxrError(f"{output}: holds '{foreign[0]}', which is no part of a product; name another folder")


def png_header(data: bytes) -> tuple[int, int, int, bool]:
    """Read a PNG's header: width and height in pixels, bit depth, and whether the image is grey.

    Raises
    ------
    CxrError
        If the bytes do not begin as a PNG (ISO/IEC 15948, section 11.2.2).
    """
    if len(data) < 29 or not data.startswith(_PNG_START):
        raise CxrError(f"{len(data)} bytes that are no PNG")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    return width, height, depth, colour == 0


def _write_images(
    folder: Path, shards: Sequence[str | Path], kept: Mapping[str, dict], exhibits: Mapping[str, Exhibit]
) -> dict[str, str]:
    """Write the shards' PNG bytes unchanged; return their checksums by name."""
    sums = {}
    for row in progress(projected_images(shards, kept), "package images", 2 * len(kept)):
        study, view = row["study_id"], row["view"]
        size = kept[study]["size"]
        place = Path("images") / kept[study]["release"] / study
        (folder / place).mkdir(parents=True, exist_ok=True)
        for column, name, depth in (("png8", f"{view}.png", 8), ("png16", f"{view}_16.png", 16)):
            header = png_header(row[column])
            if header != (size, size, depth, True):
                raise CxrError(
                    f"image shards: study '{study}', view {view}: {column} is {header[0]} x {header[1]} pixels of "
                    f"{header[2]} bit, grey: {header[3]}; expected {size} x {size} of {depth} bit, grey"
                )
            (folder / place / name).write_bytes(row[column])
            sums[(place / name).as_posix()] = hashlib.sha256(row[column]).hexdigest()
        if study in exhibits:
            exhibits[study].images[view] = decode_png(row["png8"])
    return sums


def _write_studies(path: Path, accounts: Accounts, splits: Mapping[str, str]) -> None:
    column = pa.array([splits[study] for study in accounts.kept["study_id"].to_pylist()], pa.string())
    where = accounts.kept.schema.get_field_index("release") + 1
    table = accounts.kept.add_column(where, pa.field("split", pa.string(), nullable=False), column)
    write_arrow(table.combine_chunks().replace_schema_metadata(None), path)


def _write_statistics(folder: Path, tally: Tally, accounts: Accounts) -> Statistics:
    size = accounts.kept["size"][0].as_py() if accounts.kept.num_rows else 1
    statistics: Statistics = {
        "inventory": inventory(tally),
        "footprint": footprints(tally, size, accounts.kept["pixel_mm"].to_numpy()),
        "classes": class_counts(tally),
    }
    folder.mkdir()
    for name, rows in statistics.items():
        _write_csv(folder / f"{name}.csv", list(rows[0]), [[_cell(*item) for item in row.items()] for row in rows])
    return statistics


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}" if "_px" in name else f"{value:.3f}"
    return str(value)


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
