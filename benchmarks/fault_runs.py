"""Interrupt real runs of the workflow, run them again, and compare all bytes of the product with an undisturbed run.

Run from the repository's root, with the `workflow` extra installed (disk and file-system faults need root, on Linux)::

    python benchmarks/fault_runs.py [--kills 20] [--faults kill two-at-once disk-full read-only clock cut-shard]
        [--output results.json]

Kills come at random moments (`--seed`): SIGKILL goes to Snakemake and all its workers, as in a power failure, or to one
worker only, as from the kernel when memory runs out. Then `snakemake --unlock` and the same command follow. A run
trains, infers, scores and packages a small virtual cohort. Every fourth run starts with only the cohort; the others
start with trained weights.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
TARGET = "results/chexmask"
FRESH = ("cohort",)  # results that a run from the start keeps
WEIGHTED = ("cohort", "train", "preprocess/labelled.parquet", "preprocess/labelled.rejected.parquet",
            "manifest/labelled.parquet", "manifest/labelled.rejected.parquet")  # fmt: skip
A_DAY_S = 86_400.0
CONFIG = {
    "cohort": {"patients": 22, "labelled": 12, "scans": 2},
    "datasets": {name: {"root": f"results/cohort/{name}", "shards": 3} for name in ("mimic-cxr-jpg", "vindr-cxr")},
    "labelled": {"root": "results/cohort/labelled", "images": {"Virtual": "results/cohort/labelled/images"}},
    "scans": {},
    "preprocess": {"size": 512},
    "model": {"input_size": 64},
    "train": {"epochs": 6, "validate_every": 2, "threads": 1},
    "infer": {"samples": 4, "device": "cpu"},
    "rca": {"references": 2, "size": 128},
}


def command(folder: Path, *more: str) -> list[str]:
    """Return the user's command for a working folder."""
    return [
        *(sys.executable, "-m", "snakemake", "--cores", "2", TARGET, "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(folder), "--configfile", str(folder / "config.yaml"), *more),
    ]


def start(folder: Path) -> subprocess.Popen:
    """Start a run in a new process group; its output goes to ``printed.log``."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with (folder / "printed.log").open("w") as printed:
        return subprocess.Popen(
            command(folder),
            cwd=ROOT,  # Snakemake finds the project's profile here, as for a user
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def finish(folder: Path) -> tuple[int, str]:
    """Unlock and run to the end; return the exit status and the output."""
    subprocess.run(command(folder, "--unlock"), cwd=ROOT, capture_output=True, check=False)
    status = start(folder).wait()
    return status, (folder / "printed.log").read_text()


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of the product."""
    product = folder / TARGET
    return {
        path.relative_to(product).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(product.rglob("*"))
        if path.is_file()
    }


def differing(folder: Path, expected: dict[str, str]) -> list[str]:
    """Return the names of the product's files that are missing, new or have other bytes."""
    found = digests(folder)
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def copied(source: Path, folder: Path, kept: tuple[str, ...]) -> Path:
    """Make a working folder with some of another folder's results, including their times."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "config.yaml", folder)
    for name in kept:
        if (source / "results" / name).is_dir():
            shutil.copytree(source / "results" / name, folder / "results" / name, dirs_exist_ok=True)
        elif (source / "results" / name).is_file():
            (folder / "results" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / "results" / name, folder / "results" / name)
    if (source / ".snakemake/metadata").is_dir():
        shutil.copytree(source / ".snakemake/metadata", folder / ".snakemake/metadata")
    return folder


def workers_of(group: int) -> list[int]:
    """Return the process ids of a group that run a stage of this package (Linux)."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes().split(b"\0")
            if os.getpgid(int(place.name)) == group and b"cxrfactory" in line and b"snakemake" not in line:
                found.append(int(place.name))
        except (OSError, ValueError):
            continue
    return found


def kill_all(run: subprocess.Popen, _: random.Random) -> str:
    """Kill all processes, as in a power failure: no process can clean up."""
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    return "Snakemake and its workers"


def kill_worker(run: subprocess.Popen, rng: random.Random) -> str:
    """Kill one worker, as the kernel does when memory runs out; the other processes end by themselves."""
    workers = workers_of(run.pid)
    if not workers:
        return kill_all(run, rng)
    os.kill(rng.choice(sorted(workers)), signal.SIGKILL)
    run.wait()
    return "one worker"


def kills(reference: Path, scratch: Path, expected: dict[str, str], rounds: int, seed: int) -> Iterator[dict]:
    """Kill runs at random moments, drawn over the duration of an undisturbed run."""
    took = {}
    for name, kept in (("fresh", FRESH), ("weighted", WEIGHTED)):
        folder = copied(reference, scratch / f"time-{name}", kept)
        begun = time.monotonic()
        status, text = finish(folder)
        took[name] = time.monotonic() - begun
        if status or (differs := differing(folder, expected)):
            sys.exit(f"an undisturbed run ended with {status}, other bytes in {differs}:\n{text[-2000:]}")
        shutil.rmtree(folder)
    rng, number, done = random.Random(seed), 0, 0
    while done < rounds:
        name, kept = ("fresh", FRESH) if done % 4 == 0 else ("weighted", WEIGHTED)
        folder = copied(reference, scratch / f"kill-{number}", kept)
        run, moment = start(folder), rng.uniform(0.05, 0.95) * took[name]
        begun, number = time.monotonic(), number + 1
        while time.monotonic() - begun < moment and run.poll() is None:
            time.sleep(0.02)
        if run.poll() is not None:  # the run ended before the moment of the kill, so it is not counted
            took[name] = min(took[name], time.monotonic() - begun)
            shutil.rmtree(folder)
            continue
        how = (kill_all, kill_worker)[done % 3 == 2](run, rng)
        status, text = finish(folder)
        row = {"fault": "kill", "what": how, "after_s": round(moment, 1), "rerun": status}
        yield row | {"differs": differing(folder, expected)} | ({"said": text[-1500:]} if status else {})
        shutil.rmtree(folder)
        done += 1


def two_at_once(reference: Path, scratch: Path, expected: dict[str, str]) -> Iterator[dict]:
    """Start a second run in the same folder, which must be refused without any damage."""
    folder = copied(reference, scratch / "two", WEIGHTED)
    first = start(folder)
    while not any((folder / ".snakemake/locks").glob("*")) and first.poll() is None:
        time.sleep(0.05)
    second = subprocess.run(command(folder), cwd=ROOT, capture_output=True, text=True, check=False)
    first.wait()
    yield {
        "fault": "two runs at once",
        "what": _line(second.stdout + second.stderr, "lock"),
        "refused": second.returncode != 0,
        "rerun": first.returncode,
        "differs": differing(folder, expected),
    }
    shutil.rmtree(folder)


@contextmanager
def mounted(place: Path, megabytes: int) -> Iterator[None]:
    """Mount a file system in memory with a fixed size."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def disk_full(reference: Path, scratch: Path, expected: dict[str, str]) -> Iterator[dict]:
    """Fill a small disk at several points of the run, and then enlarge it."""
    sizes = [sum(path.stat().st_size for path in (reference / "results" / name).rglob("*")) for name in WEIGHTED[:2]]
    needed = sum(sizes) / 2**20
    for spare in (1, 4, 8):  # MB in addition to the files at the start
        with mounted(scratch / "disk", int(needed) + 3 + spare):
            folder = copied(reference, scratch / "disk/run", WEIGHTED)
            status, text = finish(folder)
            left = [path for path in (folder / "results").rglob(".*.tmp*")]
            subprocess.run(["mount", "-o", "remount,size=2000m", str(scratch / "disk")], check=True)
            again, _ = finish(folder)
            yield {
                "fault": "disk full",
                "what": _line(text, "No space left", "disk"),
                "refused": status != 0,
                "left_behind": len(left),
                "rerun": again,
                "differs": differing(folder, expected),
            }


def read_only(reference: Path, scratch: Path, expected: dict[str, str]) -> Iterator[dict]:
    """Make the file system of the results read-only, as a failing disk does, and then writable again."""
    with mounted(scratch / "ro", 2000):
        folder = copied(reference, scratch / "ro/run", WEIGHTED)
        subprocess.run(["mount", "-o", "remount,ro", str(scratch / "ro")], check=True)
        done = subprocess.run(command(folder), cwd=ROOT, capture_output=True, text=True, check=False)
        subprocess.run(["mount", "-o", "remount,rw", str(scratch / "ro")], check=True)
        again, _ = finish(folder)
        yield {
            "fault": "read-only output",
            "what": _line(done.stdout + done.stderr, "Read-only"),
            "refused": done.returncode != 0,
            "rerun": again,
            "differs": differing(folder, expected),
        }


def clock(reference: Path, scratch: Path, expected: dict[str, str]) -> Iterator[dict]:
    """Set the times of half of a run's files a day ahead or a day behind."""
    for days in (1, -1):
        folder = copied(reference, scratch / f"clock{days}", WEIGHTED)
        run = start(folder)
        while not list((folder / "results").glob("infer/*/*.parquet")) and run.poll() is None:
            time.sleep(0.05)
        kill_all(run, random.Random(0))
        for path in (folder / "results").rglob("*.parquet"):
            now = path.stat().st_mtime
            os.utime(path, (now + days * A_DAY_S, now + days * A_DAY_S))
        status, text = finish(folder)
        row = {
            "fault": "clock jump",
            "what": f"intermediate tables {abs(days)} day in the {'future' if days > 0 else 'past'}",
            "refused": status != 0,
        }
        if status:  # the remedy in docs/running.md: files from the future get the present time
            row["what"] += ": " + _line(text, "clock skew")
            moved = "find results -newermt now -exec touch {} +"
            subprocess.run(moved, shell=True, cwd=folder, check=True)
            status, text = finish(folder)
        yield (
            row | {"rerun": status, "differs": differing(folder, expected)} | ({"said": text[-1500:]} if status else {})
        )
        shutil.rmtree(folder)


def cut_shard(reference: Path, scratch: Path, expected: dict[str, str]) -> Iterator[dict]:
    """Cut a shard in half with an unchanged time; the next stage must detect it, and a new shard must repair it."""
    for stage in ("preprocess", "infer", "rca"):
        folder = copied(reference, scratch / f"cut-{stage}", tuple(p.name for p in (reference / "results").iterdir()))
        shard = min((folder / "results" / stage / "mimic-cxr-jpg").glob("0*-of-0003.parquet"))
        times, data = shard.stat(), shard.read_bytes()
        shard.write_bytes(data[: len(data) // 2])
        os.utime(shard, (times.st_atime, times.st_mtime))
        follower = {"preprocess": "infer", "infer": "package", "rca": "package"}[stage]
        for path in (folder / "results" / follower).rglob("*.parquet"):
            path.unlink()
        shutil.rmtree(folder / TARGET)
        shutil.rmtree(folder / "results/package")
        status, text = finish(folder)
        shard.unlink()
        again, _ = finish(folder)
        yield {
            "fault": "cut shard",
            "what": _line(text, shard.name),
            "refused": status != 0,
            "rerun": again,
            "differs": differing(folder, expected),
        }
        shutil.rmtree(folder)


def _line(text: str, *words: str) -> str:
    """Return the last line that contains one of the words."""
    found = [line.strip() for line in text.splitlines() if any(word.lower() in line.lower() for word in words)]
    return found[-1][:300] if found else text.strip().splitlines()[-1][:300] if text.strip() else ""


FAULTS: dict[str, Callable[[Path, Path, dict[str, str]], Iterator[dict]]] = {
    "two-at-once": two_at_once,
    "disk-full": disk_full,
    "read-only": read_only,
    "clock": clock,
    "cut-shard": cut_shard,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--faults", nargs="+", default=["kill", *FAULTS], choices=["kill", *FAULTS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        reference = scratch / "reference"
        reference.mkdir()
        (reference / "config.yaml").write_text(yaml.safe_dump(CONFIG))
        status, text = finish(reference)
        if status:
            sys.exit(f"the undisturbed run failed:\n{text[-3000:]}")
        expected = digests(reference)
        for fault in given.faults:
            rows = kills(reference, scratch, expected, given.kills, given.seed) if fault == "kill" else FAULTS[fault](
                reference, scratch, expected
            )  # fmt: skip
            for row in rows:
                print(row, flush=True)
                found.append(row)
    good = sum(not row["differs"] and row["rerun"] == 0 for row in found)
    print(f"{good} of {len(found)} broken runs ended, run again, with the bytes of the undisturbed one")
    if given.output:
        given.output.write_text(json.dumps(found, indent=2) + "\n")
    sys.exit(0 if good == len(found) else 1)


if __name__ == "__main__":
    main()
