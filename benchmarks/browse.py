"""Measure the browser's server at the size of CheXmask: 657,566 rows.

    python benchmarks/browse.py make FOLDER     # 27 GB; 3 to 12 minutes
    python benchmarks/browse.py measure FOLDER

``make`` writes a product in the layout of results/chexmask: random scores and estimates, five releases, and for every
row the landmarks and masks of one of a few hundred drawn chests of the size of published ones. The columns of masks in
the Parquet hold one short run each, because the browser reads masks from the CSV; all other columns are full.
``results/measure`` beside it has the measurements of every row, with made-up values (0.5 GB).

``measure`` starts ``python -m cxrfactory browse`` in a process of its own and asks it over HTTP, as the page does.
Every figure is the median of the given number of requests; memory is that of the server after all of them.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.organs import ORGANS, PUBLISHED_ORGANS
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.geometry.definitions import DEFINITIONS, FRONTAL
from cxrfactory.ingest.manifest import ROWS_PER_GROUP
from cxrfactory.measure.rows import image_table, measurement_table
from cxrfactory.measure.run import GROUP_IMAGES, MEASURED_IMAGES
from cxrfactory.measure.schemas import IMAGES, IMAGES_FILE, MEASUREMENTS, MEASUREMENTS_FILE
from cxrfactory.products.chexmask.index import write_index
from cxrfactory.products.chexmask.release import GROUP_ROWS
from cxrfactory.products.chexmask.rows import product_schema
from cxrfactory.tables.chexmask import header_text
from cxrfactory.tables.chexmask_row import published_row, whole_pixels
from cxrfactory.tables.parquet import parquet_writer, single_row_writer, write_arrow
from cxrfactory.tables.schemas import MANIFEST

# Together as many rows as CheXmask has; the shares of the releases are made up.
RELEASES = {
    "CANDID-PTX": 19_237,
    "CheXpert": 187_825,
    "ChestX-Ray8": 112_120,
    "MIMIC-CXR-JPG": 243_324,
    "Padchest": 95_060,
}
DRAWN = 256  # different chests
HEIGHT, WIDTH = 2_048, 1_744
EARLY, ROWS_IN_A_ROW = 10, 200  # requests
_ORGANS = {
    "right_lung": (0.30, 0.45, 0.14, 0.30),
    "left_lung": (0.70, 0.45, 0.13, 0.29),
    "heart": (0.55, 0.58, 0.13, 0.13),
}


def chests() -> Iterator[tuple[bytes, np.ndarray]]:
    """Rest of the CSV line after the id, and landmarks, of each drawn chest."""
    graph, rng = landmark_graph("lungs-heart"), np.random.default_rng(0)
    for _ in range(DRAWN):
        points = np.empty((graph.nodes, 2))
        for organ, where in graph.slices.items():
            x, y, across, along = np.array(_ORGANS[organ]) * rng.normal(1, 0.03, 4)
            angle = np.linspace(0, 2 * np.pi, where.stop - where.start, endpoint=False)
            wave = 1 + 0.04 * np.sin(5 * angle + rng.uniform(0, 6))
            points[where] = np.stack([x + across * wave * np.cos(angle), y + along * wave * np.sin(angle)], 1)
        points *= (WIDTH, HEIGHT)
        whole = whole_pixels(points)
        masks = {organ: fill_contour(whole[graph.slices[organ]], HEIGHT, WIDTH) for organ in PUBLISHED_ORGANS}
        line = published_row("X", whole, masks, dice_rca=(None, None)).line.encode()
        yield line.split(b",", 3)[3], points.astype(np.float32).reshape(-1)


def make(folder: Path) -> None:
    """Write product, manifests and a few films."""
    product, rng = folder / "results" / "chexmask", np.random.default_rng(1)
    for name in ("OriginalResolution", "Parquet"):
        (product / name).mkdir(parents=True)
    (folder / "results" / "manifest").mkdir()
    drawn = list(chests())
    left_out = {"excluded.csv": "dataset,image_id,reason\n", "rejected.csv": "dataset,image_id,stage,reason\n"}
    tables, named, began = {}, {}, time.monotonic()
    for release, count in RELEASES.items():
        ids = [
            f"{release.lower()[:4]}{number:08x}-{number * 2654435761 % 2**32:08x}-{number:016x}"
            for number in range(count)
        ]
        named[release.lower()] = ids
        values = scores(count, rng)
        csv, table = product / "OriginalResolution" / f"{release}.csv", product / "Parquet" / f"{release}.parquet"
        tables[release] = table
        with csv.open("wb") as stream, single_row_writer(table, product_schema(False, True), ORGANS) as writer:
            stream.write(header_text("image_id").encode())
            for first in range(0, count, GROUP_ROWS):
                rows = range(first, min(first + GROUP_ROWS, count))
                starts = []
                for row in rows:
                    starts.append(stream.tell())
                    mean, most = values["dice_rca_mean"][row], values["dice_rca_max"][row]
                    stream.write(b"%s,%r,%r,%s" % (ids[row].encode(), float(mean), float(most), drawn[row % DRAWN][0]))
                writer.write_table(piece(ids, values, rows, starts, drawn))
        manifest(folder / "results" / "manifest" / f"{release.lower()}.parquet", ids, rng)
        left_out["excluded.csv"] += "".join(
            f"{release.lower()},side{number},view is LL\n" for number in range(count // 20)
        )
        left_out["rejected.csv"] += "".join(
            f"{release.lower()},odd{number},preprocess,empty file\n" for number in range(count // 500)
        )
        print(f"{release}: {count} rows, {time.monotonic() - began:.0f} s", flush=True)
    write_index(tables, product / "index.parquet")
    measurements(folder / "results" / "measure", named)
    for name, text in left_out.items():
        (product / name).write_text(text)
    names = "".join(f"  {release.lower()}:\n    root: films/{release.lower()}\n" for release in RELEASES)
    (product / "config.yaml").write_text(f"datasets:\n{names}")
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(2).integers(0, 40, (HEIGHT, WIDTH))
    for release in RELEASES:
        (folder / "films" / release.lower()).mkdir(parents=True)
        film = ((rows // 8 + columns // 8) % 200 + noise).astype(np.uint8)
        cv2.imwrite(str(folder / "films" / release.lower() / "film.jpg"), film)


def scores(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random values of all small columns."""
    schema = product_schema(False, True)
    found = {}
    for field in schema:
        if pa.types.is_floating(field.type):
            found[field.name] = np.clip(rng.normal(0.9, 0.05, count), 0, 1)
    found["dice_rca_max"] = np.maximum(found["dice_rca_mean"], found["dice_rca_max"])
    found["flagged"] = rng.random(count) < 0.05
    return found


def piece(ids, values, rows, starts, drawn) -> pa.Table:
    """One row group of the Parquet."""
    count, chosen = len(rows), slice(rows.start, rows.stop)
    spread = np.random.default_rng(rows.start).gamma(2, 0.8, (count, 240)).astype(np.float32)
    points = np.stack([drawn[row % DRAWN][1] for row in rows])
    sizes = {
        "original_height": HEIGHT,
        "original_width": WIDTH,
        "crop_height": HEIGHT,
        "crop_width": WIDTH,
        "size": 1_024,
        "orientation": 1,
    }
    columns = []
    for field in product_schema(False, True):
        if field.name == "image_id":
            column = pa.array(ids[chosen], pa.string())
        elif field.name in values:
            column = pa.array(values[field.name][chosen], field.type)
        elif field.name == "csv_start":
            column = pa.array(starts, field.type)
        elif field.name.startswith("landmarks"):
            flat = (spread if field.name == "landmarks_std" else points).reshape(-1)
            column = pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32) * 240), pa.array(flat))
            column = column.cast(field.type)
        elif field.name == "flag_reasons":
            column = pa.array([["heart:dense_dice"] if each else [] for each in values["flagged"][chosen]], field.type)
        elif field.name == "evidence":
            record = [{"organ": "lungs", "dense_dice": 0.9, "soft_dice": 0.9, "start_dice": 0.9, "shape_dice": 0.9}]
            column = pa.array([record] * count, field.type)
        elif pa.types.is_string(field.type):
            column = pa.array(["1 1"] * count, field.type)
        else:
            column = pa.array([sizes.get(field.name, 0)] * count, field.type)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=product_schema(False, True))


def measurements(folder: Path, named: dict[str, list[str]]) -> None:
    """Write the measurements of every image: the values of the first images are repeated."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    names = [each for each in DEFINITIONS.values() if each.views == (FRONTAL,)]
    group = [
        {
            "dataset": "", "image_id": "", "view": "PA", "measurement": each.name, "value": float(rng.random()),
            "unit": each.unit, "low": float(rng.random()), "high": float(rng.random()), "grade": "mild",
            "near_cut": False, "excluded": None, "note": "", "structures": ["heart", "left lung"],
            "points": rng.uniform(0, 1000, (4, 2)).round(3).tolist(),
        }
        for _ in range(MEASURED_IMAGES)
        for each in names
    ]  # fmt: skip
    table, first = measurement_table(group), 0
    with (
        parquet_writer(folder / MEASUREMENTS_FILE, MEASUREMENTS) as rows,
        parquet_writer(folder / IMAGES_FILE, IMAGES) as images,
    ):
        for dataset, ids in named.items():
            for start in range(0, len(ids), MEASURED_IMAGES):
                mine = ids[start : start + MEASURED_IMAGES]
                count = len(mine) * len(names)
                columns = {
                    "dataset": pa.array([dataset] * count),
                    "image_id": pa.array([each for each in mine for _ in names]),
                }
                part = table.slice(0, count)
                for name, column in columns.items():
                    part = part.set_column(MEASUREMENTS.names.index(name), MEASUREMENTS.field(name), column)
                rows.write_table(part, row_group_size=count)
            kept = {"view": "PA", "height": HEIGHT, "width": WIDTH, "measured": len(names), "excluded": 0,
                    "flag_reasons": [], "clipped": False}  # fmt: skip
            firsts = range(first, first + len(ids) * len(names), len(names))
            found = [
                {"dataset": dataset, "image_id": each, "first_row": at, **kept}
                for each, at in zip(ids, firsts, strict=True)
            ]
            images.write_table(image_table(found), row_group_size=GROUP_IMAGES)
            first += len(ids) * len(names)


def manifest(path: Path, ids: list[str], rng: np.random.Generator) -> None:
    """Write the manifest of one release; all paths of a release lead to one film."""
    count = len(ids)
    views, sexes = np.array(["PA", "AP"], object), np.array(["F", "M", None], object)
    findings = np.array(["", "Edema", "Cardiomegaly|Edema", "No finding", "Mass|Nodule|Effusion"], object)
    columns = {
        "image_id": ids,
        "path": ["film.jpg"] * count,
        "patient_id": [f"p{number // 3}" for number in range(count)],
        "study_id": [f"s{number // 2}" for number in range(count)],
        "view": views[rng.integers(0, 2, count)],
        "sex": sexes[rng.integers(0, 3, count)],
        "age": rng.integers(18, 95, count).astype(float),
        "findings": findings[rng.integers(0, 5, count)],
        "included": [True] * count,
        "exclusion_reason": [None] * count,
    }
    write_arrow(pa.table(columns, schema=MANIFEST), path, ROWS_PER_GROUP)


class Server:
    """The command, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "cxrfactory", "browse", "results/chexmask", "--no-open",
                   "--verdicts", str(folder / "verdicts.jsonl")]  # fmt: skip
        self.began = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)
        self.address = next(word for word in self.process.stdout.readline().split() if word.startswith("http"))
        place = urllib.parse.urlsplit(self.address)
        self.path = place.path
        self.connection = http.client.HTTPConnection(place.hostname, place.port)  # kept open, as a page's is

    def get(self, address: str, **parameters) -> tuple[float, bytes]:
        """Seconds of one request, and its answer."""
        given = {name: json.dumps(each) if isinstance(each, dict) else each for name, each in parameters.items()}
        began = time.perf_counter()
        self.connection.request("GET", f"{self.path}api/{address}?{urllib.parse.urlencode(given)}")
        with self.connection.getresponse() as answer:
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{address}: status {answer.status}: {body[:200]!r}")
        return time.perf_counter() - began, body

    def memory_mb(self) -> list[float]:
        """Resident memory now, the same with shared pages in part (PSS), and its highest, MB."""
        found = {}
        for name in ("status", "smaps_rollup"):
            lines = Path(f"/proc/{self.process.pid}/{name}").read_text().splitlines()
            found |= dict(line.split(":", 1) for line in lines if ":" in line)
        return [int(found[name].split()[0]) / 1024 for name in ("VmRSS", "Pss", "VmHWM")]

    def cpu_s(self) -> float:
        """Processor time so far, seconds."""
        cells = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, repeats: int) -> None:
    """Start the server, ask it as the page does, and print a table."""
    server = Server(folder)
    try:
        figures = {}
        opened, cpu = time.perf_counter() - server.began, server.cpu_s()
        _, product = server.get("product")
        seconds, _ = server.get("rows", limit=60)
        figures["start to first page, s"] = time.perf_counter() - server.began
        figures["  of which until the address is printed, s"], figures["  processor time until then, s"] = opened, cpu
        figures["first page (worst first), ms"] = 1e3 * seconds
        found = json.loads(product)
        rng, numbers = np.random.default_rng(4), [each["name"] for each in found["columns"] if each["type"] == "number"]
        early = [1e3 * server.get(f"row/{rng.integers(found['rows'])}")[0] for _ in range(EARLY)]
        figures[f"first {EARLY} rows, the slowest, ms"] = max(early)
        server.get("histograms", columns=",".join(numbers))
        wishes = {}
        for _ in range(repeats):
            low = float(rng.uniform(0.8, 0.9))
            chosen = {"ranges": {"dice_estimate": [low, low + 0.08]}, "values": {"sex": ["F"]}}
            asked = {
                "filter + one histogram, ms": ("histograms", {"filter": chosen, "columns": "dice_estimate"}),
                f"filter + all {len(numbers)} histograms, ms": (
                    "histograms",
                    {"filter": chosen, "columns": ",".join(numbers)},
                ),
                "filter + all facets, ms": ("facets", {"filter": chosen}),
                "filter + page of 60 rows, ms": ("rows", {"filter": chosen, "limit": 60}),
                "search in the ids + page, ms": (
                    "rows",
                    {"filter": {"search": f"{rng.integers(4096):x}"}, "limit": 60},
                ),
                "one row with masks, landmarks, spread and measurements, ms": (
                    f"row/{rng.integers(found['rows'])}",
                    {},
                ),
                "picture of 2,048 x 1,744 px at 1,024 px, ms": (f"image/{rng.integers(found['rows'])}", {"size": 1024}),
                "outlines of 60 rows, ms": (
                    "outlines",
                    {"keys": ",".join(map(str, rng.integers(found["rows"], size=60)))},
                ),
            }
            for name, (address, given) in asked.items():
                wishes.setdefault(name, []).append(1e3 * server.get(address, **given)[0])
        figures |= {name: statistics.median(each) for name, each in wishes.items()}
        used = server.cpu_s()
        for key in rng.integers(found["rows"], size=ROWS_IN_A_ROW):
            server.get(f"row/{key}")
        figures["processor time of one row, ms"] = 1e3 * (server.cpu_s() - used) / ROWS_IN_A_ROW
        names = "memory of the server, MB", "  shared pages in part (PSS), MB", "  its highest, MB"
        figures |= dict(zip(names, server.memory_mb(), strict=True))
        print(f"{found['rows']} rows, {len(found['columns'])} columns, median of {repeats} requests each")
        for name, value in figures.items():
            print(f"{name:50s} {value:8.2f}")
    finally:
        server.process.terminate()
        server.process.wait(10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["make", "measure"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    make(given.folder) if given.step == "make" else measure(given.folder, given.repeats)
