"""A product in the making, as Snakemake leaves its files: two shards of one release, no network, no pictures."""

import os
from base64 import urlsafe_b64encode
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from cxrfactory.config import parse_config
from cxrfactory.status.jobs import stages_of
from cxrfactory.tables.parquet import write_arrow, write_table
from cxrfactory.tables.schemas import REJECTED


class Run:
    """A folder in which a workflow is run."""

    def __init__(self) -> None:
        self.config = parse_config(
            {
                "results": "results",
                "datasets": {"padchest": {"root": "release", "shards": 3}},
                "scans": {},
                "infer": {"weights": "w.safetensors"},
            }
        )
        self.time = 1_000_000_000

    def stages(self):
        return stages_of(self.config, "chexmask")

    def stage(self, rule):
        return next(stage for stage in self.stages() if stage.rule == rule)

    def finish(self, rule, number=0, rows=4, rejected=1, seconds=10.0):
        """What a job leaves that ended well: outputs, log, times, in this order."""
        job = self.stage(rule).jobs[number]
        for path in job.outputs:
            if path.suffix == ".csv":
                path.write_text("x\n")
            elif path == job.rejected:
                lost = [(f"lost{row}", None, rule, "empty file") for row in range(rejected)]
                write_table(pd.DataFrame(lost, columns=REJECTED.names), path, REJECTED)
            else:
                included = [row % 4 != 3 for row in range(rows)]
                write_arrow(pa.table({"image_id": [f"id{row}" for row in range(rows)], "included": included}), path)
        self.log(job, "wrote")
        job.benchmark.parent.mkdir(parents=True, exist_ok=True)
        job.benchmark.write_text(f"s\th:m:s\n{seconds}\t0:00:10\n")
        self.stamp(job.benchmark)
        return job

    def log(self, job, text):
        job.log.parent.mkdir(parents=True, exist_ok=True)
        job.log.write_text(f"00:00:00 INFO read\n{text}\n\n")
        self.stamp(job.log)

    def stamp(self, path):
        self.time += 1
        os.utime(path, (self.time, self.time))

    def mark(self, path, limit=254):
        """Snakemake's note of a job that was begun."""
        code = urlsafe_b64encode(str(path).encode()).decode()
        pieces = [code[start : start + limit] for start in range(0, len(code), limit)]
        note = Path(".snakemake/incomplete", *(f"@{piece}" for piece in pieces[:-1]), pieces[-1])
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text("{}")

    def lock(self):
        Path(".snakemake/locks").mkdir(parents=True, exist_ok=True)
        Path(".snakemake/locks/0.output.lock").write_text("results/chexmask\n")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Run()
