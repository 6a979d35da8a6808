"""Read the rows that are not in a product, with their reasons, from its tables of excluded and rejected rows."""

import csv
from collections.abc import Mapping
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.products.accounts import EXCLUDED, REJECTED
from cxrfactory.products.browsed import LeftOut

PARTS = {"excluded": EXCLUDED, "rejected": REJECTED}


def read_left_out(folder: Path, datasets: Mapping[str, str]) -> LeftOut:
    """Read ``excluded.csv`` and ``rejected.csv`` of a product.

    Parameters
    ----------
    folder
        The product.
    datasets
        Name of each dataset in the tables to the name that the index shows.

    Raises
    ------
    CxrError
        If a table is missing or is no such CSV.
    """
    rows = []
    for part, name in PARTS.items():
        path = folder / name
        if not path.is_file():
            raise CxrError(f"{path}: no such file; a finished product has it")
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            if header[-1:] != ["reason"] or len(header) < 3:
                raise CxrError(f"{path}: columns {header}; expected a release, an id and a reason")
            for cells in reader:
                if len(cells) != len(header):
                    raise CxrError(f"{path}: row {reader.line_num} has {len(cells)} cells; expected {len(header)}")
                rows.append(
                    {
                        "release": datasets.get(cells[0], cells[0]),
                        "part": part,
                        "image_id": cells[1],
                        "stage": cells[2] if len(header) > 3 else "",
                        "reason": cells[-1],
                    }
                )
    return LeftOut(rows)
