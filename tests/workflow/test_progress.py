"""Progress of running jobs on the terminal of a plain ``snakemake``."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from cxrfactory.workflow.progress import Watcher, show_progress, state_of

SOURCES = Path(__file__).parents[2] / "src"
STAMP = "2026-11-27 12:00:00 INFO"
# As in the project's Snakefile, but for a shorter interval. The job writes as trainings do.
SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(SOURCES)!r})
from cxrfactory.workflow.progress import show_progress, stop_progress

onstart:
    show_progress(workflow, 0.4)

onsuccess:
    stop_progress()

onerror:
    stop_progress()

rule train:
    output:
        "out/{{model}}.txt",
    log:
        "logs/{{model}}.log",
    shell:
        "(for n in 80 160; do echo \\"{STAMP} epoch $n of 220, $n s: loss 0.1\\"; sleep 1; done; touch {{output}})"
        " > {{log}}"
"""


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("infer: 120 of 1000 (12 %), 3.4/s, 4 min left", "120 of 1000 (12 %), 3.4/s, 4 min left"),
        ("[vindr-cxr/0000-of-0002] rca: 5 of 9 (55 %), 12 s each, 48 s left", "5 of 9 (55 %), 12 s each, 48 s left"),
        ("epoch 80 of 220, 80 s: loss 0.1, val lungs 0.9", "epoch 80 of 220, 2 min left"),
        ("step 500 of 4000, 60 s: dice 0.9; val", "step 500 of 4000, 7 min left"),
        ("epoch 220 of 220, 80 s: loss 0.1", "epoch 220 of 220"),
        ("wrote results/train/segmenter.safetensors", None),
        ("infer: 1000 in 4 min, 3.4/s", None),
    ],
)
def test_what_a_line_tells(line, state):
    assert state_of([f"{STAMP} {line}"]) == state
    assert state_of([f"{STAMP} epoch 1 of 2, 3 s: loss", f"{STAMP} {line}"]) == (state or "epoch 1 of 2, 3 s left")


def job(log, **wildcards):
    rule = SimpleNamespace(name="infer")
    return SimpleNamespace(rule=rule, wildcards_dict=wildcards, log=[log], is_group=lambda: False)


def test_a_line_is_said_once_and_not_before_the_job_has_run_a_while(tmp_path):
    log = tmp_path / "a.log"
    running, said = [job(log, dataset="x", shard="0")], []
    watcher = Watcher(lambda: running, said.append, interval_s=20)
    log.write_text(f"{STAMP} infer: 1 of 9 (11 %), 1/s, 8 s left\n")  # of an earlier run of the job
    watcher.look(0)
    watcher.look(19)
    assert said == []
    watcher.look(20)
    watcher.look(40)
    assert said == ["infer x 0: 1 of 9 (11 %), 1/s, 8 s left"]
    log.write_text(f"{STAMP} infer: 2 of 9 (22 %), 1/s, 7 s left\n")
    watcher.look(60)
    assert said[1:] == ["infer x 0: 2 of 9 (22 %), 1/s, 7 s left"]
    log.unlink()
    watcher.look(80)
    running.clear()
    watcher.look(100)
    assert len(said) == 2


def test_an_error_ends_the_watcher_alone(monkeypatch):
    said = []
    monkeypatch.setattr("cxrfactory.workflow.progress.get_logger", lambda name: SimpleNamespace(warning=said_by(said)))

    def fail():
        raise RuntimeError("another version of Snakemake")

    Watcher(fail, print, interval_s=0.02).start()
    end = time.monotonic() + 5
    while not said and time.monotonic() < end:
        time.sleep(0.02)
    assert said == ["progress is shown no more: RuntimeError: another version of Snakemake"]


def said_by(said):
    return lambda text, *values: said.append(text % values)


def test_a_quiet_run_stays_quiet():
    workflow = SimpleNamespace(output_settings=SimpleNamespace(quiet={"progress"}))
    show_progress(workflow)  # asks for no scheduler


@pytest.mark.parametrize("options", [[], ["--quiet", "progress"]])
def test_a_real_run_says_how_far_its_job_is(tmp_path, options):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "out/unet.txt", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("train unet: ")]
    expected = ["train unet: epoch 80 of 220, 2 min left", "train unet: epoch 160 of 220, 60 s left"]
    assert lines == ([] if options else expected)
