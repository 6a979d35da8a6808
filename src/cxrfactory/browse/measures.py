"""The measurements of a product's images, from the folder that ``measure`` wrote: those of one image at a time."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Integer

from cxrfactory.browse.mapped import Mapped
from cxrfactory.browse.same_images import same_images
from cxrfactory.errors import CxrError
from cxrfactory.geometry.definitions import DEFINITIONS
from cxrfactory.measure.schemas import IMAGES_FILE, MEASUREMENTS_FILE
from cxrfactory.products.browsed import Index
from cxrfactory.products.browsed_columns import read_columns, text_column, whole_array
from cxrfactory.tables.arrow_values import numbers
from cxrfactory.tables.one_row import RowReader
from cxrfactory.tables.parquet import stored_schema

LATER_S = 1.0
BESIDE = "measure"  # folder beside a product, in which its measurements are looked for
_PLACES = ("first_row", "measured", "excluded", "height", "width")
_CELLS = ["measurement", "value", "unit", "low", "high", "grade", "near_cut", "excluded", "note", "points"]
_Places = Integer[np.ndarray, "rows"]
_Numbers = dict[str, Integer[np.ndarray, "rows"]]
_SAME_SHAPE = 0.01  # largest difference of the proportions of two frames, as a share


def holds_measurements(folder: Path) -> bool:
    """Return whether a folder is one that ``measure`` wrote."""
    return (folder / MEASUREMENTS_FILE).is_file() and (folder / IMAGES_FILE).is_file()


def described() -> dict[str, dict[str, str]]:
    """Return title and sentence of every measurement by name, as the page shows them."""
    return {name: {"title": each.title, "sentence": each.sentence} for name, each in DEFINITIONS.items()}


class Measures:
    """Measurements of the rows of a product, found by dataset and image id.

    Memory holds five numbers for each row; the measurements of a row are read with the 128 images of its row group.
    The places are found by a thread, :data:`LATER_S` after the start or when the first row is asked for, so that the
    page need not wait for them.

    Parameters
    ----------
    folder
        Folder that ``measure`` wrote.
    index
        Rows of the product.
    mapped
        Where large arrays lie.
    """

    def __init__(self, folder: Path, index: Index, mapped: Mapped) -> None:
        self._folder, self._index, self._mapped = folder, index, mapped
        self._reader = RowReader(folder / MEASUREMENTS_FILE, ["image_id", *_CELLS])
        self._wanted = threading.Event()
        self._places: Future[tuple[_Places, _Numbers, int]] = Future()
        threading.Thread(target=self._find, daemon=True).start()

    def found(self) -> int:
        """Return the number of rows that have measurements.

        Raises
        ------
        CxrError
            If a table is damaged, or was written by an earlier version.
        """
        return self._found()[2]

    def _found(self) -> tuple[_Places, _Numbers, int]:
        self._wanted.set()
        return self._places.result()

    def _find(self) -> None:
        self._wanted.wait(LATER_S)
        try:
            self._places.set_result(self._matched())
            self._reader.open()
        except CxrError as error:
            if not self._places.done():  # else the row that needs the file says what is wrong with it
                self._places.set_exception(error)

    def _matched(self) -> tuple[_Places, _Numbers, int]:
        table = read_places(self._folder)
        images = Index(whole_array(table["image_id"]), text_column("dataset", "dataset", table["dataset"]), {})
        places = same_images(self._index, images)
        stored = {name: numbers(table[name]) for name in _PLACES}
        kept = {name: self._mapped.array(each[np.maximum(places, 0)]) for name, each in stored.items() if len(each)}
        return self._mapped.array(places), kept, int((places >= 0).sum())

    def of(self, key: int, height: int, width: int) -> list[dict[str, Any]] | None:
        """Return the measurements of a row, in the order of the table; None if the image was not measured.

        Parameters
        ----------
        key
            Key of the row.
        height, width
            Frame in which the page draws the row, pixels. Points are moved into it.

        Returns
        -------
        Dictionaries of the columns of ``measurements.parquet``, with ``points`` as lists of (x, y) with pixel centres
        on whole numbers. ``points`` is empty where the frame has other proportions than that of the measurements.

        Raises
        ------
        CxrError
            If the tables are damaged, of an earlier version, or not of one run.
        """
        places, stored, _ = self._found()
        if places[key] < 0:
            return None
        place = {name: int(values[key]) for name, values in stored.items()}
        rows = self._reader.rows(place["first_row"], place["measured"] + place["excluded"], ["image_id", *_CELLS])
        image_id, found = self._index.image_id(key), rows.to_pylist()
        if any(row.pop("image_id") != image_id for row in found):
            raise CxrError(f"{self._folder.name}: its tables are of different runs; measure the product again")
        for row in found:
            row["points"] = _moved(row["points"], (place["height"], place["width"]), (height, width))
        return found

    def close(self) -> None:
        """Close the table."""
        self._reader.close()


def read_places(folder: Path) -> pa.Table:
    """Return dataset, id and place of the measurements of all measured images.

    Raises
    ------
    CxrError
        If the table is damaged, or was written by an earlier version.
    """
    path, wanted = folder / IMAGES_FILE, ["dataset", "image_id", *_PLACES]
    if missing := [name for name in wanted if name not in stored_schema(path).names]:
        raise CxrError(
            f"{path}: no column '{missing[0]}'; expected the folder that this version of 'python -m cxrfactory "
            "measure' writes; measure the product again"
        )
    return read_columns(path, wanted)


def _moved(
    points: list[Mapping[str, float]], measured: tuple[int, int], shown: tuple[int, int]
) -> list[tuple[float, float]]:
    """Return points in the frame that is shown; none if the frames have different proportions."""
    down, across = (one / other for one, other in zip(shown, measured, strict=True))
    if abs(down - across) > _SAME_SHAPE * across:
        return []
    pairs = [(point["x"], point["y"]) for point in points]
    if measured == shown:
        return pairs
    return [(round((x + 0.5) * across - 0.5, 3), round((y + 0.5) * down - 0.5, 3)) for x, y in pairs]
