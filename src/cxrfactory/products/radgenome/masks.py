"""Write the masks of the product, study by study: tables of structures and regions, COCO files, optional PNG files."""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import UInt8

from cxrfactory.anatomy.taxonomy_tables import AnatomyClass
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.logs import progress
from cxrfactory.products.radgenome.figures import Exhibit
from cxrfactory.products.radgenome.inputs import Taxonomy, studies_masks
from cxrfactory.products.radgenome.statistics import SPLITS, Tally
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.tables.coco import CocoWriter
from cxrfactory.tables.mask_facts import MaskFacts, mask_facts
from cxrfactory.tables.parquet import parquet_writer
from cxrfactory.tables.rle import rle_decode, rle_encode
from cxrfactory.tables.schemas import MASKS

# Studies in a row group. It affects the Parquet's bytes; whoever reads one study decodes a whole group.
STUDIES_PER_GROUP = 8

PICTURED_REGIONS = ("lung", "heart")  # regions whose masks are also written as pictures, beside the images

PRODUCT_MASKS = pa.schema(
    [
        *(MASKS.field(name) for name in MASKS.names[:5]),
        pa.field("class_name", pa.string()),  # canonical name; null outside the taxonomy
        pa.field("system", pa.string()),
        *(MASKS.field(name) for name in MASKS.names[5:]),
    ]
)

REGIONS = pa.schema(
    [
        pa.field("study_id", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),
        pa.field("region", pa.string(), nullable=False),
        pa.field("classes", pa.int32(), nullable=False),  # number of classes in the union
        *(MASKS.field(name) for name in MASKS.names[6:]),  # height, ..., cut_off
    ]
)


def region_picture(view: str, region: str) -> str:
    """Return the name of the picture of a region's mask, in the folder of the study's images."""
    return f"{view}_{region}.png"


class _GroupedWriter:
    """Parquet writer with a fixed number of studies in each row group."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema, self._waiting = writer, schema, []

    def add(self, table: pa.Table) -> None:
        self._waiting.append(table)
        if len(self._waiting) == STUDIES_PER_GROUP:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            table = pa.concat_tables(self._waiting).combine_chunks()
            self._writer.write_table(table.replace_schema_metadata(None), row_group_size=table.num_rows or 1)
        self._waiting = []


def write_masks(
    folder: Path,
    shards: Sequence[str | Path],
    kept: Mapping[str, Mapping[str, Any]],
    splits: Mapping[str, str],
    taxonomy: Taxonomy,
    tally: Tally,
    exhibits: Mapping[str, Exhibit],
    mask_png: bool,
) -> None:
    """Write ``masks.parquet``, ``regions.parquet``, ``coco/`` and optionally ``masks/``; fill tally and exhibits.

    Masks of the regions in :data:`PICTURED_REGIONS` are also written as pictures beside the images.

    Parameters
    ----------
    folder
        Folder to write into.
    shards
        Parquet files of the schema ``MASKS``, each sorted by study.
    kept
        Rows of the studies' table by study id, sorted by study id.
    splits
        Split of each study.
    taxonomy
        The classes, and the function that plans regions.
    tally
        Counter of the masks.
    exhibits
        Studies of the montage, by study id.
    mask_png
        Whether to write PNG files.

    Raises
    ------
    CxrError
        If a mask's shape is not that of its study, its RLE does not decode, its area or box is not that of the decoded
        mask, or its class is not in the taxonomy.
    """
    known = {each.class_id: each for each in taxonomy.classes}
    (folder / "coco").mkdir()
    with ExitStack() as stack:
        masks, united = (
            _GroupedWriter(stack.enter_context(parquet_writer(folder / name, schema)), schema)
            for name, schema in (("masks.parquet", PRODUCT_MASKS), ("regions.parquet", REGIONS))
        )
        coco = _open_coco(folder / "coco", stack, kept, splits, taxonomy.classes)
        plans: dict[frozenset[int], dict[str, frozenset[int]]] = {}
        numbered = {study: number for number, study in enumerate(kept)}
        for study, rows in progress(studies_masks(shards, kept), "package masks", len(kept)):
            labelled = frozenset(rows["class_id"].drop_null().to_pylist())
            unknown = sorted(labelled - set(known))
            if unknown:
                raise CxrError(
                    f"mask shards: study '{study}': class id {unknown[0]} is none of the taxonomy's {len(known)}"
                )
            if labelled not in plans:  # all studies of one source share a set of labels, so the plan is cached
                plans[labelled] = {name: frozenset(ids) for name, ids in taxonomy.region_plan(labelled)}
            collected = _Study(study, kept[study], numbered[study], known, plans[labelled], tally, exhibits.get(study))
            for row in rows.to_pylist():
                each, mask, facts = collected.add(row)
                if each is None or facts.bbox is None:
                    continue
                coco[splits[study], row["view"]].add(study, each.class_id, mask, facts.bbox, facts.area_px)
                if mask_png:
                    name = f"{each.class_id:03d}_{re.sub('[^a-z0-9]+', '_', each.name.lower()).strip('_')}.png"
                    path = folder / "masks" / kept[study]["release"] / study / row["view"] / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(encode_png(mask * np.uint8(255)))
            for (view, region), union in collected.unions.items():
                if region in PICTURED_REGIONS:
                    path = folder / "images" / kept[study]["release"] / study / region_picture(view, region)
                    path.write_bytes(encode_png(union * np.uint8(255)))
            masks.add(_with_classes(rows, known))
            united.add(pa.Table.from_pylist(collected.region_rows(), schema=REGIONS))
        masks.flush()
        united.flush()
        for writer in coco.values():
            writer.close()


class _Study:
    """Checks and counts the masks of one study, and unites them to regions."""

    def __init__(
        self,
        study: str,
        facts: Mapping[str, Any],
        number: int,
        known: Mapping[int, AnatomyClass],
        regions: Mapping[str, frozenset[int]],
        tally: Tally,
        exhibit: Exhibit | None,
    ) -> None:
        self._study, self._size, self._number = study, facts["size"], number
        self._known, self._regions, self._tally, self._exhibit = known, regions, tally, exhibit
        self._members = {class_id: [name for name, ids in regions.items() if class_id in ids] for class_id in known}
        shape = (self._size, self._size)
        keys = [(view, name) for view in sorted(VIEWS) for name in sorted(regions)]
        self.unions = {key: np.zeros(shape, np.uint8) for key in keys}
        self._cut_off = dict.fromkeys(keys, False)

    def add(self, row: Mapping[str, Any]) -> tuple[AnatomyClass | None, UInt8[np.ndarray, "height width"], MaskFacts]:
        """Check and count one row of the masks' table; return its class, its mask and the mask's area and box."""
        where = f"mask shards: study '{self._study}', view {row['view']}, '{row['name']}'"
        if (row["height"], row["width"]) != (self._size, self._size):
            raise CxrError(
                f"{where}: mask of {row['height']} x {row['width']} pixels; its study has {self._size} x {self._size}"
            )
        try:
            mask = rle_decode(row["rle"], self._size, self._size)
        except CxrError as error:
            raise CxrError(f"{where}: {error}") from error
        facts = mask_facts(mask)
        for name, value in facts.as_row().items():
            if (name == "area_px" or name.startswith("bbox")) and row[name] != value:
                raise CxrError(f"{where}: {name} is {row[name]}, but its RLE gives {value}; report this")
        class_id, view = row["class_id"], row["view"]
        self._tally.add(self._number, view, class_id, facts.area_px, row["origin"] == "union", row["cut_off"])
        if class_id is None:
            return None, mask, facts
        each = self._known[class_id]
        for name in self._members[class_id]:
            if facts.area_px:
                np.bitwise_or(self.unions[view, name], mask, out=self.unions[view, name])
                self._cut_off[view, name] |= row["cut_off"]
        if self._exhibit is not None and facts.area_px:
            self._exhibit.paint(view, each.system, mask)
        return each, mask, facts

    def region_rows(self) -> list[dict[str, Any]]:
        """Return the rows of the regions' table, sorted by view and region."""
        rows = []
        for (view, name), union in self.unions.items():
            facts = mask_facts(union)
            self._tally.add_region(self._number, view, name, facts.area_px)
            rows.append(
                {
                    "study_id": self._study,
                    "view": view,
                    "region": name,
                    "classes": len(self._regions[name]),
                    "height": self._size,
                    "width": self._size,
                    "rle": rle_encode(union),
                    **facts.as_row(),
                    "cut_off": self._cut_off[view, name],
                }
            )
        return rows


def _open_coco(
    folder: Path,
    stack: ExitStack,
    kept: Mapping[str, Mapping[str, Any]],
    splits: Mapping[str, str],
    classes: Sequence[AnatomyClass],
) -> dict[tuple[str, str], CocoWriter]:
    categories = [(each.class_id, each.name, each.system) for each in classes]
    writers = {}
    for split in SPLITS:
        for view in VIEWS:
            path = folder / f"{split}_{view}.json"
            stream = stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
            description = (
                f"{view} radiographs projected from CT, {split}; file_name is relative to the product's folder"
            )
            writer = writers[split, view] = CocoWriter(stream, description, categories)
            for study, row in kept.items():
                if splits[study] == split:
                    name = f"images/{row['release']}/{study}/{view}.png"
                    writer.add_image(study, name, row["size"], row["size"], study_id=study)
    return writers


def _with_classes(rows: pa.Table, known: Mapping[int, AnatomyClass]) -> pa.Table:
    ids = rows["class_id"].to_pylist()
    for place, what in ((5, "class_name"), (6, "system")):
        attribute = "name" if what == "class_name" else what
        values = [None if each is None else getattr(known[each], attribute) for each in ids]
        rows = rows.add_column(place, pa.field(what, pa.string()), pa.array(values, pa.string()))
    return rows.cast(PRODUCT_MASKS)
