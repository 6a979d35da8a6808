"""Damaged intermediate files in the real workflow: noticed by content, named in one line, made anew on request.

A run of few images with weights that come with the package; nothing is trained.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
SHARD = "preprocess/vindr-cxr/0001-of-0002.parquet"


class Run:
    """A small run in a folder of its own, so that its ``.snakemake`` is its own too."""

    def __init__(self, folder):
        self.folder, self.results = folder, folder / "results"
        cohort = "results/cohort"
        self.config = {
            "cohort": {"folder": cohort, "patients": 7, "labelled": 3, "scans": 1, "scan_spacing_mm": 5.0},
            "datasets": {"vindr-cxr": {"root": f"{cohort}/vindr-cxr", "shards": 2}},
            "scans": {},
            "labelled": {"root": f"{cohort}/labelled", "images": {"Virtual": f"{cohort}/labelled/images"}},
            "preprocess": {"size": 512},
            "infer": {"weights": "pretrained", "samples": 2, "device": "cpu"},
            "rca": {"references": 2, "size": 128},
        }
        (folder / "run.yaml").write_text(yaml.safe_dump(self.config))
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
        }

    def call(self, *command):
        return subprocess.run([sys.executable, "-m", *command], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, check=False)  # fmt: skip

    def snakemake(self, *options):
        fixed = ("--snakefile", str(ROOT / "Snakefile"), "--configfile", "run.yaml", "--cores", "2", "--keep-going")
        return self.call("snakemake", *fixed, "results/chexmask", *options)

    def status(self, *options):
        return self.call("cxrfactory", "status", "chexmask", "--configfile", "run.yaml", *options)

    def product(self):
        """The product's files but the card and the sums: they name the source commit, which may change meanwhile."""
        folder = self.results / "chexmask"
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.name not in ("README.md", "SHA256SUMS", ".snakemake_timestamp")
        }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("damage"))
    done = run.snakemake()
    assert done.returncode == 0, done.stderr[-6000:]
    return run


def test_status_of_a_complete_run(run):
    done = run.status()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith("jobs done")
    assert run.status("--check").stdout.endswith(" 0 damaged\n")


def test_a_shard_cut_in_half_stops_what_reads_it_in_one_line(run):
    expected, path = run.product(), run.results / SHARD
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done = run.snakemake()
    assert done.returncode == 1
    logs = [line.strip() for line in done.stderr.splitlines()[-4:] if line.startswith("  ")]
    assert logs
    assert f"{run.results}/logs/infer/vindr-cxr/0001-of-0002.log" in logs
    for log in logs:  # every stage that reads the shard says it in one line, without a traceback
        text = Path(log).read_text()
        assert text.splitlines()[-1].startswith(f"error: results/{SHARD}: not a readable Parquet file: damaged")
        assert "Traceback" not in text
    state = run.status()
    assert "1 failed; 1 damaged" in state.stdout.splitlines()[0]
    assert "delete it and run the workflow again" in state.stdout
    path.unlink()
    done = run.snakemake(f"results/{SHARD}")
    assert done.returncode == 0, done.stderr[-6000:]
    assert path.is_file()
    assert run.product() == expected


def test_bits_lost_without_a_trace_are_found_by_the_check_and_mended(run):
    expected, path = run.product(), run.results / SHARD
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "Nothing to be done" in run.snakemake().stderr  # by time stamps all is well
    found = run.status("--check")
    assert found.returncode == 1
    assert f"rm -r -- results/{SHARD}\nsnakemake --cores all results/{SHARD} results/chexmask" in found.stdout
    assert run.status("--check", "--delete-damaged").returncode == 0
    assert not path.exists()
    done = run.snakemake(f"results/{SHARD}")
    assert done.returncode == 0, done.stderr[-6000:]
    assert run.product() == expected
    assert run.status("--check").returncode == 0


def test_a_damaged_product_is_made_anew(run):
    expected = run.product()
    table = next((run.results / "chexmask").glob("OriginalResolution/*.csv"))
    table.write_bytes(table.read_bytes()[:-100])  # in place: the packed release shares the file
    found = run.status("--check")
    assert found.returncode == 1
    assert len([line for line in found.stdout.splitlines() if line.startswith("damaged: ")]) == 2
    assert run.status("--check", "--delete-damaged").returncode == 0
    done = run.snakemake()
    assert done.returncode == 0, done.stderr[-6000:]
    assert run.product() == expected


def test_a_killed_run_is_told_from_a_running_one(run):
    job = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "run.yaml",
         "--cores", "1", "--forcerun=rca", "results/chexmask"],
        cwd=run.folder, env=run.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(300):
            running = re.search(r"; \d+ running;", run.status().stdout)
            if running:
                break
        assert running
    finally:
        os.killpg(job.pid, 9)
        job.wait()
    assert run.snakemake("--unlock").returncode == 0
    assert "1 stopped" in run.status().stdout.splitlines()[0]
    done = run.snakemake(
        "--rerun-incomplete", "--forcerun=rca"
    )  # an optional rerun was killed: nothing else asks for it
    assert done.returncode == 0, done.stderr[-6000:]
    assert run.status().stdout.splitlines()[0].endswith("jobs done")
