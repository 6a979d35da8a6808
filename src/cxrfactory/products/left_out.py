"""Read the rows that are not in a product, with their reasons, from its tables of excluded and rejected rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from cxrfactory.errors import CxrError
from cxrfactory.products.accounts import EXCLUDED, REJECTED
from cxrfactory.products.browsed import LeftOut
from cxrfactory.tables.arrow_values import word_array

PARTS = {"excluded": EXCLUDED, "rejected": REJECTED}


def read_left_out(folder: Path) -> LeftOut:
    """Read ``excluded.csv`` and ``rejected.csv`` of a product.

    Parameters
    ----------
    folder
        The product.

    Raises
    ------
    CxrError
        If a table is missing or is no such CSV.
    """
    return LeftOut({part: read_part(folder / name) for part, name in PARTS.items()})


def read_part(path: Path) -> pa.Table:
    """Read one such table: a release, an id, and a reason in the last column.

    Raises
    ------
    CxrError
        If the table is missing or is no such CSV.
    """
    if not path.is_file():
        raise CxrError(f"{path}: no such file; a finished product has it")
    try:
        parse = pa.csv.ParseOptions(newlines_in_values=True)
        names = path.read_bytes().split(b"\n", 1)[0].decode("utf-8").strip().split(",")
        convert = pa.csv.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=False)
        table = pa.csv.read_csv(path, parse_options=parse, convert_options=convert)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    if table.column_names[-1:] != ["reason"] or table.num_columns < 3:
        raise CxrError(f"{path}: columns {table.column_names}; expected a release, an id and a reason")
    stage = table["stage"] if "stage" in table.column_names else word_array([""] * len(table))
    columns = {"release": table.column(0), "image_id": table.column(1), "stage": stage, "reason": table["reason"]}
    # Few words are repeated in many rows.
    coded = {name: each if name == "image_id" else pc.dictionary_encode(each) for name, each in columns.items()}
    return pa.table(coded)
