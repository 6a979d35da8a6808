"""Time and memory by rule for 20,000 small radiographs in the real workflow: ingest, preprocess, infer, RCA, package.

Run from the repository's root, with the `workflow` extra installed::

    python benchmarks/scale_run.py [--images 20000] [--shards 10] [--cores 2] [--sources FOLDER] [--output results.json]
    python benchmarks/scale_run.py --images 400 --shards 2 --side 1024 --weights pretrained --references 5

Each image is a separate file, cut out of a real or virtual radiograph (256 x 256) and varied, in the layout of NIH
ChestX-ray8. `--sources` is a folder of radiographs (PNG or JPEG); without it, virtual ones are made. Without
`--weights`, the segmenter is a tiny one (64 x 64). The second command runs the defaults of a real run. Time and memory
of every job come from Snakemake's own benchmark files. The scheduler's share is the CPU time of the Snakemake process,
which also takes those measurements, as a part of all CPU time.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
PER_PATIENT = 4
RELEASE = "chestx-ray8"
TRAINED = "results/train/segmenter.safetensors"
SMALL = {
    "cohort": {"patients": 22, "labelled": 12},
    "model": {"input_size": 64},
    "train": {"epochs": 6, "validate_every": 3},
}


def varied(source: np.ndarray, number: int, side: int) -> np.ndarray:
    """Make one picture from another by a shift, a scaling and another contrast."""
    rng = np.random.default_rng(number)
    scale = side / max(source.shape) * rng.uniform(1.0, 1.08)
    height, width = source.shape
    shift = (side - np.array([width, height]) * scale) / 2 + rng.uniform(-6, 6, 2)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    grey = cv2.warpAffine(source, matrix, (side, side), flags=cv2.INTER_AREA)
    return np.clip(255 * (grey / 255) ** rng.uniform(0.8, 1.25) + rng.normal(0, 2, grey.shape), 0, 255).astype(np.uint8)


def write_release(folder: Path, sources: list[Path], images: int, side: int) -> None:
    """Write the images and the release's table."""
    (folder / "images").mkdir(parents=True)
    read = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sources]
    read = [each for each in read if each is not None]
    if side < 600:  # average pixels first, because the warp in the next step samples few of them
        read = [cv2.resize(each, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for each in read]
    if not read:
        sys.exit("no readable source among " + ", ".join(map(str, sources[:3])))
    rows = []
    for number in range(images):
        name = f"{number // PER_PATIENT:08d}_{number % PER_PATIENT:03d}.png"
        cv2.imwrite(str(folder / "images" / name), varied(read[number % len(read)], number, side))
        rows.append((name, "No Finding", number // PER_PATIENT, 20 + number % 70, "FM"[number % 2], "PA"))
    head = ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "Patient Gender", "View Position"]
    pd.DataFrame(rows, columns=head).to_csv(folder / "Data_Entry_2017_v2020.csv", index=False)


def run(folder: Path, config: dict, cores: int, target: str) -> dict[str, float]:
    """Run the workflow; return wall and CPU seconds of all processes, and CPU seconds and memory of Snakemake.

    The kernel supplies the CPU time of all processes, because Snakemake's benchmark files sample every 30 s and miss
    the time after the last sample.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), target, "--configfile", str(path), "--quiet"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    start, own, memory = time.perf_counter(), 0.0, 0.0
    child = subprocess.Popen([*command, "all", "--directory", str(folder), "--snakefile", str(ROOT / "Snakefile")],
                             env=environment)  # fmt: skip
    while child.poll() is None:
        try:
            own, memory = _own(child.pid)
        except (OSError, KeyError):  # the process ended between two samples
            break
        time.sleep(0.2)
    if child.wait():
        sys.exit(f"the run failed; logs are in {folder}/results/logs")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.perf_counter() - start
    return {"wall_s": wall, "cpu_s": cpu, "scheduler_cpu_s": own, "scheduler_mb": memory}


def _own(pid: int) -> tuple[float, float]:
    """Return CPU seconds and largest resident set (MB) of one process without its children (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    peak = dict(line.split(":", 1) for line in status.splitlines())["VmHWM"].split()[0]
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak) / 1024


def by_rule(benchmarks: Path) -> pd.DataFrame:
    """Return jobs, seconds and memory of every rule."""
    found = defaultdict(list)
    for path in sorted(benchmarks.rglob("*.tsv")):
        found[path.relative_to(benchmarks).parts[0].removesuffix(".tsv")].append(pd.read_csv(path, sep="\t").iloc[0])
    rows = []
    for rule, jobs in found.items():
        table = pd.DataFrame(jobs)
        numbers = table[["s", "max_rss"]].apply(pd.to_numeric, errors="coerce")
        rows.append(
            {
                "rule": rule,
                "jobs": len(table),
                "wall_s": numbers["s"].sum(),
                "mb_mean": numbers["max_rss"].mean(),
                "mb_max": numbers["max_rss"].max(),
            }
        )
    return pd.DataFrame(rows).sort_values("wall_s", ascending=False, ignore_index=True)


def stored(results: Path, images: int) -> dict[str, float]:
    """Return the disk space of each stage, kilobytes for each image."""
    sizes = {}
    for stage in ("manifest", "preprocess/chestx-ray8", "infer/chestx-ray8", "rca/chestx-ray8", "package", "chexmask"):
        files = [path for path in (results / stage).rglob("*") if path.is_file() and not path.is_symlink()]
        sizes[stage.split("/")[0]] = sum(path.stat().st_size for path in files) / images / 1000
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--shards", type=int, nargs="+", default=[10])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--side", type=int, default=256, help="of the images, and of what they are preprocessed to")
    parser.add_argument("--weights", help="such as pretrained; without, a tiny segmenter is trained")
    parser.add_argument("--references", type=int, default=1)
    parser.add_argument("--sources", type=Path)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    measured = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = folder / "results"
        labelled = {"root": "results/cohort/labelled", "images": {"Virtual": "results/cohort/labelled/images"}}
        config = {
            **SMALL,
            "labelled": labelled,
            "scans": {},
            "preprocess": {"size": given.side},
            "infer": {"device": "cpu", "weights": given.weights or TRAINED} | ({} if given.weights else {"samples": 4}),
            "rca": {"references": given.references} | ({} if given.weights else {"size": 128}),
        }
        release = {"root": str(folder / "release"), "shards": 1}
        # Results that do not depend on the release are made first, outside the measurement.
        prepared = {**config, "datasets": {RELEASE: release}}
        if given.weights is None:
            run(folder, prepared, given.cores, TRAINED)
        run(folder, prepared, given.cores, "results/rca/reference.parquet")
        sources = given.sources or results / "cohort/labelled/images"
        files = sorted(path for path in sources.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
        write_release(folder / "release", files, given.images, given.side)
        for shards in given.shards:
            for stage in ("manifest/chestx-ray8.parquet", "preprocess/chestx-ray8", "infer/chestx-ray8"):
                subprocess.run(["rm", "-rf", str(results / stage)], check=True)
            for stage in ("rca/chestx-ray8", "package", "chexmask", "benchmarks", "logs"):
                subprocess.run(["rm", "-rf", str(results / stage)], check=True)
            of_run = {**config, "datasets": {RELEASE: release | {"shards": shards}}}
            found = run(folder, of_run, given.cores, "results/chexmask")
            table = by_rule(results / "benchmarks")
            share = found["scheduler_cpu_s"] / found["cpu_s"]
            rate = given.images / found["wall_s"]
            print(f"\n{given.images} images of {given.side} px, {shards} shards, {given.cores} cores: "
                  f"{found['wall_s']:.0f} s, {rate:.1f} images/s; scheduler {100 * share:.2f} % of the CPU time, "
                  f"{found['cpu_s']:.0f} s; {found['scheduler_mb']:.0f} MB")  # fmt: skip
            print(table.round(1).to_string(index=False))
            disk = stored(results, given.images)
            print("kB an image: " + ", ".join(f"{stage} {size:.1f}" for stage, size in disk.items()))
            rules = table.to_dict("records")
            row = {"images": given.images, "shards": shards, "cores": given.cores, "share": share}
            measured.append(row | found | {"kb_an_image": disk, "rules": rules})
    if given.output:
        given.output.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
