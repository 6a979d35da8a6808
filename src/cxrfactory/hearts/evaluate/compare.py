"""Compare networks on cases whose true meshes are known, and write tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.labelled import LabelledMesh
from cxrfactory.geometry.mesh.quality import scaled_jacobian
from cxrfactory.hearts.case_table import HeartCase, read_cases
from cxrfactory.hearts.evaluate.figures import draw_volumes
from cxrfactory.hearts.evaluate.scores import CUT, WHOLE, mask_scores, node_scores
from cxrfactory.hearts.evaluate.tables import jacobian_row, network_rows, pair_rows, summary_rows, volume_rows
from cxrfactory.hearts.meshes.measured import Anatomy, pumping
from cxrfactory.hearts.meshes.shard import Found, Key, read_meshes
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.folders import replaced_folder

log = get_logger(__name__)


@dataclass
class _Seen:
    """What is kept of the cases that were compared: rows of scores, volumes, and Jacobians of the tetrahedra."""

    scores: list[dict[str, Any]] = field(default_factory=list)
    volumes: dict[str, dict[str, dict[str, dict[str, float]]]] = field(default_factory=dict)  # by whom, case, frame
    jacobians: dict[str, list[np.ndarray]] = field(default_factory=dict)


def compare(
    template: LabelledMesh,
    cases: Sequence[str | Path],
    meshes: Mapping[str, Sequence[str | Path]],
    output: str | Path,
    split: str | None = None,
) -> None:
    """Compare networks with the truth, case by case.

    Parameters
    ----------
    template
        The template that all meshes share.
    cases
        Tables of cases with true meshes.
    meshes
        Tables of the meshes that each network found, by the network's name; the first is compared with the others.
    output
        Folder to write: ``cases.csv`` (each case, frame and part), ``summary.csv`` (mean and deviation by part),
        ``networks.csv`` (a row for each network), ``pairs.csv`` (paired tests), ``volumes.csv`` (agreement of volumes
        and ejection fractions), ``jacobians.csv`` (quality of the tetrahedra), ``volumes.png`` (Bland-Altman plots).
    split
        Split of the cases; None for all cases.

    Raises
    ------
    CxrError
        If a table is unreadable, or no case has a true mesh and a mesh of every network.
    """
    anatomy, seen = Anatomy(template), _Seen()
    found = {name: _all_meshes(paths, anatomy) for name, paths in meshes.items()}
    chosen = read_cases(cases, None if split is None else [split])
    for case in progress(chosen, "compare", len(next(iter(found.values()), ()))):
        _score(anatomy, case, found, seen)
    if not seen.scores:
        raise CxrError(f"{output}: no case has a true mesh and a mesh of every network; expected cases of one run")
    scores = pd.DataFrame(seen.scores)
    pumps = {who: _pumping(of_case) for who, of_case in seen.volumes.items()}
    names = list(meshes)
    jacobians = [
        jacobian_row("template", scaled_jacobian(template.vertices_mm, template.tetrahedra)),
        *(jacobian_row(who, np.concatenate(values)) for who, values in seen.jacobians.items()),
    ]
    agreement = volume_rows(pumps, names)
    with replaced_folder(output) as folder:
        _write(folder / "cases.csv", scores)
        _write(folder / "summary.csv", summary_rows(scores, names))
        _write(folder / "networks.csv", network_rows(scores, agreement, jacobians, names))
        _write(folder / "pairs.csv", pair_rows(scores, names))
        _write(folder / "volumes.csv", agreement)
        _write(folder / "jacobians.csv", pd.DataFrame(jacobians))
        draw_volumes(pumps, names[0], folder / "volumes.png")
    log.info("compared %d networks on %d cases", len(names), scores["case_id"].nunique())


def _all_meshes(paths: Sequence[str | Path], anatomy: Anatomy) -> dict[Key, Found]:
    return {key: mesh for path in paths for key, mesh in read_meshes(path, anatomy).items()}


def _score(anatomy: Anatomy, case: HeartCase, found: Mapping[str, Mapping[Key, Found]], seen: _Seen) -> None:
    views = case.views
    key = (views.case_id, views.frame)
    if case.vertices_mm is None or not all(key in of_network for of_network in found.values()):
        return
    true = anatomy.filling(case.vertices_mm)
    everyone = {"truth": true, **{name: of_network[key].positions_mm for name, of_network in found.items()}}
    for who, positions in everyone.items():
        volumes = seen.volumes.setdefault(who, {}).setdefault(views.case_id, {})
        volumes[views.frame] = anatomy.volumes_ml(positions)
        jacobians = scaled_jacobian(positions, anatomy.template.tetrahedra)
        seen.jacobians.setdefault(who, []).append(jacobians.astype(np.float32))
        if who == "truth":
            continue
        nodes = node_scores(anatomy, positions, true)
        masks = mask_scores(anatomy, positions, true, views.short_axis)
        for part in (WHOLE, *anatomy.template.parts):
            row = {"network": who, "case_id": views.case_id, "patient_id": views.patient_id, "frame": views.frame}
            cut = masks[part] if part in CUT else dict.fromkeys(next(iter(masks.values())), np.nan)
            seen.scores.append(row | {"part": part, **nodes[part], **cut})


def _pumping(volumes: Mapping[str, Mapping[str, Mapping[str, float]]]) -> pd.DataFrame:
    rows = [{"case_id": case} | pumping(frames) for case, frames in sorted(volumes.items())]
    return pd.DataFrame(rows).set_index("case_id").astype(float)


def _write(path: Path, rows: pd.DataFrame) -> None:
    rows.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
