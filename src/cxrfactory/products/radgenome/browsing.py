"""Open the product for the browser: one row for each view of each study, with the masks of its structures."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from cxrfactory.anatomy.taxonomy import SYSTEMS, classes
from cxrfactory.anatomy.taxonomy_tables import AnatomyClass
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.mask_outlines import mask_outlines
from cxrfactory.products.browsed import Browsed, Detail, Index, LeftOut, NumberColumn, Organ, Outlines, TextColumn
from cxrfactory.products.browsed_columns import column_of, csv_line, read_columns, text_column
from cxrfactory.products.browsed_organs import leaf, organ_colour
from cxrfactory.products.left_out import read_left_out
from cxrfactory.products.radgenome.reading import Opened, belongs
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.tables.one_row import RowReader

REGION = "region: "
SHOWN = ("lung", "heart", "bone")  # regions that a reader sees first
_LABELS = {
    "view": "view",
    "release": "release",
    "split": "split",
    "patient_id": "patient",
    "study_id": "study",
    "structures": "structures in the scan",
    "pixel_mm": "side of a pixel, mm",
    "notes": "changes to the scan",
}

__all__ = ["Browsing", "belongs"]


class Browsing(Browsed):
    """Radiographs projected from CT: two rows for each study, PA and LL.

    Parameters
    ----------
    product
        The product.
    folders
        Not used, because the product holds its pictures.
    """

    kind = Opened.kind
    section = "scans"
    counted = "studies"

    def __init__(self, product: Opened, folders: Mapping[str, Path]) -> None:
        self._folder = product.folder
        self.title = product.folder.absolute().name
        studies = read_columns(product.folder / "studies.parquet").sort_by("study_id")
        self._studies = studies["study_id"].to_pylist()
        self._sizes = studies["size"].to_pylist()
        self._releases = studies["release"].to_pylist()
        self._masks = _ByStudy(product.folder / "masks.parquet")
        self._regions = _ByStudy(product.folder / "regions.parquet")
        rows = pa.array(np.repeat(np.arange(len(self._studies)), len(VIEWS)))
        ids = pa.array([f"{study}/{view}" for study in self._studies for view in VIEWS], pa.string())
        columns: dict[str, Any] = {"view": text_column("view", "view", pa.array(list(VIEWS) * len(self._studies)))}
        for name in ("release", "split", "structures", "pixel_mm", "notes", "patient_id", "study_id"):
            values = studies[name].take(rows)
            facet = name not in ("patient_id", "study_id", "notes")
            made = column_of(name, _LABELS[name], values, facet)
            if isinstance(made, NumberColumn | TextColumn):
                columns[name] = made
        release = text_column("dataset", "dataset", studies["release"].take(rows))
        self.index = Index(ids, release, columns)
        self.worst = ("structures", True)
        self.organs, self.tree = _organs(self._names(0) if self._studies else [])
        names = {organ.name for organ in self.organs}
        self.shown = [f"{REGION}{name}" for name in SHOWN if f"{REGION}{name}" in names]

    def left_out(self) -> LeftOut:
        """Return the excluded and rejected studies."""
        return read_left_out(self._folder)

    def kept(self) -> dict[str, int]:
        """Return the number of studies of each release; like the rows left out, these are studies and not images."""
        return {release: self._releases.count(release) for release in sorted(set(self._releases))}

    def detail(self, key: int) -> Detail:
        """Return the masks of all structures and regions of one view."""
        study, view = self._place(key)
        masks = {name: rle for name, rle in self._rles(study, view).items() if rle}
        size = int(self._sizes[study])
        notes = self.index.columns.get("notes")
        related = [(VIEWS[other], len(VIEWS) * study + other) for other in range(len(VIEWS)) if VIEWS[other] != view]
        return Detail(
            size,
            size,
            masks,
            text=[("Changes to the scan", str(notes.cell(key)))] if notes is not None and notes.cell(key) else [],
            related=related + self._same_patient(key, study),
            pair=related[0][1] if related else None,
        )

    def outlines(self, key: int, organs: Collection[str] | None = None) -> Outlines:
        """Return the outlines of some masks; by default of a few regions, because 210 would hide a small picture."""
        from cxrfactory.tables.rle import rle_decode  # late, because it compiles

        study, view = self._place(key)
        size = int(self._sizes[study])
        wanted = self.shown if organs is None else organs
        only_regions = all(name.startswith(REGION) for name in wanted)
        masks = self._region_rles(study, view) if only_regions else self._rles(study, view)
        found = {
            name: mask_outlines(rle_decode(rle, size, size)) for name, rle in masks.items() if rle and name in wanted
        }
        return Outlines(size, size, found)

    def picture(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        """Return the 8-bit picture of the product."""
        if kind != "image":
            raise CxrError("this product has one picture of each view")
        study, view = self._place(key)
        path = self._folder / "images" / self._releases[study] / self._studies[study] / f"{view}.png"
        if not path.is_file():
            raise CxrError("the product lacks this picture; it is not whole")
        return decode_png(path.read_bytes())

    def csv_rows(self, keys: Sequence[int]) -> Iterator[bytes]:
        """Return the rows of the table of masks, after the release: one for each structure of each view."""
        columns = self._masks.reader.names
        yield csv_line(["release", *columns])
        for key in keys:
            study, view = self._place(key)
            for row in self._masks.rows(self._studies[study], view, columns):
                yield csv_line([self._releases[study], *(row[name] for name in columns)])

    def close(self) -> None:
        """Close the tables."""
        self._masks.reader.close()
        self._regions.reader.close()

    def _place(self, key: int) -> tuple[int, str]:
        return key // len(VIEWS), VIEWS[key % len(VIEWS)]

    def _rles(self, study: int, view: str) -> dict[str, str]:
        found = self._masks.rows(self._studies[study], view, ["name", "class_name", "rle"])
        masks = {row["class_name"] or row["name"]: row["rle"] for row in found}
        return masks | self._region_rles(study, view)

    def _region_rles(self, study: int, view: str) -> dict[str, str]:
        found = self._regions.rows(self._studies[study], view, ["region", "rle"])
        return {f"{REGION}{row['region']}": row["rle"] for row in found}

    def _names(self, study: int) -> list[str]:
        """Return the names of the masks of one study; all studies of a source share them."""
        return sorted({name for view in VIEWS for name in self._rles(study, view)})

    def _same_patient(self, key: int, study: int) -> list[tuple[str, int]]:
        patients = self.index.columns["patient_id"].codes
        others = np.flatnonzero(patients == patients[key]).tolist()
        return [(self.index.image_id(other), other) for other in others if other // len(VIEWS) != study][:20]


class _ByStudy:
    """A table sorted by study, of which the rows of one study are read."""

    def __init__(self, path: Path) -> None:
        self.reader = RowReader(path)
        self._first = self.reader.first_of_groups("study_id")

    def rows(self, study: str, view: str, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Return some columns of the rows of a view, in their order."""
        found: list[dict[str, Any]] = []
        last = int(np.searchsorted(np.array(self._first, object), study, side="right")) - 1
        while last >= 0:
            table = self.reader.group(last, list({"study_id": 0, "view": 0} | dict.fromkeys(columns)))
            ids, views = table["study_id"].to_numpy(), table["view"].to_numpy()
            mine = np.flatnonzero((ids == study) & (views == view))
            found = table.take(pa.array(mine)).to_pylist() + found
            # The rows of a study may begin in the group before.
            if not len(ids) or ids[0] != study:
                break
            last -= 1
        return found


def _organs(names: list[str]) -> tuple[list[Organ], list[dict[str, Any]]]:
    """Return the masks that rows have, with their colours, and the tree of all classes, of regions and of others."""
    known = {each.name: each for each in classes()}
    regions = [name for name in names if name.startswith(REGION)]
    others = [name for name in names if name not in known and name not in regions]
    ordered = [*regions, *known, *others]
    organs = []
    for place, name in enumerate(ordered):
        parent = known[name].system if name in known else "Regions" if name in regions else "Other labels"
        organs.append(Organ(name, name.removeprefix(REGION), organ_colour(place), parent))
    tree = [{"name": "Regions", "label": "Regions", "children": [_leaf(name) for name in regions]}] if regions else []
    tree += [_branch(system, [each for each in classes() if each.system == system], 1) for system in SYSTEMS]
    if others:
        tree.append({"name": "Other labels", "label": "Other labels", "children": [_leaf(name) for name in others]})
    return organs, tree


def _branch(name: str, members: Sequence[AnatomyClass], depth: int) -> dict[str, Any]:
    """Return a branch of the tree with all classes below it.

    A class whose name is that of a branch, such as a whole liver beside its lobes, is the first leaf of that branch.
    """
    groups: dict[str, list[AnatomyClass]] = {}
    for each in members:
        groups.setdefault(each.path[depth] if depth < len(each.path) else each.name, []).append(each)
    children = []
    for group, inside in groups.items():
        alone = len(inside) == 1 and len(inside[0].path) <= depth + 1
        if depth >= len(inside[0].path) or alone:
            children.append(_leaf(inside[0].name))
        else:
            children.append(_branch(group, inside, depth + 1))
    children.sort(key=lambda child: child["name"] != name)  # the whole before its parts
    return {"name": name, "label": name, "children": children}


def _leaf(name: str) -> dict[str, Any]:
    return leaf(name, name.removeprefix(REGION))
