"""Measure the stages of roots on one plate of many pictures: pictures per second, and memory.

    python benchmarks/roots_plate.py FOLDER --weights unet.safetensors [--frames 2000]

Makes a virtual plate (a picture every 15 minutes) in ``FOLDER``, reads it, finds its roots and makes its graphs, each
stage in a process of its own by the command that the workflow runs. Prints one line a stage: seconds, pictures per
second, largest memory. The stage of the networks also logs their own speed, without reading and writing. Memory is flat
if it is the same for 200 and for 2,000 pictures. With ``--kill N``, the stage of the networks is killed after N
seconds first, and its table must have the same bytes in the end.
"""

import argparse
import hashlib
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path


def run(folder: Path, name: str, options: list[str], pictures: int) -> None:
    """Run a stage, and print its time and memory."""
    command = [sys.executable, "-m", "cxrfactory", "stage", name, *options]
    started = time.monotonic()
    with (folder / f"{name}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit((folder / f"{name}.log").read_text(encoding="utf-8"))
    seconds = time.monotonic() - started
    said = re.findall(r"[\d.]+ pictures/s of the networks alone", (folder / f"{name}.log").read_text(encoding="utf-8"))
    alone = f", {said[-1]}" if said else ""
    memory = usage.ru_maxrss / 1024
    print(f"{name}: {seconds:.1f} s, {pictures / seconds:.2f} pictures/s, {memory:.0f} MiB{alone}", flush=True)


def killed(folder: Path, options: list[str], seconds: float) -> None:
    """Start the stage of the networks and kill it."""
    process = subprocess.Popen([sys.executable, "-m", "cxrfactory", "stage", "roots-segment", *options],
                               stderr=subprocess.DEVNULL)  # fmt: skip
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"roots-segment: killed after {seconds:g} s; {(folder / 'masks.parquet').exists()=}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--kill", type=float)
    chosen = parser.parse_args()
    folder, frames = chosen.folder, chosen.frames
    folder.mkdir(parents=True, exist_ok=True)
    plate, truth = folder / "first-0", folder / "truth"
    hours = 180.0  # of growth, as in the default cohort
    run(folder, "roots-cohort", ["--plate=first-0", f"--output={plate}", f"--truth={truth}", f"--frames={frames}",
                                 f"--interval-minutes={hours * 60 / frames}"], frames)  # fmt: skip
    tables = {name: folder / f"{name}.parquet" for name in ("frames", "plants", "rejected", "masks", "found", "nodes",
                                                            "edges", "traits", "laterals")}  # fmt: skip
    read = [f"--{name}={tables[name]}" for name in ("frames", "plants", "rejected")]
    run(folder, "roots-read", [f"--root={plate}", *read], frames)
    one = ["--shard=0", "--plate-shards=1"]
    segment = [f"--frames={tables['frames']}", f"--weights={chosen.weights}", *one, f"--output={tables['masks']}",
               f"--rejected={folder / 'lost.parquet'}"]  # fmt: skip
    if chosen.kill is not None:
        killed(folder, segment, chosen.kill)
    run(folder, "roots-segment", segment, frames)
    print(f"masks: sha256 {hashlib.sha256(tables['masks'].read_bytes()).hexdigest()}")
    names = ("found", "nodes", "edges", "traits", "laterals")
    run(folder, "roots-graphs", [f"--frames={tables['frames']}", f"--plants={tables['plants']}",
                                 f"--masks={tables['masks']}", *one,
                                 *(f"--{name}={tables[name]}" for name in names)], frames)  # fmt: skip
    run(folder, "roots-files", [f"--frames={tables['frames']}", f"--nodes={tables['nodes']}",
                                f"--edges={tables['edges']}", f"--masks={tables['masks']}", *one,
                                f"--output={folder / 'files'}", f"--pictures={folder / 'pictures.parquet'}"],
        frames)  # fmt: skip
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
