"""Reading of named columns of any CSV or Parquet table, as text, with errors that name file, column and row."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.tables.joins import plain_ids
from cxrfactory.tables.parquet import read_table, stored_schema

DATASET = "dataset"  # a key's column for which the name of the file may stand
_PARQUET = (".parquet", ".pq")
_EXACT = 2**53  # whole numbers below it are exact as float64


def read_columns(path: str | Path, wanted: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    """Read named columns of a table as text; the index counts the rows from 1.

    Parameters
    ----------
    path
        Table; a name that ends with ``.parquet`` or ``.pq`` is read as Parquet, any other as CSV.
    wanted
        Columns that the table must have. Of these, ``dataset`` may be absent: the name of the file without its ending
        stands for it.
    optional
        Columns that are read where they exist.

    Returns
    -------
    Text of every cell without blanks at its ends, in the given order of the columns; an empty text for an empty cell.

    Raises
    ------
    CxrError
        If the file is unreadable, a wanted column is missing or occurs twice, or a column holds no plain values.
    """
    path = Path(path)
    names = column_names(path)
    columns = list(dict.fromkeys([*wanted, *(name for name in optional if name in names)]))
    for name in columns:
        if names.count(name) > 1:
            raise CxrError(f"{path}: column '{name}' occurs {names.count(name)} times; expected it once")
        if name not in names and name != DATASET:
            hint = "; expected commas between the columns" if _undivided(names) else ""
            raise CxrError(
                f"{path}: column '{name}' is missing; found {' '.join(', '.join(names).split()) or 'no columns'}{hint}"
            )
    stored = [name for name in columns if name in names]
    frame = _parquet(path, stored) if path.suffix.lower() in _PARQUET else _csv(path, stored)
    if DATASET in columns and DATASET not in names:
        frame[DATASET] = path.stem
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame[columns]


def _undivided(names: Sequence[str]) -> bool:
    return len(names) == 1 and any(sign in names[0] for sign in ";\t|")


def column_names(path: str | Path) -> list[str]:
    """Return the names of a table's columns, CSV or Parquet."""
    path = Path(path)
    return list(stored_schema(path).names) if path.suffix.lower() in _PARQUET else _header(path)


def numbers(path: str | Path, cells: pd.Series) -> pd.Series:
    """Return a column's text as float64, NaN for an empty cell.

    Raises
    ------
    CxrError
        If a cell is no number; the message names file, row and column.
    """
    found = pd.to_numeric(cells.where(cells != "", None), errors="coerce").astype(np.float64)
    wrong = (found.isna() & ~cells.str.lower().isin(["", "nan"])) | np.isinf(found)
    if wrong.any():
        row = wrong.idxmax()
        raise CxrError(f"{path}: row {row}, column '{cells.name}': found '{cells[row]:.40}'; expected a finite number")
    return found


def keys_of(path: str | Path, frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Return one text for the key of every row, without what tools add to ids (:func:`plain_ids`).

    Raises
    ------
    CxrError
        If a cell of the key is empty; the message names file, row and column.
    """
    parts = []
    for name in columns:
        if (empty := frame[name] == "").any():
            raise CxrError(f"{path}: row {empty.idxmax()}, column '{name}': the key is empty; expected an id")
        parts.append(plain_ids(frame[name]))
    key = parts[0]
    for part in parts[1:]:
        key = key + "/" + part
    return key.rename("key")


def patient_codes(patients: pd.Series, keys: pd.Series) -> np.ndarray:
    """Return an index for every row's patient, from 0 without gaps; a row without a patient is a patient of its key."""
    named = ("patient " + patients).where(patients != "", "key " + keys)
    return np.unique(named.to_numpy(dtype=str), return_inverse=True)[1].reshape(-1)


def _header(path: Path) -> list[str]:
    frame = _read_csv(path, header=None, nrows=1)
    return [str(name).strip() for name in frame.iloc[0]] if len(frame) else []


def _csv(path: Path, columns: list[str]) -> pd.DataFrame:
    frame = _read_csv(path, header=0, skipinitialspace=True)
    frame.columns = [str(name).strip() for name in frame.columns]
    return frame[columns].apply(lambda cells: cells.str.strip())


def _read_csv(path: Path, **options: object) -> pd.DataFrame:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a table (.csv or .parquet)")
    try:
        # "NA" and "None" are words of a reader here; only an empty cell is empty. A cell too much is an error.
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig", **options
            )
        return frame.fillna("")  # a row may lack its last cells
    except UnicodeDecodeError as error:
        raise CxrError(f"{path}: not readable as CSV: it is not UTF-8 text; save it as UTF-8") from error
    except pd.errors.EmptyDataError as error:
        raise CxrError(f"{path}: the file is empty; expected a table with a header") from error
    except (
        OSError,
        ValueError,
        pd.errors.ParserWarning,
    ) as error:  # errors of the parser and of the encoding are ValueErrors
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error


def _parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    # An empty list would read all columns.
    table = read_table(path, columns=columns) if columns else pd.DataFrame()
    return pd.DataFrame({name: _texts(path, table[name]) for name in columns})


def _texts(path: Path, cells: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(cells):
        return cells.map(_number_text)
    if cells.map(lambda cell: isinstance(cell, list | dict | np.ndarray | bytes)).any():
        raise CxrError(f"{path}: column '{cells.name}' holds no plain values; expected text or numbers")
    return cells.astype(object).where(cells.notna(), "").map(str).str.strip()


def _number_text(value: float) -> str:
    """Return a number as text, whole ones without decimals: ids become floats where a column has empty cells."""
    if np.isnan(value):
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) < _EXACT else repr(float(value))
