"""Run the small default job (CT to results/chexmask) locally and on a one-node Slurm: times, jobs, equal bytes.

    make cluster && .venv/cluster/bin/python benchmarks/on_slurm.py --folder SCRATCH

The script needs root and the Debian packages slurm-wlm and munge. The config is that of
tests/workflow/test_end_to_end.py.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

ROOT = Path(__file__).resolve().parents[1]
QUOTING = {"README.md", "SHA256SUMS", "config.yaml"}  # these files contain the name of the results' folder


def main(
    folder: Annotated[Path, typer.Option(help="Scratch folder; made.")],
    cores: Annotated[int, typer.Option(help="Cores of the local run.")] = 2,
) -> None:
    sys.path.insert(0, str(ROOT))
    from tests.workflow.one_node_slurm import OneNodeSlurm, missing

    reason = missing()
    if reason is not None:
        sys.exit(reason)
    folder.mkdir(parents=True)
    local_s = timed(folder / "local", {}, "--cores", str(cores))
    with OneNodeSlurm(memory_mb=32000) as slurm:
        profile = ["--workflow-profile", "workflow/profiles/slurm", "--latency-wait=5", "--slurm-status-command=squeue"]
        slurm_s = timed(folder / "slurm", slurm.environment, *profile, "--slurm-init-seconds-before-status-checks=3")
        jobs = slurm.jobs()
    for job in jobs:
        print(f"{job['Comment']:60} {job['JobState']:10} {job['TRES']:40} {job['TimeLimit']}")
    ours, theirs = product(folder / "local"), product(folder / "slurm")
    result = {"local_s": round(local_s), "slurm_s": round(slurm_s), "jobs": len(jobs), "files": len(ours)}
    print(json.dumps({**result, "same_bytes": ours == theirs}))
    sys.exit(0 if ours == theirs else 1)


def config_of(results: Path) -> dict[str, Any]:
    from tests.workflow.test_end_to_end import SMALL, datasets

    labelled = {"root": f"{results}/cohort/labelled", "images": {"Virtual": f"{results}/cohort/labelled/images"}}
    cohort = {**SMALL["cohort"], "folder": f"{results}/cohort"}
    return {**SMALL, "results": str(results), "cohort": cohort, "datasets": datasets(results, 2), "labelled": labelled}


def timed(results: Path, environment: dict[str, str], *arguments: str) -> float:
    """Make results/chexmask and return the duration in seconds."""
    path = results.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(config_of(results)))
    command = [sys.executable, "-m", "snakemake", *arguments, f"{results}/chexmask", "--configfile", str(path)]
    whole = {**os.environ, **environment}
    whole["PATH"] = f"{Path(sys.executable).parent}:{whole['PATH']}"
    start = time.monotonic()
    with results.with_suffix(".log").open("w") as log:
        subprocess.run(command, cwd=ROOT, env=whole, stdout=log, stderr=log, check=True)
    return time.monotonic() - start


def product(results: Path) -> dict[str, bytes]:
    """Return the files of the product that do not quote the config."""
    folder = results / "chexmask"
    kept = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept if path.name not in QUOTING}


if __name__ == "__main__":
    typer.run(main)
