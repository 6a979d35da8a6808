"""CPU time of Snakemake itself over 1,020 short jobs in 340 chains of three, with and without its default rate limit.

Run from the repository's root, with the `workflow` extra installed::

    PYTHONPATH=src python benchmarks/bench_scheduler.py [--chains 340] [--cores 8] [--seconds 0.3]

The jobs only sleep, so that the CPU time is Snakemake's own. A run of 676,803 images has as many shards (340) as there
are chains.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src"
SNAKEFILE = """
import resource
import sys

sys.path.insert(0, {sources!r})
from cxrfactory.workflow.scheduling import drop_default_rate_limit

onstart:
    {onstart}

onsuccess:
    used = resource.getrusage(resource.RUSAGE_SELF)
    open("used.txt", "w").write(str(used.ru_utime + used.ru_stime))

rule all:
    input: expand("c/{{i}}", i=range({chains}))

rule a:
    output: "a/{{i}}"
    resources: mem_mb=lambda wildcards, attempt: 4000 * attempt
    shell: "sleep {seconds}; touch {{output}}"

rule b:
    input: "a/{{i}}"
    output: "b/{{i}}"
    resources: mem_mb=lambda wildcards, attempt: 4000 * attempt
    shell: "sleep {seconds}; touch {{output}}"

rule c:
    input: "a/{{i}}", "b/{{i}}"
    output: "c/{{i}}"
    resources: mem_mb=lambda wildcards, attempt: 4000 * attempt
    shell: "sleep {seconds}; touch {{output}}"
"""


def measure(given: argparse.Namespace, onstart: str) -> tuple[float, float]:
    """Return wall seconds, and CPU seconds of the Snakemake process without its jobs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = SNAKEFILE.format(sources=str(SOURCES), onstart=onstart, chains=given.chains, seconds=given.seconds)
        (folder / "Snakefile").write_text(text)
        start = time.perf_counter()
        command = [sys.executable, "-m", "snakemake", "--cores", str(given.cores), "--scheduler", "greedy"]
        subprocess.run([*command, "--quiet", "all"], cwd=folder, check=True)
        return time.perf_counter() - start, float((folder / "used.txt").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, default=340)
    parser.add_argument("--cores", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.3)
    given = parser.parse_args()
    for name, onstart in (("as it is", "pass"), ("as here", "drop_default_rate_limit(workflow.scheduler)")):
        wall, used = measure(given, onstart)
        print(f"{name:9} {wall:6.1f} s, Snakemake's own {used:5.1f} s: {100 * used / wall:5.1f} % of one core")


if __name__ == "__main__":
    main()
