"""Compare found root systems with true ones, and write tables and a figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.root_graphs import TOLERANCE_PX
from cxrfactory.roots.evaluate.figures import draw_lengths
from cxrfactory.roots.evaluate.scores import emergence_rows, plant_time_rows, plate_row
from cxrfactory.roots.evaluate.summary import summary_table
from cxrfactory.roots.evaluate.tables import read_pairs
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.folders import replaced_folder

log = get_logger(__name__)

_EMERGENCE = ["plate", "group", "plant", "root", "found_root", "true_frame", "found_frame", "error_frames",
              "length_error_px"]  # fmt: skip


def evaluate_roots(
    found: Mapping[str, Sequence[str | Path]],
    truths: Sequence[str | Path],
    output: str | Path,
    differ: bool = True,
    tolerance_px: float = TOLERANCE_PX,
) -> None:
    """Compare the roots that were found on virtual plates with the true ones.

    Parameters
    ----------
    found
        Paths of the tables by name: ``nodes``, ``edges``, ``traits``, ``laterals`` and ``masks``, and, if they are
        there, ``frames`` and ``plants``. With ``frames``, pictures are brought together by the names of their files,
        else by their times.
    truths
        Folders of the cohort's truth; plates whose names begin with ``train-`` are left out.
    output
        Folder to write; an existing one is replaced: ``summary.csv`` (measures, with what is asked of them),
        ``plates.csv``, ``plant_times.csv`` (true plants and times), ``emergence.csv`` (true laterals) and
        ``lengths.png`` (found against true).
    differ
        Whether the two groups were made to differ.
    tolerance_px
        Laterals match if 70 % of each one's length lies within this distance of the other, in pixels.

    Raises
    ------
    CxrError
        If a table is missing or unreadable, or no plate of the truth was found.
    """
    pairs, extra = read_pairs(found, truths)
    times, emergence, plates = [], [], []
    for plate in progress(pairs, "compare plates", len(pairs)):
        times += plant_time_rows(plate, tolerance_px)
        emergence += emergence_rows(plate, tolerance_px)
        plates.append(plate_row(plate))
        extra += len(set(plate.plants) - plate.rooted())
    of_times, of_plates = pd.DataFrame(times), pd.DataFrame(plates)
    of_laterals = pd.DataFrame(emergence, columns=_EMERGENCE)
    of_laterals["error_frames"] = of_laterals["error_frames"].astype(float)
    summary = summary_table(of_times, of_laterals, of_plates, extra, differ)
    with replaced_folder(output) as folder:
        write_rows(folder / "summary.csv", summary)
        write_rows(folder / "plates.csv", of_plates)
        write_rows(folder / "plant_times.csv", of_times)
        write_rows(folder / "emergence.csv", of_laterals)
        draw_lengths(of_times, folder / "lengths.png")
    for row in summary[summary["asked"] != ""].itertuples():
        log.info("%s: %.4g %s (asked %s)", row.measure, row.value, row.unit, row.asked)


def write_rows(path: Path, rows: pd.DataFrame) -> None:
    """Write a table as CSV; whole numbers with empty cells among them stay whole."""
    whole = {
        name: "Int64"
        for name in rows.columns
        if name.endswith(("_frame", "_laterals", "number")) and rows[name].isna().any()
        and not np.mod(pd.to_numeric(rows[name]).dropna(), 1).any()
    }  # fmt: skip
    text = rows.astype(whole).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    write_text(path, text)
