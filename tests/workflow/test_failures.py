import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cxrfactory.workflow.failures import failed_logs, failure_lines

SOURCES = Path(__file__).parents[2] / "src"
# As in the project's Snakefile; of four shards one fails, another ends meanwhile.
SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(SOURCES)!r})
from cxrfactory.workflow.failures import say_last

onerror:
    say_last(workflow.scheduler.failed)

rule all:
    input:
        expand("out/{{shard}}.txt", shard=["0000", "0001", "0002", "0003"]),

rule shard:
    output:
        "out/{{shard}}.txt",
    log:
        "logs/{{shard}}.log",
    shell:
        "(echo read; test {{wildcards.shard}} != 0001 || (echo 'error: a.parquet: damaged'; exit 1); touch {{output}})"
        " 2> {{log}} 1>&2"
"""


def job(name, log, **wildcards):
    rule = SimpleNamespace(name=name)
    return SimpleNamespace(rule=rule, wildcards_dict=wildcards, log=log, is_group=lambda: False)


def test_jobs_of_groups_count_one_by_one_and_are_sorted(tmp_path):
    (tmp_path / "b.log").write_text("read\nerror: b\n\n")
    group = SimpleNamespace(is_group=lambda: True, jobs=[job("rca", [tmp_path / "b.log"], shard="1"), job("all", [])])
    (tmp_path / "c.log").write_text("")
    found = failed_logs([group, job("infer", [tmp_path / "c.log"], dataset="x", shard="0")])
    assert failure_lines(found) == [
        "failed: all: it has no log",
        "failed: infer dataset=x, shard=0: the log is empty",
        f"  {tmp_path / 'c.log'}",
        "failed: rca shard=1: error: b",
        f"  {tmp_path / 'b.log'}",
    ]


@pytest.mark.parametrize("options", [[], ["--keep-going"]])
def test_a_real_run_ends_with_the_failing_shards_log(tmp_path, options):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    done = subprocess.run([sys.executable, "-m", "snakemake", "--cores", "1", *options], cwd=tmp_path,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "failed: shard shard=0001: error: a.parquet: damaged",
        f"  {tmp_path}/logs/0001.log",
    ]
    # Without --keep-going the failing job may well be the first: Snakemake promises no order.
    assert len(list(tmp_path.glob("out/*.txt"))) == 3 or not options
