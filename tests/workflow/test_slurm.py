"""The workflow on a real Slurm of one node: what jobs ask for, what happens to killed ones, and the same bytes."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from .one_node_slurm import OneNodeSlurm, missing
from .test_end_to_end import snakemake

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
RELEASE, SHARDS = "vindr-cxr", 2
SMALL = {
    "cohort": {"patients": 12, "labelled": 6, "release_size": 512},
    "preprocess": {"size": 256},
    "model": {"input_size": 64},
    "train": {"epochs": 2, "validate_every": 1},
    "infer": {"samples": 2, "device": "cpu"},
    "rca": {"references": 1, "size": 128},
}
FAST = ("--latency-wait=5", "--slurm-init-seconds-before-status-checks=3", "--slurm-status-command=squeue")
# What the rules ask for, as Slurm names it: cores, memory in MB, time.
ASKED = {
    "ingest": (1, 4000, "01:00:00"),
    "preprocess": (4, 4000, "02:00:00"),
    "infer": (4, 6000, "02:00:00"),
    "rca": (8, 8000, "12:00:00"),
    "rca_reference": (2, 4000, "01:00:00"),
}
# What closes the product goes to the cluster as one job.
CLOSING = [f"{rule}=closing" for rule in ("config_used", "selection", "overlays", "package", "worst", "chexmask")]
LITTLE_MB = 50  # too little for Python and its libraries


@pytest.fixture(scope="module")
def slurm():
    reason = missing()
    if reason is None and importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        reason = "Snakemake's executor for Slurm is not installed (make cluster)"
    if reason is not None:
        pytest.skip(reason)
    with OneNodeSlurm(cpus=8, memory_mb=32000, gpus=2) as started:
        yield started


@pytest.fixture(scope="module")
def local(slurm, tmp_path_factory):
    """The same config made on this machine, without Slurm."""
    folder = tmp_path_factory.mktemp("local")
    config = config_of(folder / "results", folder / "results/cohort")
    snakemake(folder, "config", 2, config, str(folder / "results/chexmask"))
    return folder / "results"


def config_of(results, cohort):
    labelled = {"root": f"{cohort}/labelled", "images": {"Virtual": f"{cohort}/labelled/images"}}
    return {
        **SMALL,
        "results": str(results),
        "cohort": {**SMALL["cohort"], "folder": str(cohort)},
        "datasets": {RELEASE: {"root": f"{cohort}/{RELEASE}", "shards": SHARDS}},
        "labelled": labelled,
    }


def submit(slurm, folder, config, *arguments):
    path = folder / "slurm.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "workflow/profiles/slurm", *FAST]
    command += [*arguments, "--configfile", str(path)]
    environment = {**os.environ, **slurm.environment}
    environment["PATH"] = f"{Path(sys.executable).parent}:{slurm.environment['PATH']}"
    with (folder / "snakemake.log").open("w") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)


def watch(running, slurm, deeds, seconds=600):
    """Wait for Snakemake; meanwhile do, once each, what ``deeds`` tells to do to a job that has begun its work."""
    end = time.monotonic() + seconds
    left = dict(deeds)
    try:
        while running.poll() is None:
            assert time.monotonic() < end, f"no end after {seconds} s"
            for job in slurm.jobs() if left else []:
                log, command = left.get(job["Comment"], (None, None))
                if log is not None and job["JobState"] == "RUNNING" and log.exists():
                    slurm.run(*command, job["JobId"])
                    del left[job["Comment"]]
            time.sleep(0.3)
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
    assert not left, f"never seen at work: {sorted(left)}"
    return running.returncode


def product(results):
    """The files of the product that do not quote the config, which names the results' folder."""
    folder = results / "chexmask"
    kept = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    quoting = {"README.md", "SHA256SUMS", "config.yaml"}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept if path.name not in quoting}


def asked(job):
    words = dict(word.split("=", 1) for word in job["TRES"].split(","))
    return int(words["cpu"]), int(words["mem"].removesuffix("M")), job["TimeLimit"]


def test_killed_jobs_are_made_again_and_the_product_is_the_same(slurm, local, tmp_path):
    results = tmp_path / "results"
    shard = f"{RELEASE}_0000-of-0002"
    log = f"{RELEASE}/0000-of-0002.log"
    other = shard.replace("0000", "0001")
    config = config_of(results, local / "cohort")
    config["infer"] = {**SMALL["infer"], "weights": str(local / "train/segmenter.safetensors")}
    running = submit(
        slurm,
        tmp_path,
        config,
        str(results / "chexmask"),
        f"--set-resources=ingest_labelled:mem_mb={LITTLE_MB} if attempt == 1 else 4000",
        "--groups",
        *CLOSING,
    )
    deeds = {
        f"rule_infer_wildcards_{shard}": (results / "logs/infer" / log, ("scancel",)),
        # What Slurm does by itself with the jobs of a node that it has lost.
        f"rule_preprocess_wildcards_{other}": (
            results / "logs/preprocess" / log.replace("0000", "0001"),
            ("scontrol", "requeue"),
        ),
    }
    code = watch(running, slurm, deeds)
    assert code == 0, (tmp_path / "snakemake.log").read_text()[-6000:]
    assert product(results) == product(local)
    assert len(product(results)) == 9

    jobs = slurm.jobs()
    first, second = (job for job in jobs if job["Comment"] == f"rule_infer_wildcards_{shard}")
    assert (first["JobState"], second["JobState"]) == ("CANCELLED", "COMPLETED")
    cores, memory, _ = ASKED["infer"]
    assert asked(second) == (cores, 2 * memory, "04:00:00")  # it had been killed: twice of both
    small, large = (job for job in jobs if job["Comment"] == "rule_ingest_labelled")
    assert asked(small)[1] == LITTLE_MB
    assert (small["JobState"], large["JobState"]) == ("FAILED", "COMPLETED")
    log = ROOT / f".snakemake/slurm_logs/rule_ingest_labelled/{small['JobId']}.log"
    assert "exceeded memory limit" in log.read_text()
    (again,) = (job for job in jobs if job["Comment"] == f"rule_preprocess_wildcards_{other}")
    assert (again["JobState"], again["Restarts"]) == ("COMPLETED", "1")

    for rule, wanted in ASKED.items():
        those = [job for job in jobs if job["Comment"].split("_wildcards_")[0] == f"rule_{rule}"]
        assert those, rule
        assert asked(those[0]) == wanted
        assert all("TresPerJob" not in job for job in those), rule  # no GPU


@pytest.mark.skipif("CXRFACTORY_SLOW" not in os.environ, reason="takes three minutes: set CXRFACTORY_SLOW=1")
def test_a_job_beyond_its_time_is_made_again_with_more(slurm, local, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(local / "preprocess", results / "preprocess")
    config = config_of(results, local / "cohort")
    config["infer"] = {**SMALL["infer"], "weights": str(local / "train/segmenter.safetensors")}
    shard = f"infer/{RELEASE}/0001-of-0002"
    comment = f"rule_infer_wildcards_{RELEASE}_0001-of-0002"
    minutes = "--set-resources=infer:runtime=attempt"
    running = submit(slurm, tmp_path, config, str(results / f"{shard}.parquet"), "--allowed-rules=infer", minutes)
    stopped = {comment: (results / f"logs/{shard}.log", ("scancel", "--signal=STOP"))}  # it hangs
    assert watch(running, slurm, stopped) == 0, (tmp_path / "snakemake.log").read_text()[-6000:]
    assert (results / f"{shard}.parquet").read_bytes() == (local / f"{shard}.parquet").read_bytes()
    first, second = (job for job in slurm.jobs() if job["Comment"] == comment and job["TimeLimit"] < "00:03:00")
    assert (first["JobState"], first["TimeLimit"]) == ("TIMEOUT", "00:01:00")
    assert (second["JobState"], second["TimeLimit"]) == ("COMPLETED", "00:02:00")


def test_a_rule_on_cuda_asks_for_a_gpu(slurm, local, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(local / "preprocess", results / "preprocess")
    config = config_of(results, local / "cohort")
    config["infer"] = {"samples": 2, "device": "cuda", "weights": str(local / "train/segmenter.safetensors")}
    target = str(results / f"infer/{RELEASE}/0001-of-0002.parquet")
    watch(submit(slurm, tmp_path, config, target, "--allowed-rules=infer", "--retries=0"), slurm, {})
    job = slurm.jobs()[-1]
    assert job["Comment"] == f"rule_infer_wildcards_{RELEASE}_0001-of-0002"
    assert job["TresPerJob"] == "gres:gpu:1"
    assert asked(job) == ASKED["infer"]
    if job["JobState"] != "COMPLETED":  # a GPU that is only pretended
        (line,) = (results / f"logs/infer/{RELEASE}/0001-of-0002.log").read_text().splitlines()[-1:]
        assert "CUDA" in line or "cuda" in line
