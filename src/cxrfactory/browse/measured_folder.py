"""The folder that ``measure`` wrote, for the browser: a row for each image, its values as columns.

Radiographs and masks come from the products beside the folder that hold the same images.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Integer, UInt8

from cxrfactory.browse.measures import read_places
from cxrfactory.browse.same_images import same_images
from cxrfactory.errors import CxrError
from cxrfactory.geometry.definitions import DEFINITIONS
from cxrfactory.logs import progress
from cxrfactory.measure.grading import GRADES
from cxrfactory.measure.schemas import IMAGES_FILE, MEASUREMENTS_FILE
from cxrfactory.products.browsed import (
    Browsed,
    Column,
    Detail,
    Index,
    LeftOut,
    NumberColumn,
    Outlines,
    TextColumn,
)
from cxrfactory.products.browsed_columns import column_of, read_columns, text_column, whole_array
from cxrfactory.products.film_files import FilmFolder, read_film
from cxrfactory.products.left_out import read_part
from cxrfactory.tables.arrow_values import numbers
from cxrfactory.tables.parquet import open_parquet

_PURE = ("ratio", "degree", "count")  # units that a measurement has in every image
_GROUPS_AT_ONCE = 32  # row groups of measurements
_FACTS = {
    "view": "view",
    "measured": "measurements with a value",
    "excluded": "measurements without a value",
    "pixel_mm": "side of a pixel, mm",
    "rotated": "rotated",
    "clipped": "clipped",
    "poor_inspiration": "poor inspiration",
}
_WORST = ("ctr_rows", "ctr_columns", "scd", "kyphosis")  # largest first
NO_PICTURE = "no product beside this folder holds the image; name a folder of radiographs (--images FOLDER)"


class MeasuredFolder(Browsed):
    """Measured images, largest cardiothoracic ratio first.

    Parameters
    ----------
    folder
        Folder that ``measure`` wrote.
    beside
        Opened products that may hold the images; the first that has an image shows it.
    images
        Folder of radiographs whose names are the ids, for images of none of the products; or None.

    Raises
    ------
    CxrError
        If a table is damaged, or was written by an earlier version.
    """

    kind = "measure"

    def __init__(self, folder: Path, beside: Sequence[Browsed], images: Path | None) -> None:
        self.title, self._beside = folder.absolute().name, beside
        self._rejected = folder / "rejected.csv"
        places = read_places(folder)
        self._shape = np.stack([numbers(places[name]) for name in ("height", "width")], 1)
        ids = whole_array(places["image_id"])
        facts = read_columns(folder / IMAGES_FILE, _FACTS)
        columns = {name: column_of(name, label, facts[name]) for name, label in _FACTS.items()}
        values, grades = _values(folder / MEASUREMENTS_FILE, places)
        found: dict[str, Column] = {name: each for name, each in columns.items() if each is not None}
        self.index = Index(ids, text_column("dataset", "dataset", places["dataset"]), values | grades | found)
        self.worst = next(((name, False) for name in _WORST if name in values), ("excluded", False))
        self._films = None if images is None else FilmFolder(images, ids)
        self._keys = [same_images(self.index, each.index) for each in beside]
        self._own = [_turned(keys, len(each.index)) for keys, each in zip(self._keys, beside, strict=True)]
        used = [each for keys, each in zip(self._keys, beside, strict=True) if (keys >= 0).any()]
        self.organs = list({organ.name: organ for each in used for organ in each.organs}.values())
        self.shown = _shown(used)
        self.tree = used[0].tree if len(used) == 1 else [_branch(each) for each in used] or None

    @property
    def images_known(self) -> bool:
        """Whether a place of radiographs is known, for at least some of the rows."""
        pictured = (keys for keys, each in zip(self._keys, self._beside, strict=True) if each.images_known)
        return self._films is not None or any((keys >= 0).any() for keys in pictured)

    def left_out(self) -> LeftOut:
        """Return the images that could not be measured."""
        return LeftOut({"rejected": read_part(self._rejected)}) if self._rejected.is_file() else LeftOut({})

    def detail(self, key: int) -> Detail:
        """Return the masks of an image from the product that holds it; without one, only the image's size."""
        height, width = self._shape[key].tolist()
        at = self._product_of(key)
        if at is None:
            return Detail(height, width, {})
        number, other = at
        found, own = self._beside[number].detail(other), self._own[number]
        related = [(label, int(own[each])) for label, each in found.related if own[each] >= 0]
        pair = None if found.pair is None or own[found.pair] < 0 else int(own[found.pair])
        changed = {**vars(found), "related": related, "pair": pair, "segmented": False}
        return Detail(**changed)

    def outlines(self, key: int, organs: Collection[str] | None = None) -> Outlines:
        """Return the contours of an image from the product that holds it."""
        at = self._product_of(key)
        if at is None:
            height, width = self._shape[key].tolist()
            return Outlines(height, width, {})
        return self._beside[at[0]].outlines(at[1], organs)

    def picture(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        """Return the radiograph from the product that holds the image, or from the folder of radiographs."""
        if kind != "image":
            raise CxrError("measurements have no picture of their own")
        at = self._product_of(key)
        if at is not None:
            return self._beside[at[0]].picture(at[1], kind)
        if self._films is None:
            raise CxrError(NO_PICTURE)
        height, width = self._shape[key].tolist()
        return read_film(self._films.path_of(self.index.image_id(key)), height, width, exact=False)

    def close(self) -> None:
        """Close the products."""
        for each in self._beside:
            each.close()

    def _product_of(self, key: int) -> tuple[int, int] | None:
        """Return number and key of the first product that holds the image."""
        return next(((number, int(keys[key])) for number, keys in enumerate(self._keys) if keys[key] >= 0), None)


def _values(path: Path, places: pa.Table) -> tuple[dict[str, NumberColumn], dict[str, TextColumn]]:
    """Return a column of numbers for each measurement and unit, and one of words for each that has grades."""
    firsts = numbers(places["first_row"])
    ends = firsts + numbers(places["measured"]) + numbers(places["excluded"])
    values: dict[tuple[str, str], Float[np.ndarray, "rows"]] = {}
    grades: dict[str, Integer[np.ndarray, "rows"]] = {}
    wanted, begin = ["measurement", "unit", "value", "grade"], 0
    with open_parquet(path, ["measurement", "unit", "grade"]) as file:
        slabs = range(0, file.num_row_groups, _GROUPS_AT_ONCE)
        for first in progress(slabs, "values of the measurements") if len(slabs) > 8 else slabs:
            groups = range(first, min(first + _GROUPS_AT_ONCE, file.num_row_groups))
            table = file.read_row_groups(list(groups), columns=wanted)
            rows = np.arange(begin, begin + len(table))
            begin += len(table)
            image = np.searchsorted(firsts, rows, side="right") - 1
            own = (image >= 0) & (rows < ends[image])  # the others are of two views together
            _scatter(table, image, own, values, grades, len(places))
    titles = {name: each.title for name, each in DEFINITIONS.items()}
    order = {name: place for place, name in enumerate(DEFINITIONS)}
    found = {}
    for name, unit in sorted(values, key=lambda each: (order.get(each[0], len(order)), each)):
        column = name if unit in _PURE else f"{name}_{unit}"
        shown = unit.replace("2", "\N{SUPERSCRIPT TWO}").replace("3", "\N{SUPERSCRIPT THREE}")
        label = titles.get(name, name) + ("" if unit in ("ratio", "count") else f", {shown}")
        found[column] = NumberColumn(column, label, values[name, unit])
    words = {
        f"{name}_grade": TextColumn(f"{name}_grade", f"{titles.get(name, name)}: grade", codes, list(GRADES))
        for name, codes in sorted(grades.items(), key=lambda each: order.get(each[0], len(order)))
    }
    return found, words


def _scatter(
    table: pa.Table,
    image: Integer[np.ndarray, "n"],
    own: np.ndarray,
    values: dict[tuple[str, str], np.ndarray],
    grades: dict[str, np.ndarray],
    count: int,
) -> None:
    """Put the values and grades of some rows of measurements into the columns of the images."""
    coded = {name: whole_array(table[name]) for name in ("measurement", "unit", "grade")}
    words = {name: each.dictionary.to_pylist() for name, each in coded.items()}
    codes = {name: numbers(each.indices, -1).astype(np.int32) for name, each in coded.items()}
    numbers_of = numbers(table["value"], np.nan)
    own = own & np.isfinite(numbers_of)
    both = codes["measurement"] * len(words["unit"]) + codes["unit"]
    places = {word: place for place, word in enumerate(GRADES)}
    grade_of = np.array([*(places.get(word, -1) for word in words["grade"]), -1], np.int8)[codes["grade"]]
    for pair in np.unique(both[own]).tolist():
        name, unit = words["measurement"][pair // len(words["unit"])], words["unit"][pair % len(words["unit"])]
        mine = np.flatnonzero(own & (both == pair))
        if (name, unit) not in values:
            values[name, unit] = np.full(count, np.nan, np.float32)
        values[name, unit][image[mine]] = numbers_of[mine]
        if (grade_of[mine] >= 0).any():
            if name not in grades:
                grades[name] = np.full(count, -1, np.int8)
            grades[name][image[mine]] = grade_of[mine]


def _turned(keys: Integer[np.ndarray, "rows"], count: int) -> Integer[np.ndarray, "others"]:
    """Return the own key of each row of the other index, -1 for none."""
    found = np.full(count, -1, np.int32)
    here = np.flatnonzero(keys >= 0)
    found[keys[here]] = here
    return found


def _shown(products: Sequence[Browsed]) -> list[str] | None:
    """Return the organs that a reader sees first; None for all."""
    if all(each.shown is None for each in products):
        return None
    return [name for each in products for name in (each.shown or [organ.name for organ in each.organs])]


def _branch(product: Browsed) -> dict[str, Any]:
    """Return the organs of a product as one branch of the tree."""
    leaves = [{"name": organ.name, "label": organ.label, "children": []} for organ in product.organs]
    return {"name": product.title, "label": product.title, "children": product.tree or leaves}
