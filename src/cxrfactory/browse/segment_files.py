"""The files that ``segment`` writes beside its table: rejected images, quality, and deviations of the landmarks."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from jaxtyping import Float

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.products.browsed import Column, LeftOut, ListColumn
from cxrfactory.products.browsed_columns import column_of, split_column
from cxrfactory.tables.arrow_values import word_array
from cxrfactory.tables.beside import DEVIATIONS, QUALITY, REJECTED, beside, table_name
from cxrfactory.tables.csv_rows import row_starts
from cxrfactory.tables.published_lines import PublishedLines

log = get_logger(__name__)

ESTIMATE = "dice_estimate"
_LISTS = {"flags": "flag", "flag_reasons": "reason of the flag"}
_WHOSE = {"": "", "lungs_": ", lungs", "heart_": ", heart"}
_LABELS = {"typicality": "typicality", "latent_norm": "latent norm"} | {
    f"{organ}dice_{end}": f"Dice, {words}{whose}"
    for organ, whose in _WHOSE.items()
    for end, words in {"estimate": "estimate", "low": "low end", "high": "high end"}.items()
}


def read_left_out(table: Path) -> LeftOut:
    """Read the rejected images of a table, and their reasons; there are none without that file.

    Raises
    ------
    CxrError
        If the file is no such table.
    """
    path = beside(table, REJECTED)
    if not path.is_file():
        return LeftOut({})
    found = _read(path, ("image_id", "reason"))
    same = {"release": [table_name(table)] * len(found), "stage": ["segment"] * len(found)}
    words = {name: word_array(cells) for name, cells in same.items()}
    return LeftOut({"rejected": pa.table(words | {name: found[name] for name in ("image_id", "reason")})})


def quality_columns(table: Path, ids: pa.Array) -> dict[str, Column]:
    """Return estimates, flags and their reasons for the images of a table; there are none without that file.

    Raises
    ------
    CxrError
        If the file is no such table, or names an image twice.
    """
    path = beside(table, QUALITY)
    if not path.is_file():
        return {}
    found = _read(path, ("image_id", "flags"))
    if len(pc.unique(found["image_id"])) != len(found):
        raise CxrError(f"{path}: an image stands in two rows; expected one row for each image of {table.name}")
    places = pc.index_in(ids, value_set=found["image_id"].combine_chunks())
    if places.null_count:
        log.warning("%s: lacks %d of the %d images of %s; they have no flags", path, places.null_count, len(ids),
                    table.name)  # fmt: skip
    columns: dict[str, Column] = {}
    for name in found.column_names:
        cells = found[name].combine_chunks().take(places)
        if name in _LISTS:
            listed = split_column(name, _LISTS[name], cells, ";")
            columns |= {name: listed} if listed.words else {}
        elif name in _LABELS:
            values = pc.cast(pc.if_else(pc.equal(cells, ""), None, cells), pa.float64())
            made = column_of(name, _LABELS[name], pa.chunked_array([values]))
            columns |= {} if made is None else {name: made}
    return columns


def reasons_of(columns: dict[str, Column], key: int) -> list[str]:
    """Return the reasons of the flags of one row, or its flags where the file gives no reasons."""
    for name in reversed(_LISTS):
        column = columns.get(name)
        if isinstance(column, ListColumn) and (words := list(column.cell(key) or [])):
            return words
    return []


class Deviations:
    """The standard deviations of the landmarks of a table's rows, which stand in the same order.

    Parameters
    ----------
    table
        The table of ``segment``.
    rows
        Number of its rows.

    Raises
    ------
    CxrError
        If the file has another number of rows.
    """

    def __init__(self, table: Path, rows: int) -> None:
        path = beside(table, DEVIATIONS)
        self._lines = PublishedLines(path, row_starts(path)) if path.is_file() else None
        if self._lines is not None and len(self._lines) != rows:
            raise CxrError(
                f"{path}: {len(self._lines)} rows; expected {rows} as in {table.name}, or no such file: move it away"
            )

    def of(self, key: int, image_id: str) -> Float[np.ndarray, "nodes 2"] | None:
        """Return the deviations of one row, or None if there is no such file.

        Raises
        ------
        CxrError
            If the row is of another image.
        """
        return None if self._lines is None else self._lines.published(key, image_id).spread

    def close(self) -> None:
        """Close the file."""
        if self._lines is not None:
            self._lines.close()


def _read(path: Path, expected: tuple[str, ...]) -> pa.Table:
    """Read a table as texts."""
    try:
        parse = pa.csv.ParseOptions(newlines_in_values=True)
        with pa.csv.open_csv(path, parse_options=parse) as probe:
            names = probe.schema.names
        convert = pa.csv.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=False)
        table = pa.csv.read_csv(path, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    missing = [name for name in expected if name not in names]
    if missing:
        raise CxrError(f"{path}: columns {missing} are missing; found {names}; expected the file that segment wrote")
    return table
