"""Compare found roots with roots that people drew on pictures (RSML files)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.geometry.roots.polyline import length_of
from cxrfactory.geometry.roots.system import order_of, paths_of
from cxrfactory.logs import get_logger
from cxrfactory.metrics.root_graphs import RootMatches, f1_of, match_roots
from cxrfactory.roots.evaluate.compare import write_rows
from cxrfactory.roots.evaluate.summary import COLUMNS, measure
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.roots import ROOT_EDGES
from cxrfactory.tables.rsml.model import walk
from cxrfactory.tables.rsml.read import read_rsml

log = get_logger(__name__)

TOLERANCE_PX = 10.0  # lines drawn by people lie beside the middle of a root
MAIN_PERCENT = 5.0
_KINDS = ("main", "laterals", "all")


@dataclass
class DrawnRoots:
    """The roots in one picture, all plants together: polylines (x, y) in pixels.

    Attributes
    ----------
    main
        Roots that grow on the plant itself; barley has several.
    laterals
        Roots that grow on other roots, of any order.
    """

    main: list[np.ndarray] = field(default_factory=list)
    laterals: list[np.ndarray] = field(default_factory=list)

    def of(self, kind: str) -> list[np.ndarray]:
        """Return the roots of a kind: main, laterals or all."""
        return [*self.main, *self.laterals] if kind == "all" else self.main if kind == "main" else self.laterals


def evaluate_rsml(
    found_folder: str | Path,
    truth_folder: str | Path,
    output: str | Path,
    names: Sequence[str] | None = None,
    tolerance_px: float = TOLERANCE_PX,
) -> None:
    """Compare found RSML files with drawn ones of the same name.

    Parameters
    ----------
    found_folder, truth_folder
        Folders of RSML files; files in folders below are not read.
    output
        Folder to write (:func:`compare_drawn`).
    names
        Names without ``.rsml`` that are compared; one that was not found counts as a picture without roots. None for
        all names that are in both folders.
    tolerance_px
        Roots match if 70 % of each one's length lies within this distance of the other, in pixels.

    Raises
    ------
    CxrError
        If a file is unreadable, a name has no drawn file, or the folders have no name in common.
    """
    found = {path.stem: scene_roots(path) for path in sorted(Path(found_folder).glob("*.rsml"))}
    compare_drawn(found, truth_folder, output, names, tolerance_px, str(found_folder))


def evaluate_edges(
    edges: Sequence[str | Path],
    truth_folder: str | Path,
    output: str | Path,
    names: Sequence[str] | None = None,
    tolerance_px: float = TOLERANCE_PX,
) -> None:
    """Compare found graphs (``ROOT_EDGES``) with drawn RSML files whose name is that of the plate.

    The parameters are those of :func:`evaluate_rsml`; of each plate, the last picture is compared.
    """
    tables = [read_table(path, ROOT_EDGES) for path in edges]
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=ROOT_EDGES.names)
    found: dict[str, DrawnRoots] = {}
    for plate, of_plate in rows.groupby("plate", sort=True):
        roots = found.setdefault(str(plate), DrawnRoots())
        last = of_plate[of_plate["frame"] == of_plate["frame"].max()]
        for _, of_plant in last.groupby("plant", sort=True):
            for root in paths_of(of_plant.to_dict("records")):
                (roots.laterals if order_of(root.name) else roots.main).append(root.points)
    compare_drawn(found, truth_folder, output, names, tolerance_px, "the tables of edges")


def scene_roots(path: str | Path) -> DrawnRoots:
    """Read the roots of all plants of an RSML file; a root with one point has no length and is left out."""
    roots = DrawnRoots()
    for _, root, order, _ in walk(read_rsml(path)):
        if len(root.points) > 1:
            (roots.main if order == 1 else roots.laterals).append(np.asarray(root.points, float)[:, :2])
    return roots


def compare_drawn(
    found: Mapping[str, DrawnRoots],
    truth_folder: str | Path,
    output: str | Path,
    names: Sequence[str] | None,
    tolerance_px: float,
    where: str,
) -> None:
    """Compare found roots with drawn ones, picture by picture.

    Parameters
    ----------
    found
        Found roots by the name of the picture.
    truth_folder, output, names, tolerance_px
        As in :func:`evaluate_rsml`. The output gets ``summary.csv`` and ``pictures.csv`` (a row for each picture).
    where
        Source of the found roots, for messages.
    """
    drawn = {path.stem: path for path in sorted(Path(truth_folder).glob("*.rsml"))}
    if names is not None and (absent := [name for name in names if name not in drawn]):
        raise CxrError(f"{truth_folder}: there is no '{absent[0]}.rsml'; expected a drawn file for each name compared")
    chosen = sorted(set(drawn) & set(found)) if names is None else sorted(set(names))
    if not chosen:
        raise CxrError(
            f"{truth_folder}: none of its {len(drawn)} RSML files has the name of one of the {len(found)} pictures of "
            f"{where}; expected equal names"
        )
    rows = [_row(name, found.get(name, DrawnRoots()), scene_roots(drawn[name]), tolerance_px) for name in chosen]
    pictures = pd.DataFrame(rows)
    summary = pd.DataFrame(_summary(pictures, [name for name in chosen if name not in found]), columns=COLUMNS)
    with replaced_folder(output) as folder:
        write_rows(folder / "summary.csv", summary)
        write_rows(folder / "pictures.csv", pictures)
    for row in summary[summary["asked"] != ""].itertuples():
        log.info("%s: %.4g %s (asked %s)", row.measure, row.value, row.unit, row.asked)


def _row(name: str, found: DrawnRoots, true: DrawnRoots, tolerance_px: float) -> dict[str, Any]:
    row: dict[str, Any] = {"picture": name}
    for kind in _KINDS:
        lengths = [sum(length_of(points) for points in side.of(kind)) for side in (true, found)]
        row |= {f"{kind}_true_px": lengths[0], f"{kind}_found_px": lengths[1],
                f"{kind}_error_percent": 100 * (lengths[1] / lengths[0] - 1) if lengths[0] else np.nan}  # fmt: skip
    for kind in _KINDS:
        matches: RootMatches = match_roots(found.of(kind), true.of(kind), tolerance_px)
        row |= {f"{kind}_true": matches.true, f"{kind}_found": matches.found, f"{kind}_matched": len(matches.pairs)}
        row[f"{kind}_matched_error_px"] = float(np.abs(matches.length_errors).sum())
    return row


def _summary(pictures: pd.DataFrame, missing: list[str]) -> list[dict]:
    names = {"main": "main roots", "laterals": "laterals", "all": "all roots"}
    count = len(pictures)
    rows = []
    for kind, name in names.items():
        errors = pictures[f"{kind}_error_percent"].dropna()
        asked = f"<= {MAIN_PERCENT:g}" if kind == "main" else ""
        rows += [
            measure(f"length of {name}: error, mean absolute over pictures",
                    errors.abs().mean() if len(errors) else None, "%", asked, len(errors)),
            measure(f"length of {name}: error, median absolute over pictures",
                    errors.abs().median() if len(errors) else None, "%", "", len(errors)),
            measure(f"length of {name}: error over all pictures together", _percent(pictures, kind), "%", "", count),
        ]  # fmt: skip
    for kind, name in names.items():
        matched, found, true = (int(pictures[f"{kind}_{side}"].sum()) for side in ("matched", "found", "true"))
        error = pictures[f"{kind}_matched_error_px"].sum() / matched if matched else None
        rows += [
            measure(f"{name}: precision", matched / found if found else None, "share", "", found),
            measure(f"{name}: recall", matched / true if true else None, "share", "", true),
            measure(f"{name}: F1", f1_of(matched, found, true), "share", "", true),
            measure(f"{name}: length error of matched ones, mean absolute", error, "px", "", matched),
        ]
    return [*rows, measure("pictures compared", count), measure("of these, without found roots", len(missing))]


def _percent(pictures: pd.DataFrame, kind: str) -> float | None:
    true, found = pictures[f"{kind}_true_px"].sum(), pictures[f"{kind}_found_px"].sum()
    return 100 * (found / true - 1) if true else None
