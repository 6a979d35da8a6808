"""Compare the measurements with people's on real images: Cobb angles, and cardiothoracic ratios of several readers.

    CXRFACTORY_REAL_DATA=FOLDER python benchmarks/measure_truth.py [--overlays DIR]

``FOLDER`` holds ``spine`` (AASCE 2019: corners of 17 vertebrae and the published angles), ``landmarks`` (contours of
JSRT, Montgomery, Shenzhen and PadChest with hearts) and ``chexmask_gold`` (published contours and two physicians'
corrections). The figures are in docs/measurements.md. ``--overlays`` draws a few measured spines. It takes half a
minute on one core.
"""

import argparse
import csv
import os
import time
from pathlib import Path

import cv2
import numpy as np

from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.geometry.curve import deviation, most_tilted, tangents
from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.measurement import Measurement
from cxrfactory.geometry.plates import challenge_angles
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.spine import LEVELS
from cxrfactory.metrics.bland_altman import value_agreement

ORGANS = {"right lung": 44, "left lung": 50, "heart": 26}
RATIOS = ("ctr_columns", "ctr_rows", "ctr_landmarks")
PADDING = 40  # pixels around the spines, whose images are cut close
SHOWN = (0, 20, 40, 60, 120, 180)


def agreement(name: str, found: np.ndarray, truth: np.ndarray, digits: int = 2) -> None:
    """Print correlation, bias, Bland-Altman limits and mean absolute error over pairs that both have."""
    both = np.isfinite(found) & np.isfinite(truth)
    each = value_agreement(truth[both], found[both])
    print(
        f"{name:52s} n {both.sum():3d}  r {each['r']:.3f}  bias {each['bias']:+.{digits}f}  "
        f"limits {each['limit_low']:+.{digits}f} to {each['limit_high']:+.{digits}f}  MAE {each['mae']:.{digits}f}"
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    csv.field_size_limit(1 << 30)
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def spine_masks(corners: np.ndarray, height: int, width: int) -> dict[str, Runs]:
    """Fill the vertebrae's quadrangles in a padded frame."""
    shape = (height + 2 * PADDING, width + 2 * PADDING)
    contours = corners[:, [0, 1, 3, 2]] + PADDING
    return {
        name: Runs.from_mask(fill_contour(contour, *shape))
        for name, contour in zip(LEVELS.values(), contours, strict=True)
    }


def spines(folder: Path, overlays: Path | None) -> None:
    """Compare the angles of 200 real spines with the published ones."""
    rows = read_rows(folder / "table.csv")
    corners = [np.load(folder / "landmarks" / f"{row['id']}.npy").reshape(17, 4, 2).astype(float) for row in rows]
    published = np.array([[float(row[key]) for key in ("cobb_pt", "cobb_mt", "cobb_tl")] for row in rows])
    ours = np.array([challenge_angles(c, float(row["height"])) for c, row in zip(corners, rows, strict=True)])
    near = np.abs(ours - published) <= 1
    print(f"spines: {len(rows)}; share of angles within 1 degree of the published ones:")
    print(f"  largest {near[:, 0].mean():.3f}, second {near[:, 1].mean():.3f}, third {near[:, 2].mean():.3f}")
    largest = published.max(axis=1)
    centroids = [each.mean(axis=1) for each in corners]

    def curve_angle(points: np.ndarray) -> float:
        leans = tangents(points)
        upper, lower = most_tilted(leans)
        return abs(leans[upper] - leans[lower])

    curve, scd = (np.array([f(c) for c in centroids]) for f in (curve_angle, lambda c: deviation(c).angle))
    agreement("Cobb of the centroid curve, corners", curve, largest)
    agreement("SCD, corners", scd, largest)
    slope, offset = np.polyfit(largest, scd, 1)
    print(f"  SCD = {slope:.3f} x largest Cobb angle {offset:+.2f}")
    masks = [spine_masks(c, int(row["height"]), int(row["width"])) for c, row in zip(corners, rows, strict=True)]
    results = [{each.name: each for each in measure_frontal(each)} for each in masks]
    for name in ("cobb_plates", "cobb_curve", "scd"):
        agreement(f"{name}, filled masks", np.array([found[name].value for found in results]), largest)
    if overlays:
        for place in SHOWN:
            image = cv2.imread(str(folder / "images" / f"{rows[place]['id']}.jpg"))
            path = overlays / f"{rows[place]['id']}.png"
            cv2.imwrite(str(path), drawn(image, masks[place], results[place], published[place]))


def drawn(
    image: np.ndarray, masks: dict[str, Runs], found: dict[str, Measurement], published: np.ndarray
) -> np.ndarray:
    """Draw the vertebrae, the three angles and their values on a film, at twice its size."""
    scale = 2
    canvas = cv2.copyMakeBorder(image, *(PADDING,) * 4, cv2.BORDER_CONSTANT)
    canvas = cv2.resize(canvas, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    for runs in masks.values():
        mask = cv2.resize(runs.mask(), None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
        cv2.drawContours(
            canvas, cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], -1, (160, 90, 0), 1
        )
    colours = {"scd": (0, 255, 255), "cobb_curve": (0, 255, 0), "cobb_plates": (255, 0, 255)}
    for line, (name, colour) in enumerate(colours.items()):
        ends = [tuple(round((c + 0.5) * scale) for c in point) for point in found[name].points]
        for start, stop in zip(ends[::2], ends[1::2], strict=True):
            cv2.line(canvas, start, stop, colour, 2)
        text = f"{name} {found[name].value:.1f} {found[name].note}"
        cv2.putText(canvas, text, (4, 20 + 18 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1)
    text = f"published {published.max():.1f}"
    cv2.putText(canvas, text, (4, 74), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
    return canvas


def measured_ratios(points: dict[str, np.ndarray], side: int = 1024) -> list[float]:
    """Measure the three ratios of one set of landmarks; masks are filled from them."""
    masks = {organ: Runs.from_mask(fill_contour(each, side, side)) for organ, each in points.items()}
    found = {each.name: each.value for each in measure_frontal(masks, points)}
    return [found[name] for name in RATIOS]


def expert_hearts(folder: Path) -> None:
    """Compare the three definitions of the ratio on experts' landmarks."""
    files = {"right lung": "RL", "left lung": "LL", "heart": "H"}
    names = sorted(path.name for path in (folder / "H").glob("*.npy"))
    sources = {row["File"].rsplit(".", 1)[0]: row["Dataset"] for row in read_rows(folder / "clinical.csv")}
    found = np.array(
        [
            measured_ratios({organ: np.load(folder / files[organ] / name).astype(float) for organ in ORGANS})
            for name in names
        ]
    )
    origin = np.array([sources.get(name.removesuffix(".npy"), "unknown") for name in names])
    for source in sorted(set(origin)):
        chosen = found[origin == source]
        means = ", ".join(f"{name} {value:.4f}" for name, value in zip(RATIOS, chosen.mean(axis=0), strict=True))
        print(f"hearts of {source}: {len(chosen)}; means: {means}")
        for one, other in ((1, 0), (2, 0), (1, 2)):
            agreement(f"  {RATIOS[one]} against {RATIOS[other]}", chosen[:, one], chosen[:, other], 4)
        above = chosen > 0.5
        print(f"  above 0.5: {dict(zip(RATIOS, above.sum(axis=0).tolist(), strict=True))}")


def split_points(text: str) -> dict[str, np.ndarray]:
    """Split a published list of 120 landmarks into organs."""
    points = np.array(text.split(","), np.float64).reshape(-1, 2)
    ends = np.cumsum(list(ORGANS.values()))[:-1]
    return dict(zip(ORGANS, np.split(points, ends), strict=True))


def physicians(folder: Path) -> None:
    """Compare the ratios of two physicians' corrections and of the published contours."""
    readers = ("published", "physician 1", "physician 2")
    ratios: dict[str, list[list[float]]] = {reader: [] for reader in readers}
    rles = {reader: [] for reader in readers}
    for published in sorted(folder.glob("*.csv")):
        if "annotations" in published.name:
            continue
        files = [published, *(folder / f"{published.stem}_{name}_annotations.csv" for name in ("julia", "martina"))]
        tables = [{next(iter(row.values())): row for row in read_rows(path)} for path in files]
        for reader, table in zip(readers, tables, strict=True):
            for key in sorted(tables[0]):
                row = table[key]
                columns = {"right lung": "Right Lung", "left lung": "Left Lung", "heart": "Heart"}
                masks = {organ: Runs.from_rle(row[column], 1024, 1024) for organ, column in columns.items()}
                found = {each.name: each.value for each in measure_frontal(masks, split_points(row["Landmarks"]))}
                ratios[reader].append([found[name] for name in RATIOS])
                rles[reader].append((row["Heart"], row["Right Lung"], row["Left Lung"]))
    values = {reader: np.array(each) for reader, each in ratios.items()}
    for one, other in (("published", "physician 1"), ("published", "physician 2"), ("physician 1", "physician 2")):
        same = sum(a == b for a, b in zip(rles[one], rles[other], strict=True))
        print(f"{one} against {other}: {same} of {len(rles[one])} images have equal masks")
        for place, name in enumerate(RATIOS):
            agreement(f"  {name}", values[one][:, place], values[other][:, place], 4)
    mean = (values["physician 1"] + values["physician 2"]) / 2
    for place, name in enumerate(RATIOS):
        agreement(f"published against the physicians' mean, {name}", values["published"][:, place], mean[:, place], 4)


def speed(folder: Path) -> None:
    """Time reading and measuring of published rows."""
    rows = read_rows(folder / "CheXpert.csv")
    start = time.process_time()
    for row in rows:
        columns = {"right lung": "Right Lung", "left lung": "Left Lung", "heart": "Heart"}
        measure_frontal({organ: Runs.from_rle(row[column], 1024, 1024) for organ, column in columns.items()})
    print(f"speed: {1e3 * (time.process_time() - start) / len(rows):.2f} ms for each row of 1024 x 1024 pixels")


def main() -> None:
    """Print all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--overlays", type=Path, help="folder for drawings of measured spines")
    overlays = parser.parse_args().overlays
    root = os.environ.get("CXRFACTORY_REAL_DATA")
    if not root:
        raise SystemExit("CXRFACTORY_REAL_DATA is not set; expected the folder with spine, landmarks and chexmask_gold")
    if overlays:
        overlays.mkdir(parents=True, exist_ok=True)
    spines(Path(root) / "spine", overlays)
    expert_hearts(Path(root) / "landmarks")
    physicians(Path(root) / "chexmask_gold")
    speed(Path(root) / "chexmask_gold")


if __name__ == "__main__":
    main()
