"""Pack the measured meshes of all shards: rows, masks, slices, mesh files, evaluation, card and checksums.

Memory holds the ids of all cases and a few rows of each table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.accounts import EXCLUDED, REJECTED, read_json
from cxrfactory.products.croissant import CROISSANT
from cxrfactory.products.hearts.card_text import TITLE, CardFacts, card_text
from cxrfactory.products.hearts.described import describe
from cxrfactory.products.hearts.montage import MONTAGE, draw_montage
from cxrfactory.products.joined_tables import join_tables, refuse_foreign, with_constant, write_csv
from cxrfactory.products.product import CONFIG, README, WEIGHTS_CARD, check_config, open_product
from cxrfactory.products.rejected import Rejection
from cxrfactory.tables.folders import link_tree
from cxrfactory.tables.hearts import HEART_MASKS, HEART_ROWS, HEART_SLICES
from cxrfactory.tables.parquet import read_table, stored_schema
from cxrfactory.tables.sums import SUMS

log = get_logger(__name__)

ROWS, MASKS, SLICES, TEMPLATE, MESHES, EVALUATION = (
    "hearts.parquet", "masks.parquet", "slices.parquet", "template.npz", "meshes", "evaluation",
)  # fmt: skip
_ROWS_PER_GROUP = {ROWS: 64, MASKS: 4096, SLICES: 256}
_TOP = frozenset(
    [ROWS, MASKS, SLICES, TEMPLATE, MESHES, EVALUATION, MONTAGE, REJECTED, EXCLUDED, CONFIG, WEIGHTS_CARD, README,
     CROISSANT, SUMS]
)  # fmt: skip


@dataclass(frozen=True)
class HeartShards:
    """Files of the earlier stages.

    Attributes
    ----------
    cases
        Tables of cases; only their ids are read.
    hearts, masks, slices
        Tables of the schemas ``HEARTS``, ``HEART_MASKS`` and ``HEART_SLICES``, one of each for every shard.
    files
        Folders of mesh files, one for every shard.
    rejected
        Tables of rejected cases: of reading (schema ``REJECTED``), and of inference with case and frame.
    split
        Split of the cases; None for all cases.
    """

    cases: Sequence[Path]
    hearts: Sequence[Path]
    masks: Sequence[Path]
    slices: Sequence[Path]
    files: Sequence[Path]
    rejected: Sequence[Path] = field(default_factory=tuple)
    split: str | None = None


def package_hearts(
    shards: HeartShards,
    output: str | Path,
    template: str | Path,
    weights_card: str | Path,
    evaluation: str | Path | None = None,
    release: str = "virtual",
    credits: Sequence[str] = (),
    config: str | Path | None = None,
) -> int:
    """Write the product into ``output``, either completely or not at all; return the number of its meshes.

    Parameters
    ----------
    shards
        Files of the earlier stages.
    output
        Folder of the product; a product of an earlier run is replaced at the end.
    template
        The template, whose nodes the meshes share.
    weights_card
        Card of the weights that found the meshes.
    evaluation
        Folder with the comparison of networks on virtual patients, if there is one.
    release
        Name of the cases' source in the accounts.
    credits
        Lines of the card's section on sources and licences.
    config
        Config of the run; it is copied into the product.

    Raises
    ------
    CxrError
        If an input is unreadable, a case is lost, doubled or unknown, or ``output`` holds names that do not belong to
        such a product.
    """
    output = Path(output)
    if config is not None:
        check_config(config)
    refuse_foreign(output, _TOP)
    network = read_json(weights_card)
    kept, rejected = _account(shards)

    def with_release(batch: pa.RecordBatch) -> pa.RecordBatch:
        return with_constant(batch, "release", release)

    with open_product(output) as product:
        folder = product.folder
        for name, paths, schema in (
            (ROWS, shards.hearts, HEART_ROWS),
            (MASKS, shards.masks, HEART_MASKS),
            (SLICES, shards.slices, HEART_SLICES),
        ):
            stored = pa.schema([field for field in schema if field.name != "release"])
            join_tables(paths, folder / name, stored, schema, _ROWS_PER_GROUP[name], with_release)
        for files in progress(shards.files, "mesh files", len(shards.files)):
            link_tree(files, folder / MESHES)
        if evaluation is not None:
            link_tree(evaluation, folder / EVALUATION)
        product.copy(template, TEMPLATE)
        product.copy(weights_card, WEIGHTS_CARD)
        write_csv(folder / REJECTED, ("dataset", "image_id", "stage", "reason"),
                   [(release, case, each.stage, each.reason) for case, each in sorted(rejected.items())])  # fmt: skip
        write_csv(folder / EXCLUDED, ("dataset", "image_id", "reason"), [])
        draw_montage(folder / ROWS, folder / MASKS, folder / SLICES, folder / MONTAGE)
        facts = CardFacts(release, len(kept), len(rejected), network, config is not None, evaluation is not None)
        description = describe(folder, TITLE)
        card = card_text(folder, facts, product.provenance(config, network), credits, description)
        files_summed = product.close(card, description)
    log.info("%s: %d rows = %d kept + 0 excluded + %d rejected; SHA256SUMS of %d files", output,
             len(kept) + len(rejected), len(kept), len(rejected), files_summed)  # fmt: skip
    return len(kept)


def _account(shards: HeartShards) -> tuple[set[str], Mapping[str, Rejection]]:
    """Check that every case is kept or rejected, and that none is doubled or unknown."""
    listed = _keys(shards.cases, shards.split)
    kept = _keys(shards.hearts)
    rejected = _rejected(shards.rejected)
    unknown, lost = kept - listed, listed - kept - set(rejected)
    both = kept & set(rejected)
    for cases, fault in (
        (unknown, "is in no table of cases"),
        (lost, "is neither kept nor rejected"),
        (both, "is both kept and rejected"),
    ):
        if cases:
            raise CxrError(
                f"hearts: '{min(cases)}' {fault}; the shards are of different runs: delete them and run again"
            )
    return kept, rejected


def _rejected(paths: Sequence[Path]) -> dict[str, Rejection]:
    """Return the rejections by ``case_id/frame``; those of reading, which have no frame, by ``case_id``."""
    found: dict[str, Rejection] = {}
    for path in paths:
        named = "case_id" in stored_schema(path).names
        columns = [*(["case_id", "frame"] if named else ["image_id"]), "stage", "reason"]
        for *names, stage, reason in read_table(path, columns=columns).itertuples(index=False):
            key = "/".join(names)
            if key in found:
                raise CxrError(f"{path}: '{key}' is rejected twice; give each table once")
            found[key] = Rejection(key, stage, reason)
    return found


def _keys(paths: Sequence[Path], split: str | None = None) -> set[str]:
    found: set[str] = set()
    for path in paths:
        frame = read_table(path, columns=["case_id", "frame", *([] if split is None else ["split"])])
        chosen = frame if split is None else frame[frame["split"] == split]
        for case, frame_name in chosen[["case_id", "frame"]].itertuples(index=False):
            key = f"{case}/{frame_name}"
            if key in found:
                raise CxrError(f"{path}: case '{case}', frame '{frame_name}' occurs twice; give each shard once")
            found.add(key)
    return found
