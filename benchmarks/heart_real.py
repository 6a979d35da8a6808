"""Compare predicted hearts with the meshes that others fitted to a real patient's cine MR.

    python benchmarks/heart_real.py DATA FOLDER
    python benchmarks/heart_real.py DATA FOLDER --template template.npz --predictions NAME=predictions.parquet ...

``DATA`` holds ``dicom/``, ``meshes/`` and ``contours/`` of one patient as UOA-Heart-Mechanics-Research/biv-me publishes
them. The first form reads the DICOM as any user's and writes ``FOLDER/cases.parquet`` with every time of the cycle for
the inference, ``FOLDER/planes.csv`` (how far the fit's guide points lie from our planes), ``FOLDER/volumes.csv`` and
``FOLDER/ef.csv`` of the fit, and pictures of its meshes in all views. The second form adds the predictions to tables
and pictures, and writes ``FOLDER/dice.csv`` (each prediction, time, slice and part). Neither frames nor meshes are used
in any training.

The fitted surfaces are open at the valves; each hole is closed by a fan to its centre. The fit has one epicardium for
both ventricles, so the left one is drawn from the guide points of its contour.
"""

import argparse
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import trimesh
from scipy.spatial import cKDTree

from cxrfactory.hearts.case_table import read_cases, write_cases
from cxrfactory.hearts.reading.folder import heart_cases
from cxrfactory.hearts.reading.heart import examine_heart
from cxrfactory.hearts.reading.rules import HeartRules
from cxrfactory.hearts.views import HeartViews, ImagePlane
from cxrfactory.metrics.overlap import dice

CASE = "heart_cmr"
SURFACES = {"lv": ("lv_endocardial", ("lv",)), "rv": ("rv_endocardial", ("rv",))}
EPICARDIUM = ("SAX_LV_EPICARDIAL", "SAX_RV_SEPTUM")
COLOURS = {"fitted": (80, 220, 80), "predicted": (60, 80, 255)}  # BGR
SCALE, MARGIN_PX = 3, 30

Mesh = tuple[np.ndarray, np.ndarray]  # vertices in mm, triangles


def read_obj(path: Path) -> Mesh:
    """Return vertices that are not repeated within 0.01 mm, and triangles, with the holes at the valves closed."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    vertices = np.array([row[1:4] for row in rows if row[:1] == ["v"]], float)
    faces = np.array([[word.split("/")[0] for word in row[1:4]] for row in rows if row[:1] == ["f"]], int) - 1
    alike = cKDTree(vertices).query_pairs(0.01, output_type="ndarray")
    first = np.arange(len(vertices))
    np.minimum.at(first, alike[:, 1], alike[:, 0])
    kept, places = np.unique(first[first], return_inverse=True)
    mesh = trimesh.Trimesh(vertices[kept], places[faces], process=False)
    trimesh.repair.fix_winding(mesh)  # the septum of the right ventricle is wound against its free wall
    vertices, faces = closed(np.array(mesh.vertices), np.array(mesh.faces))
    return vertices, faces if volume_ml((vertices, faces)) > 0 else faces[:, ::-1]


def closed(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    """Close every hole by a fan of triangles to its centre."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there = set(map(tuple, edges))
    follows = {end: start for start, end in there if (end, start) not in there}  # round the hole, turned back
    while follows:
        start, loop = next(iter(follows)), []
        here = start
        while here in follows:
            loop.append(here)
            here = follows.pop(here)
        centre = len(vertices)
        vertices = np.vstack([vertices, vertices[loop].mean(0)])
        fan = [[one, other, centre] for one, other in zip(loop, [*loop[1:], loop[0]], strict=True)]
        faces = np.vstack([faces, fan])
    return vertices, faces


def volume_ml(mesh: Mesh) -> float:
    corners = mesh[0][mesh[1]]
    return float(np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6000)


def segments(mesh: Mesh, plane: ImagePlane) -> np.ndarray:
    """Return where a plane cuts a mesh: segments [n, 2, 2] of (column, row)."""
    placed = plane.coordinates(mesh[0])
    corners = placed[mesh[1]]
    above = corners[..., 2] > 0
    cut = above.any(1) & ~above.all(1)
    corners, above = corners[cut], above[cut]
    points = []
    for one, other in ((0, 1), (1, 2), (2, 0)):
        share = corners[:, one, 2] / np.where(
            above[:, one] == above[:, other], np.inf, corners[:, one, 2] - corners[:, other, 2]
        )
        point = corners[:, one, :2] + share[:, None] * (corners[:, other, :2] - corners[:, one, :2])
        points.append(np.where((above[:, one] != above[:, other])[:, None], point, np.nan))
    found = np.stack(points, 1)
    return found[np.isfinite(found[..., 0])].reshape(-1, 2, 2)


def filled(cut: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centres lie within the cut, by the even-odd rule along rows."""
    crossings = np.zeros((shape[0], shape[1] + 1), int)
    for (x0, y0), (x1, y1) in cut:
        if y0 == y1:
            continue
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        rows = np.arange(max(int(np.ceil(y0)), 0), min(int(np.ceil(y1)), shape[0]))
        columns = np.ceil(x0 + (rows - y0) * (x1 - x0) / (y1 - y0)).astype(int)
        np.add.at(crossings, (rows, np.clip(columns, 0, shape[1])), 1)
    return (np.cumsum(crossings, 1)[:, :-1] % 2).astype(bool)


def guide_points(path: Path) -> pd.DataFrame:
    """Return the points of the fit's contours: x, y, z in mm, kind, and number of the image."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    points = pd.DataFrame([row[:5] for row in rows], columns=["x", "y", "z", "kind", "image"])
    return points.astype({"x": float, "y": float, "z": float, "image": float})


def image_places(path: Path) -> dict[int, np.ndarray]:
    """Return the position of each numbered image, as the fit's own table tells it."""
    rows = [[word.strip() for word in line.split("\t")] for line in path.read_text(encoding="utf-8").splitlines()]
    return {int(row[2]): np.array(row[4:7], float) for row in rows}


def plane_rows(views: HeartViews, points: pd.DataFrame, places: dict[int, np.ndarray]) -> list[dict]:
    """Return how far the guide points of each image lie from the plane that we read at its position."""
    planes = {f"sax{number}": plane for number, plane in enumerate(views.short_axis)} | dict(views.long_axis)
    rows = []
    for image, of_image in points.groupby("image"):
        name = min(planes, key=lambda key: np.linalg.norm(planes[key].origin_mm - places[int(image)]))
        away = planes[name].coordinates(of_image[["x", "y", "z"]].to_numpy())[:, 2]
        apart = float(np.linalg.norm(planes[name].origin_mm - places[int(image)]))
        if apart < 1.0:
            kinds = " ".join(sorted(set(of_image.kind)))
            rows.append({"view": name, "points": len(away), "largest_mm": np.abs(away).max(), "kinds": kinds})
    return rows


def left_epicardium(plane: ImagePlane, points: pd.DataFrame) -> np.ndarray | None:
    """Return the region within the left ventricle's outer contour in a slice, or None without a contour there."""
    chosen = points[points.kind.isin(EPICARDIUM)]
    placed = plane.coordinates(chosen[["x", "y", "z"]].to_numpy())
    placed = placed[np.abs(placed[:, 2]) < 0.5, :2]
    if len(placed) < 10:
        return None
    middle = placed.mean(0)
    order = np.argsort(np.arctan2(*(placed - middle).T[::-1]))
    ring = placed[order]
    return filled(np.stack([ring, np.roll(ring, -1, 0)], 1), plane.pixels.shape)


def drawn(plane: ImagePlane, cuts: dict[str, list[np.ndarray]], around: tuple[int, int, int, int]) -> np.ndarray:
    """Return a picture of a plane with the cuts, enlarged; ``around`` is first and last column and row."""
    left, right, top, bottom = around
    picture = np.clip(plane.pixels / max(np.percentile(plane.pixels, 99.5), 1) * 255, 0, 255).astype(np.uint8)
    picture = cv2.cvtColor(picture[top:bottom, left:right], cv2.COLOR_GRAY2BGR)
    picture = cv2.resize(picture, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    for who, found in cuts.items():
        for cut in found:
            ends = np.rint(((cut - [left, top] + 0.5) * SCALE - 0.5) * 16).astype(int)
            for one, other in ends:
                cv2.line(picture, tuple(map(int, one)), tuple(map(int, other)), COLOURS[who], 1, cv2.LINE_AA, 4)
    return picture


def montage(views: HeartViews, meshes: dict[str, list[Mesh]]) -> np.ndarray:
    """Return all planes of one time side by side, the short axis above the long axis."""
    lines = []
    for planes in (list(views.short_axis), [views.long_axis[view] for view in sorted(views.long_axis)]):
        pictures = []
        for plane in planes:
            inside = np.concatenate([plane.coordinates(mesh[0])[:, :2] for mesh in meshes["fitted"]])
            (left, top), (right, bottom) = inside.min(0).astype(int) - MARGIN_PX, inside.max(0).astype(int) + MARGIN_PX
            rows, columns = plane.pixels.shape
            around = (max(left, 0), min(right, columns), max(top, 0), min(bottom, rows))
            cuts = {who: [segments(mesh, plane) for mesh in found] for who, found in meshes.items()}
            pictures.append(drawn(plane, cuts, around))
        height = max(picture.shape[0] for picture in pictures)
        pictures = [cv2.copyMakeBorder(p, 0, height - len(p), 0, 4, cv2.BORDER_CONSTANT) for p in pictures]
        lines.append(np.hstack(pictures))
    width = max(line.shape[1] for line in lines)
    return np.vstack([cv2.copyMakeBorder(line, 0, 4, 0, width - line.shape[1], cv2.BORDER_CONSTANT) for line in lines])


def dice_rows(name: str, views: HeartViews, predicted: dict[str, Mesh], fitted: dict[str, Mesh], points: pd.DataFrame):
    """Yield the Dice of each part in each slice that shows it."""
    for number, plane in enumerate(views.short_axis):
        truths = {part: filled(segments(mesh, plane), plane.pixels.shape) for part, mesh in fitted.items()}
        truths["lv_epicardium"] = left_epicardium(plane, points)
        masks = {part: filled(segments(mesh, plane), plane.pixels.shape) for part, mesh in predicted.items()}
        if truths["lv_epicardium"] is not None:
            truths["lv_myocardium"] = truths["lv_epicardium"] & ~truths["lv"]
        masks["lv_myocardium"] = masks["lv_epicardium"] & ~masks["lv"]
        for part, truth in truths.items():
            if truth is not None and (truth.any() or masks[part].any()):
                row = {"network": name, "frame": views.frame, "slice": number, "part": part}
                yield row | {"dice": float(dice(masks[part], truth)), "pixels": int(truth.sum())}


def predicted_meshes(predictions: Path, template: Path) -> dict[str, dict[str, Mesh]]:
    """Return the closed surfaces of each predicted time of the case."""
    from cxrfactory.hearts.meshes.measured import Anatomy
    from cxrfactory.hearts.meshes.shard import read_meshes
    from cxrfactory.hearts.template.stored import read_template

    mesh = read_template(template).mesh
    surfaces = {part: mesh.surface(*names) for part, (_, names) in SURFACES.items()}
    surfaces["lv_epicardium"] = mesh.surface("lv", "lv_myocardium")
    return {
        frame: {part: (found.positions_mm, faces) for part, faces in surfaces.items()}
        for (case, frame), found in read_meshes(predictions, Anatomy(mesh)).items()
        if case == CASE
    }


def volume_row(name: str, frame: str, meshes: dict[str, Mesh]) -> dict:
    volumes = {part: volume_ml(mesh) for part, mesh in meshes.items()}
    row = {"network": name, "frame": frame, "lv_ml": volumes["lv"], "rv_ml": volumes["rv"]}
    if "lv_epicardium" in volumes:
        row["lv_wall_ml"] = volumes["lv_epicardium"] - volumes["lv"]
    return row


def ejection(volumes: pd.DataFrame) -> pd.DataFrame:
    """Return end-diastolic and end-systolic volumes and ejection fractions of each network and of the fit."""
    rows = []
    for name, of_network in volumes.groupby("network", sort=False):
        frames = of_network.set_index("frame")
        row = {"network": name}
        for part in ("lv", "rv"):
            ed, es = (float(frames.loc[frame, f"{part}_ml"]) for frame in ("ED", "ES"))
            row |= {f"{part}_edv_ml": ed, f"{part}_esv_ml": es, f"{part}_ef_percent": 100 * (ed - es) / ed}
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--template", type=Path)
    parser.add_argument("--predictions", nargs="*", default=[], metavar="NAME=FILE")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    reading = examine_heart(chosen.data / "dicom", HeartRules(frames="all"), CASE)
    print(*reading.notes, sep="\n")
    print(f"shifts of slices against the long axis, mm: {np.round(reading.shifts_mm, 1).tolist()}")
    write_cases(chosen.folder / "cases.parquet", heart_cases(reading))
    times = [path.stem[-3:] for path in sorted((chosen.data / "meshes").glob("lv_endocardial_*.obj"))]
    found = {
        name: predicted_meshes(Path(file), chosen.template)
        for name, file in (each.split("=", 1) for each in chosen.predictions)
    }
    places = image_places(chosen.data / "contours" / "SliceInfoFile.txt")
    planes, scores, volumes = [], [], []
    for time, case in zip(times, read_cases(chosen.folder / "cases.parquet"), strict=True):
        views = case.views
        points = guide_points(chosen.data / "contours" / f"points_{time}.txt")
        planes += [{"frame": views.frame, **row} for row in plane_rows(views, points, places)]
        fitted = {part: read_obj(chosen.data / "meshes" / f"{stem}_{time}.obj") for part, (stem, _) in SURFACES.items()}
        volumes.append(volume_row("fitted", views.frame, fitted))
        shown = [*fitted.values(), read_obj(chosen.data / "meshes" / f"epicardial_{time}.obj")]
        pictures = {"fitted": {"fitted": shown}}
        for name, frames in found.items():
            if views.frame in frames:
                predicted = frames[views.frame]
                scores += dice_rows(name, views, predicted, fitted, points)
                volumes.append(volume_row(name, views.frame, predicted))
                pictures[name] = {"fitted": shown, "predicted": list(predicted.values())}
        for name, meshes in pictures.items():
            safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)
            cv2.imwrite(str(chosen.folder / f"{safe}_{views.frame}.png"), montage(views, meshes))
    pd.DataFrame(planes).to_csv(chosen.folder / "planes.csv", index=False, float_format="%.4f")
    frame = pd.DataFrame(volumes).sort_values("network", key=lambda names: names != "fitted", kind="stable")
    frame.to_csv(chosen.folder / "volumes.csv", index=False, float_format="%.2f")
    ends = ejection(frame)
    ends.to_csv(chosen.folder / "ef.csv", index=False, float_format="%.2f")
    print(ends.round(1).to_string(index=False))
    if scores:
        table = pd.DataFrame(scores)
        table.to_csv(chosen.folder / "dice.csv", index=False, float_format="%.4f")
        weighted = table.assign(weight=table.dice * table.pixels).groupby(["network", "part"])
        print(
            pd.DataFrame(
                {"mean": weighted.dice.mean(), "by_area": weighted.weight.sum() / weighted.pixels.sum()}
            ).round(3)
        )


if __name__ == "__main__":
    main()
