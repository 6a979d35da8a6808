import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cxrfactory.workflow.scheduling import drop_default_rate_limit

SOURCES = Path(__file__).parents[2] / "src"
# As in the project's Snakefile. Counts the timers that Snakemake starts while twelve jobs run on one core.
SNAKEFILE = f"""
import sys, threading
sys.path.insert(0, {str(SOURCES)!r})
from cxrfactory.workflow.scheduling import drop_default_rate_limit

class Counted(threading.Timer):
    started = 0

    def start(self):
        Counted.started += 1
        super().start()

threading.Timer = Counted

onstart:
    {{line}}

onsuccess:
    open("timers.txt", "w").write(str(Counted.started))

rule all:
    input:
        expand("out/{{{{shard}}}}.txt", shard=range(12)),

rule shard:
    output:
        "out/{{{{shard}}}}.txt",
    shell:
        "sleep 0.2; touch {{{{output}}}}"
"""
CALL = "drop_default_rate_limit(workflow.scheduler)"


def timers(folder, line, *options):
    (folder / "Snakefile").write_text(SNAKEFILE.format(line=line))
    subprocess.run([sys.executable, "-m", "snakemake", "--cores", "1", *options], cwd=folder, check=True,
                   capture_output=True)  # fmt: skip
    return int((folder / "timers.txt").read_text())


def test_no_timer_looks_for_jobs_again_and_again(tmp_path):
    assert timers(tmp_path, CALL) == 0


def test_a_limit_that_is_asked_for_stays(tmp_path):
    assert timers(tmp_path, CALL, "--max-jobs-per-timespan", "50/1s") > 0


@pytest.mark.parametrize("given", [(100, 1), (60, 60), (100, 2), (1, 1)])
def test_only_the_default_limit_goes(given):
    limit = SimpleNamespace(max_jobs=given[0], timespan=given[1])
    scheduler = SimpleNamespace(job_rate_limiter=limit)
    drop_default_rate_limit(scheduler)
    assert scheduler.job_rate_limiter is (None if given == (100, 1) else limit)


def test_a_scheduler_without_limit_is_left_alone():
    scheduler = SimpleNamespace(job_rate_limiter=None)
    drop_default_rate_limit(scheduler)
    assert scheduler.job_rate_limiter is None
