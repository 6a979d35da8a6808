"""Open the masks of ``segment --anatomy`` for the browser: one row for each film, least confident first."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from cxrfactory.anatomy.structure_groups import PANELS
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.mask_outlines import mask_outlines
from cxrfactory.products.anatomy.reading import MaskGroups, Opened, belongs
from cxrfactory.products.browsed import Browsed, Detail, Index, LeftOut, Organ, Outlines
from cxrfactory.products.browsed_columns import column_of, read_columns
from cxrfactory.products.browsed_organs import leaf, organ_colour
from cxrfactory.products.left_out import read_left_out
from cxrfactory.tables.anatomy_masks import FILMS_FILE, MASKS_FILE

_LABELS = {
    "view": "view",
    "view_from": "where the view comes from",
    "stated_view": "view that the file states",
    "confidence": "mean expected Dice",
    "structures": "structures found",
    "trusted": "structures that may be trusted",
    "notes": "faults of the file",
}
_FIRST = ("left lung", "right lung", "heart", "left clavicle", "right clavicle", "trachea", "vertebrae", "rib")
__all__ = ["Browsing", "belongs"]


class Browsing(Browsed):
    """Films with masks of anatomical structures.

    Parameters
    ----------
    product
        The product.
    folders
        Not used, because the folder holds its pictures.
    """

    kind = Opened.kind

    def __init__(self, product: Opened, folders: Mapping[str, Path]) -> None:
        self._folder = product.folder
        self.title = product.folder.absolute().name
        films = read_columns(product.folder / FILMS_FILE)
        self._films = films.select(["picture", "height", "width", "group"]).to_pylist()
        self._masks = MaskGroups(product.folder / MASKS_FILE)
        made = {name: column_of(name, label, films[name], name != "notes") for name, label in _LABELS.items()}
        columns = {name: column for name, column in made.items() if column is not None}
        release = column_of("dataset", "dataset", pa.chunked_array([pa.array(["films"] * len(films), pa.string())]))
        self.index = Index(films["image_id"].combine_chunks(), release, columns)  # type: ignore[arg-type]
        self.worst = ("confidence" if "confidence" in columns else "structures", True)
        first = next((each["group"] for each in self._films if each["group"] >= 0), -1)
        rows = self._masks.rows(first, ["name", "panel"]).to_pylist()
        panels = [(row["name"], row["panel"]) for row in rows]
        self.organs = [Organ(name, name, organ_colour(at), panel) for at, (name, panel) in enumerate(panels)]
        self.tree = [
            {"name": panel, "label": panel, "children": [leaf(name, name) for name, where in panels if where == panel]}
            for panel in PANELS
            if any(where == panel for _, where in panels)
        ]
        names = {organ.name for organ in self.organs}
        self.shown = [name for name in _FIRST if name in names] or [organ.name for organ in self.organs[:8]]

    def left_out(self) -> LeftOut:
        """Return the rejected files."""
        return read_left_out(self._folder)

    def detail(self, key: int) -> Detail:
        """Return the masks of one film, and the structures that are not to be trusted."""
        film = self._films[key]
        cells = ["name", "rle", "confidence", "trusted", "validated"]
        rows = [row for row in self._masks.rows(film["group"], cells).to_pylist() if row["rle"]]
        doubted = [f"{row['name']} ({row['confidence']:.2f})" for row in rows if not row["trusted"]]
        marked = [row["name"] for row in rows if row["validated"] is None]
        text = [("Not to be trusted (expected Dice)", ", ".join(doubted))] if doubted else []
        text += [("Not validated on real films", ", ".join(marked))] if marked else []
        return Detail(film["height"], film["width"], {row["name"]: row["rle"] for row in rows}, text=text)

    def outlines(self, key: int, organs: Collection[str] | None = None) -> Outlines:
        """Return the outlines of some masks; by default of a few structures, because all would hide the film."""
        from cxrfactory.tables.rle import rle_decode  # late, because it compiles

        film, wanted = self._films[key], self.shown if organs is None else organs
        height, width = film["height"], film["width"]
        found = {
            row["name"]: mask_outlines(rle_decode(row["rle"], height, width))
            for row in self._masks.rows(film["group"], ["name", "rle"]).to_pylist()
            if row["rle"] and row["name"] in wanted
        }
        return Outlines(height, width, found)

    def picture(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        """Return the film in 8 bits."""
        if kind != "image":
            raise CxrError("this product has one picture of each film")
        path = self._folder / self._films[key]["picture"]
        if not path.is_file():
            raise CxrError("the folder lacks this picture; it is not whole")
        return decode_png(path.read_bytes())

    def close(self) -> None:
        """Close the table of masks."""
        self._masks.close()
