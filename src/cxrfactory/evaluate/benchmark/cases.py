"""The labelled images of a benchmark: their truth by region, their view, their pixel size, and findings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.models.labelled import LabelledImage, labelled_fields
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_VIEWS, STUDIES

NO_VIEW = "unknown"


@dataclass(frozen=True)
class BenchmarkImage:
    """One labelled image with what the benchmark tells apart.

    Attributes
    ----------
    image
        The image and its truth.
    patient_id, view
        Values of the table's columns; ``unknown`` for a table without views.
    pixel_mm
        Side of a pixel of the preprocessed image in mm; NaN where it is not known.
    """

    image: LabelledImage
    patient_id: str
    view: str
    pixel_mm: float


def read_images(path: str | Path, split: str, sizes: Mapping[str, float] | float | None = None) -> list[BenchmarkImage]:
    """Read the images of one split of a labelled table, sorted by id.

    Parameters
    ----------
    path
        Parquet of schema ``LABELLED_IMAGES`` or ``LABELLED_VIEWS``.
    split
        Value of the column ``split``.
    sizes
        Side of a pixel of the original images in mm: one number, or by image id; None where it is not known.

    Raises
    ------
    CxrError
        If the table is unreadable, or no image has this split.
    """
    table = read_table(path, LABELLED_VIEWS)
    chosen = table[table["split"] == split].sort_values("image_id")
    if chosen.empty:
        raise CxrError(f"{path}: no image has split '{split}'; found {', '.join(sorted(set(table['split'])))}")
    found = []
    for row in chosen.to_dict("records"):
        original = sizes.get(row["image_id"]) if isinstance(sizes, Mapping) else sizes
        side = float("nan") if original is None else original / Geometry.from_row(row).scale
        view = row["view"] if isinstance(row["view"], str) else NO_VIEW
        image = LabelledImage(**labelled_fields(row, str(path)))
        found.append(BenchmarkImage(image, str(row["patient_id"]), view, side))
    return found


def pixel_sizes(studies: str | Path) -> dict[str, float]:
    """Return the side of a pixel in mm of both views of every study, by the id that ``label projections`` gives.

    Parameters
    ----------
    studies
        Table ``studies.parquet`` of the projected radiographs.
    """
    table = read_table(studies, STUDIES)
    return {
        f"{row.release}-{row.study_id}-{view}": float(row.pixel_mm)
        for row in table.itertuples()
        for view in ("PA", "LL")
    }


def read_findings(path: str | Path | None) -> pd.DataFrame:
    """Read a table of findings by patient: the column ``patient_id``, and one column of 0 and 1 for each finding.

    Returns
    -------
    Table of booleans by finding, indexed by patient; empty for None.

    Raises
    ------
    CxrError
        If the file is missing or unreadable, has no column ``patient_id``, or a cell is neither 0, 1 nor empty.
    """
    if path is None:
        return pd.DataFrame()
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    if "patient_id" not in table:
        raise CxrError(f"{path}: column 'patient_id' is missing; found {', '.join(table.columns)}")
    table = table.set_index("patient_id")
    known = {"": False, "0": False, "0.0": False, "1": True, "1.0": True}
    for name in table.columns:
        odd = table[name][~table[name].isin(list(known))]
        if len(odd):
            raise CxrError(
                f"{path}: patient '{odd.index[0]}', column '{name}': found '{odd.iloc[0]}'; expected 0, 1 or nothing"
            )
    return table.apply(lambda column: column.map(known)).groupby(level=0).any()
