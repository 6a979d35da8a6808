"""Pack the root systems of all shards: traits, graphs, masks, files, growth, evaluation, card and checksums.

Memory holds the names of all pictures and a few rows of each table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.accounts import EXCLUDED, REJECTED, read_json
from cxrfactory.products.croissant import CROISSANT
from cxrfactory.products.joined_tables import join_tables, refuse_foreign, with_constant, write_csv
from cxrfactory.products.product import CONFIG, README, WEIGHTS_CARD, check_config, open_product
from cxrfactory.products.roots.card_text import TITLE, CardFacts, card_text
from cxrfactory.products.roots.described import describe
from cxrfactory.products.roots.montage import MONTAGE, draw_montage
from cxrfactory.tables.folders import link_tree
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.roots import (
    PICTURE_DIGITS,
    ROOT_EDGES,
    ROOT_FRAMES,
    ROOT_JPEGS,
    ROOT_LATERALS,
    ROOT_MASKS,
    ROOT_NODES,
    ROOT_PICTURE_JPEGS,
    ROOT_PICTURE_MASKS,
    ROOT_PICTURES,
    ROOT_PLANTS,
    ROOT_REJECTED,
    ROOT_ROW_EDGES,
    ROOT_ROW_NODES,
    ROOT_ROWS,
    ROOT_TRAITS,
)
from cxrfactory.tables.sums import SUMS

log = get_logger(__name__)

GROWTH, EVALUATION = "growth", "evaluation"
_FILES = ("rsml", "graphml", "overlays", "video")
_TABLES = ("traits", "nodes", "edges", "laterals", "plants", "frames", "masks", "pictures")
_TOP = frozenset(
    [*(f"{name}.parquet" for name in _TABLES), *_FILES, GROWTH, EVALUATION, MONTAGE, REJECTED, EXCLUDED, CONFIG,
     WEIGHTS_CARD, README, CROISSANT, SUMS]
)  # fmt: skip


@dataclass(frozen=True)
class RootShards:
    """Files of the earlier stages.

    Attributes
    ----------
    frames
        Table of pictures (schema ``ROOT_FRAMES``).
    plants, nodes, edges, traits, laterals
        Tables of stage roots-graphs, one of each for every shard.
    masks, pictures
        Tables of the schemas ``ROOT_MASKS`` and ``ROOT_JPEGS``, one of each for every shard.
    files
        Folders of RSML, GraphML, overlays and videos, one for every shard.
    rejected
        Tables of the schema ``ROOT_REJECTED``.
    """

    frames: Path
    plants: Sequence[Path]
    nodes: Sequence[Path]
    edges: Sequence[Path]
    traits: Sequence[Path]
    laterals: Sequence[Path]
    masks: Sequence[Path]
    pictures: Sequence[Path]
    files: Sequence[Path]
    rejected: Sequence[Path] = field(default_factory=tuple)


def package_roots(
    shards: RootShards,
    output: str | Path,
    weights_cards: Sequence[str | Path],
    growth: str | Path,
    evaluation: str | Path | None = None,
    release: str = "own",
    credits: Sequence[str] = (),
    config: str | Path | None = None,
) -> int:
    """Write the product into ``output``, either completely or not at all; return the number of its pictures.

    Parameters
    ----------
    shards
        Files of the earlier stages.
    output
        Folder of the product; a product of an earlier run is replaced at the end.
    weights_cards
        Cards of the weights that found the roots.
    growth
        Folder of stage roots-growth.
    evaluation
        Folder with the comparison with virtual plates, if there is one.
    release
        Name of the plates' source in the accounts.
    credits
        Lines of the card's section on sources and licences.
    config
        Config of the run; it is copied into the product.

    Raises
    ------
    CxrError
        If an input is unreadable, a picture is lost, doubled or unknown, or ``output`` holds names that do not belong
        to such a product.
    """
    output = Path(output)
    if config is not None:
        check_config(config)
    refuse_foreign(output, _TOP)
    networks = [read_json(card) for card in weights_cards]
    kept, rejected = _account(shards)
    with open_product(output) as product:
        folder = product.folder
        _join_all(shards, folder, release, kept)
        for files in progress(shards.files, "files", len(shards.files)):
            link_tree(files, folder)
        link_tree(growth, folder / GROWTH)
        if evaluation is not None:
            link_tree(evaluation, folder / EVALUATION)
        product.copy(weights_cards[0], WEIGHTS_CARD)
        write_csv(
            folder / REJECTED,
            ("dataset", "image_id", "stage", "reason"),
            [(release, name, stage, reason) for name, stage, reason in rejected],
        )
        write_csv(folder / EXCLUDED, ("dataset", "image_id", "reason"), [])
        draw_montage(folder, folder / MONTAGE)
        facts = CardFacts(release, len(kept), len(rejected), networks, config is not None, evaluation is not None)
        description = describe(folder, TITLE)
        card = card_text(folder, facts, product.provenance(config, networks[0]), credits, description)
        files_summed = product.close(card, description)
    log.info("%s: %d pictures = %d kept + 0 excluded + %d rejected; SHA256SUMS of %d files", output,
             len(kept) + len(rejected), len(kept), len(rejected), files_summed)  # fmt: skip
    return len(kept)


Key = tuple[str, int]


def _account(shards: RootShards) -> tuple[set[Key], list[tuple[str, str, str]]]:
    """Check that every picture has a mask or is rejected, and that every row of traits has a picture."""
    frames = read_table(shards.frames, columns=["plate", "frame", "path"])
    names = {(row.plate, row.frame): row.path for row in frames.itertuples(index=False)}
    if len(names) < len(frames):
        raise CxrError(f"{shards.frames}: a picture occurs twice; run the stage roots-read again")
    kept = _keys(shards.masks)
    if len(set(kept)) < len(kept):
        raise CxrError("roots: a picture has two masks; give each shard once")
    rejected, dropped = [], set()
    for path in shards.rejected:
        for row in read_table(path, ROOT_REJECTED).itertuples(index=False):
            rejected.append((f"{row.plate}/{Path(row.path).name}" if row.path else row.plate, row.stage, row.reason))
            dropped.add((row.plate, row.path))
    known = set(kept)
    lost = [key for key, path in names.items() if key not in known and (key[0], path) not in dropped]
    both = [key for key, path in names.items() if key in known and (key[0], path) in dropped]
    unknown = sorted((known | set(_keys(shards.traits))) - set(names))
    for keys, fault in (
        (unknown, "is in no table of pictures"),
        (lost, "is neither kept nor rejected"),
        (both, "is both kept and rejected"),
    ):
        if keys:
            plate, frame = min(keys)
            raise CxrError(
                f"roots: plate '{plate}', picture {frame} {fault}; the shards are of different runs: delete them and "
                "run again"
            )
    return known, sorted(rejected)


def _keys(paths: Sequence[Path]) -> list[Key]:
    frames = [read_table(path, columns=["plate", "frame"]) for path in paths]
    return [key for frame in frames for key in frame.itertuples(index=False, name=None)]


def _join_all(shards: RootShards, folder: Path, release: str, kept: set[Key]) -> None:
    def of_plant(batch: pa.RecordBatch) -> pa.RecordBatch:
        return with_constant(_with_id(batch, "image_id", ("plate", "plant")), "release", release)

    def of_picture(batch: pa.RecordBatch) -> pa.RecordBatch:
        return with_constant(_with_id(batch, "picture_id", ("plate",)), "release", release)

    def of_file(batch: pa.RecordBatch) -> pa.RecordBatch:
        pairs = zip(batch["plate"].to_pylist(), batch["frame"].to_pylist(), strict=True)
        batch = batch.filter(pa.array([key in kept for key in pairs], pa.bool_()))
        names = pa.array([Path(path).name for path in batch["path"].to_pylist()], pa.string())
        return of_picture(batch).append_column("file", names)

    same: Callable[[pa.RecordBatch], pa.RecordBatch] = lambda batch: batch  # noqa: E731
    for name, paths, stored, schema, rows, change in (
        ("traits", shards.traits, ROOT_TRAITS, ROOT_ROWS, 4096, of_plant),
        ("nodes", shards.nodes, ROOT_NODES, ROOT_ROW_NODES, 8192, of_plant),
        ("edges", shards.edges, ROOT_EDGES, ROOT_ROW_EDGES, 1024, of_plant),
        ("laterals", shards.laterals, ROOT_LATERALS, ROOT_LATERALS, 4096, same),
        ("plants", shards.plants, ROOT_PLANTS, ROOT_PLANTS, 4096, same),
        ("frames", [shards.frames], ROOT_FRAMES, ROOT_PICTURES, 4096, of_file),
        ("masks", shards.masks, ROOT_MASKS, ROOT_PICTURE_MASKS, 64, of_picture),
        ("pictures", shards.pictures, ROOT_JPEGS, ROOT_PICTURE_JPEGS, 16, of_picture),
    ):
        join_tables(paths, folder / f"{name}.parquet", stored, schema, rows, change)


def _with_id(batch: pa.RecordBatch, name: str, columns: Sequence[str]) -> pa.RecordBatch:
    number = pc.utf8_lpad(pc.cast(batch["frame"], pa.string()), PICTURE_DIGITS, "0")
    ids = pc.binary_join_element_wise(*(batch[each] for each in columns), number, "/")
    return batch.append_column(name, ids)
