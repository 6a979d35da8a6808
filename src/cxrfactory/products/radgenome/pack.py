"""Pack the projected studies: images, masks, regions, splits, COCO files, statistics, card and checksums.

Memory holds the studies' table, one study's masks and a few thousand rows of each open shard. The product does
not depend on the order or the number of shards.
"""

import csv
import hashlib
import shutil
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.provenance import library_versions, source_commit
from cxrfactory.products.radgenome.card_text import card_text
from cxrfactory.products.radgenome.figures import (
    Exhibit,
    chosen_for_montage,
    draw_classes,
    draw_footprints,
    draw_montage,
)
from cxrfactory.products.radgenome.inputs import Accounts, projected_images, read_accounts
from cxrfactory.products.radgenome.masks import RegionPlan, write_masks
from cxrfactory.products.radgenome.statistics import (
    RESAMPLES,
    AnatomyClass,
    Tally,
    class_counts,
    footprints,
    inventory,
)
from cxrfactory.tables.atomic import flush
from cxrfactory.tables.keys import put_aside
from cxrfactory.tables.parquet import write_arrow
from cxrfactory.tables.weights import sha256_of

log = get_logger(__name__)

VALIDATION_FRACTION = 0.06  # RadGenome-Anatomy: 1,564 of 25,692 studies
FIGURES = ("montage.png", "statistics/footprint.png", "statistics/classes.png")

# Everything that stands at the top of a product; an output folder that holds more is not replaced.
_TOP = frozenset(
    ["images", "masks", "coco", "statistics", "montage.png", "studies.parquet", "masks.parquet", "regions.parquet",
     "rejected.csv", "excluded.csv", "config.yaml", "README.md", "SHA256SUMS"]
)  # fmt: skip
_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def split_of(patient_id: str, validation_fraction: float) -> str:
    """Split of a patient's studies, ``train`` or ``validation``: by a stable hash of the patient alone."""
    return "validation" if put_aside(patient_id, "split", validation_fraction) else "train"


def package_radgenome(
    manifests: Sequence[str | Path],
    studies: Sequence[str | Path],
    masks: Sequence[str | Path],
    images: Sequence[str | Path],
    rejected: Sequence[str | Path],
    output: str | Path,
    classes: Sequence[AnatomyClass],
    region_plan: RegionPlan,
    validation_fraction: float = VALIDATION_FRACTION,
    mask_png: bool = False,
    credits: Sequence[str] = (),
    config: str | Path | None = None,
) -> Accounts:
    """Write the product into ``output``, whole or not at all.

    Parameters
    ----------
    manifests
        Parquet, schema ``SCANS`` of :mod:`cxrfactory.tables.schemas`; study ids are unique
        over all of them.
    studies, masks, images, rejected
        Shards of the projection: ``STUDIES``, ``MASKS`` (rows sorted by study),
        ``PROJECTIONS``, and ``REJECTED``.
    output
        Folder of the product; one of an earlier run is replaced at the end.
    classes, region_plan
        The taxonomy: classes with ``class_id``, ``name`` and ``system``; which regions can be made of the class ids
        that a source labels, each with its classes (:func:`cxrfactory.anatomy.taxonomy.region_plan`).
    validation_fraction
        Expected share of patients in validation, within [0, 1).
    mask_png
        Also write each mask that is not empty as PNG: many small files.
    credits
        Lines of the card's section on sources and licences.
    config
        Config of the run; copied.

    Returns
    -------
    Where every row of the manifests went.

    Raises
    ------
    CxrError
        If an input is unreadable, an invariant does not hold (see the readers), an image is no PNG of the
        study's size, or ``output`` holds anything that is not of such a product.
    """
    output = Path(output)
    if not 0 <= validation_fraction < 1:
        raise CxrError(f"--validation-fraction is {validation_fraction}; expected 0 <= fraction < 1")
    if not manifests:
        raise CxrError(f"{output}: no manifest given; expected at least one")
    if config is not None and not Path(config).is_file():
        raise CxrError(f"{config}: no such file; expected the config of the run")
    accounts = read_accounts(manifests, studies, rejected)
    kept = {row["study_id"]: row for row in accounts.kept.to_pylist()}
    splits = {study: split_of(row["patient_id"], validation_fraction) for study, row in kept.items()}
    log.info("%s: %d rows = %d kept + %d excluded + %d rejected", output, accounts.rows, len(kept),
             len(accounts.excluded), len(accounts.rejected))  # fmt: skip
    exhibits = {study: Exhibit(study) for study in chosen_for_montage(list(kept))}
    tally = Tally(classes, [splits[study] for study in kept])

    with _replaced_folder(output) as folder:
        sums = _write_images(folder, images, kept, exhibits)
        write_masks(folder, masks, kept, splits, classes, region_plan, tally, exhibits, mask_png)
        _write_studies(folder / "studies.parquet", accounts, splits)
        failed = [(release, each.image_id, each.stage, each.reason) for release, each in accounts.rejected]
        _write_csv(folder / "rejected.csv", ("release", "study_id", "stage", "reason"), failed)
        _write_csv(folder / "excluded.csv", ("release", "study_id", "reason"), accounts.excluded)
        statistics = _write_statistics(folder / "statistics", tally, accounts)
        log.info("%s: drawing %d figures", output, len(FIGURES))
        draw_montage(list(exhibits.values()), folder / FIGURES[0])
        draw_footprints(statistics["footprint"], folder / FIGURES[1])
        draw_classes(statistics["classes"], folder / FIGURES[2])
        provenance = [("source commit", source_commit() or "not a git checkout"), *library_versions().items()]
        if config is not None:
            shutil.copyfile(config, folder / "config.yaml")
            provenance.append(("config SHA-256", f"`{sha256_of(folder / 'config.yaml')}`"))
        facts = {
            "classes": len(classes),
            "regions": sorted(tally.regions),
            "fraction": validation_fraction,
            "resamples": RESAMPLES,
            "mask_png": mask_png,
            "config": config is not None,
        }
        _write_text(folder / "README.md", card_text(accounts, statistics, facts, provenance, credits))
        files = _write_sums(folder, sums)
    log.info("%s: wrote %d studies, %d masks; SHA256SUMS of %d files", output, len(kept),
             sum(int(counts.sum()) for kind, counts in tally.masks.items() if "empty" not in kind), files)  # fmt: skip
    if not kept:
        log.warning("%s: no study was kept; its tables hold no rows", output)
    return accounts


def png_header(data: bytes) -> tuple[int, int, int, bool]:
    """Width and height in pixels, bit depth, and whether it is grey, of a PNG.

    Raises
    ------
    CxrError
        If the bytes do not begin as a PNG does (ISO/IEC 15948, section 11.2.2).
    """
    if len(data) < 29 or not data.startswith(_PNG_START):
        raise CxrError(f"{len(data)} bytes that are no PNG")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    return width, height, depth, colour == 0


def _write_images(
    folder: Path, shards: Sequence[str | Path], kept: Mapping[str, dict], exhibits: Mapping[str, Exhibit]
) -> dict[str, str]:
    """Write the shards' PNG bytes as they are; return their checksums by name."""
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


def _write_statistics(folder: Path, tally: Tally, accounts: Accounts) -> dict[str, list[dict[str, Any]]]:
    size = accounts.kept["size"][0].as_py() if accounts.kept.num_rows else 1
    statistics = {
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


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _write_sums(folder: Path, known: Mapping[str, str]) -> int:
    """Write ``SHA256SUMS``; files whose checksum is not known yet are read. Return how many files it names."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    _write_text(folder / "SHA256SUMS",
                "".join(f"{known.get(name) or sha256_of(folder / name)}  {name}\n" for name in names))  # fmt: skip
    return len(names)


@contextmanager
def _replaced_folder(output: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``output``; on success it takes that name, on failure it goes."""
    if output.exists() and not output.is_dir():
        raise CxrError(f"{output}: is a file; expected a folder, or nothing yet")
    foreign = sorted(path.name for path in output.iterdir() if path.name not in _TOP) if output.exists() else []
    if foreign:
        raise CxrError(f"{output}: holds '{foreign[0]}', which is no part of a product; name another folder")
    output.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".tmp", dir=output.parent))
    try:
        new = holder / "new"
        new.mkdir()
        yield new
        flush()
        old = holder / "old"
        if output.exists():
            output.rename(old)
        try:
            new.rename(output)
        except OSError:
            if old.exists():
                old.rename(output)
            raise
    finally:
        shutil.rmtree(holder, ignore_errors=True)
