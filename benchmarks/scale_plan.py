"""Time to ingest the tables of six releases of the papers' sizes (676,803 frontal images) and to plan the whole run.

Run from the repository's root, with the `workflow` extra installed::

    PYTHONPATH=src python benchmarks/scale_plan.py [--tables FOLDER] [--per-shard 2000] [--output results.json]

Tables are simulated in each release's own layout, with as many rows as the release has. With `--tables` (the folder
`data/` of the PyPI wheel `torchxrayvision`), the tables of PadChest, CheXpert, NIH and VinDr are the real ones. No
image
is needed, because ingest reads only tables, and the plan depends only on the config. Memory is the largest resident set
of the process, including its interpreter and libraries.
"""

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from cxrfactory.ingest.registry import LAYOUTS

ROOT = Path(__file__).parents[1]
COUNTS = {name: layout.paper_counts for name, layout in LAYOUTS.items() if layout.paper_counts}
REAL = {
    "padchest": "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz",
    "chestx-ray8": "Data_Entry_2017_v2020.csv.gz",
    "chexpert": "chexpert_train.csv.gz",
    "vindr-cxr": "vinbigdata-train.csv.gz",
}


def rows_of(release: str) -> tuple[str, Iterator[str]]:
    """Return a table's name and lines, with as many rows and as many frontal rows as the release has."""
    rows, frontal = COUNTS[release]["rows"], COUNTS[release]["included"]
    numbers = range(rows)
    if release == "mimic-cxr-jpg":
        name = "mimic-cxr-2.0.0-metadata.csv.gz"
        head = "dicom_id,subject_id,study_id,ViewPosition"
        lines = (
            f"{n:08x}-0000-{n:08x},{10_000_000 + n // 6},{50_000_000 + n // 2},{'AP' if n < frontal else 'LATERAL'}"
            for n in numbers
        )
    elif release == "chexpert":
        name, head = "train.csv", "Path,Sex,Age,Frontal/Lateral,AP/PA,Pneumonia,Edema"
        lines = (
            f"CheXpert-v1.0/train/patient{n // 4:05d}/study{n // 2 % 2 + 1}/view{n % 2 + 1}_x.jpg,Male,{n % 90},"
            f"{'Frontal' if n < frontal else 'Lateral'},{'AP' if n < frontal else ''},1.0,"
            for n in numbers
        )
    elif release == "padchest":
        name = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
        head = "ImageID,Projection,PatientID,StudyID,PatientSex_DICOM,PatientBirth,StudyDate_DICOM,Labels,ImageDir"
        lines = (
            f"{n:09d}_x.png,{'PA' if n < frontal else 'L'},{n // 2},{n},M,1950,20150101,\"['normal']\",{n % 50}"
            for n in numbers
        )
    elif release == "chestx-ray8":
        name = "Data_Entry_2017_v2020.csv"
        head = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position"
        lines = (f"{n:08d}_000.png,No Finding,{n // 4},{n % 90},F,PA" for n in numbers)
    elif release == "vindr-cxr":
        name, head = "train.csv", "image_id,rad_id,Cardiomegaly,No finding"
        lines = (f"{n // 3:032x},R{n % 3},0,1" for n in range(3 * rows))  # three readers for each image
    else:
        name, head = "Pneumothorax_reports.csv", "SOPInstanceUID,filename,EncodedPixels"
        lines = (f"1.2.826.0.1.3680043.8.498.{n},{n // 2}_x.txt,-1" for n in numbers)
    return name, iter([head, *lines])


def write_tables(folder: Path, tables: Path | None) -> dict[str, str]:
    """Write or link every release's table; return the origin of each."""
    origin = {}
    for release in COUNTS:
        root = folder / release
        root.mkdir(parents=True)
        if tables is not None and release in REAL:
            (root / REAL[release]).symlink_to((tables / REAL[release]).resolve())
            origin[release] = "real"
            continue
        name, lines = rows_of(release)
        text = "\n".join(lines) + "\n"
        (root / name).write_bytes(gzip.compress(text.encode(), 1) if name.endswith(".gz") else text.encode())
        origin[release] = "simulated"
    return origin


def timed(command: list[str], cwd: Path) -> tuple[float, float, str]:
    """Return the wall time in seconds, the largest resident set in MB, and the output of a command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as printed:
        child = subprocess.Popen(command, cwd=cwd, env=environment, stdout=printed, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        printed.seek(0)
        text = printed.read()
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{text[-3000:]}")
    return wall, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2), text  # KiB on Linux, bytes on macOS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--per-shard", type=int, default=2000)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    found: dict = {"releases": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        origin = write_tables(folder / "releases", given.tables)
        total = 0
        for release, where in origin.items():
            manifest, summary = folder / f"{release}.parquet", folder / f"{release}.csv"
            command = [sys.executable, "-m", "cxrfactory", "ingest", release]
            command += ["--root", str(folder / "releases" / release), "--output", str(manifest)]
            wall, memory, _ = timed([*command, "--summary", str(summary)], folder)
            included = pq.read_table(manifest, columns=["included"])["included"].to_pylist()
            total += sum(included)
            row = {"table": where, "rows": len(included), "included": sum(included), "seconds": wall, "mb": memory}
            found["releases"][release] = row
            print(f"{release:14s} {where:9s} {row['rows']:7d} rows {row['included']:7d} frontal "
                  f"{wall:5.1f} s {memory:6.0f} MB")  # fmt: skip
        datasets = {
            release: {
                "root": str(folder / "releases" / release),
                "shards": -(-COUNTS[release]["included"] // given.per_shard),
            }
            for release in COUNTS
        }
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump({"datasets": datasets, "infer": {"weights": "pretrained"}}))
        command = [sys.executable, "-m", "snakemake", "-n", "--directory", str(folder), "results/chexmask"]
        command += ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(config), "--quiet", "rules", "reason"]
        wall, memory, text = timed(command, folder)
        jobs = re.search(r"^total\s+(\d+)", text, re.MULTILINE)
        shards = sum(each["shards"] for each in datasets.values())
        found["plan"] = {"frontal": total, "shards": shards, "jobs": int(jobs[1]), "seconds": wall, "mb": memory}
        print(f"plan: {total} frontal images, {shards} shards, {jobs[1]} jobs, {wall:.1f} s, {memory:.0f} MB")
    if given.output:
        given.output.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
