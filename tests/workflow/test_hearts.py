"""The rules of results/hearts: what a config asks for, and a small run that is killed and gives the same bytes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from cxrfactory.errors import CxrError
from cxrfactory.status.jobs import stages_of
from cxrfactory.workflow.plan import Plan

from .test_plan import ROOT, dry_run

TINY = {
    "patients": 10, "shares": [2, 1, 1], "shards": 2, "epochs": 1, "finder_epochs": 1, "samples": 2,
    "networks": ["multi-view", "single-view"],
}  # fmt: skip


def _hearts(**section):
    plan = Plan.of({"results": "r", "hearts": section})
    return plan.product("hearts")


def _stages(**section):
    jobs = stages_of(Plan.of({"results": "r", "hearts": section}).config, "hearts")
    return {(each.rule, each.release): len(each.jobs) for each in jobs}


def test_the_default_packs_virtual_test_patients():
    found = _stages(shards=2)
    assert found[("hearts_cohort", "virtual")] == 2
    assert found[("hearts_train", "single-view")] == 1
    assert found[("hearts_infer", "single-view, test")] == 2
    assert found[("hearts_meshes", "test")] == 2
    assert ("hearts_read", "(all)") not in found


def test_own_examinations_with_given_weights_need_no_virtual_patients():
    weights = {"weights": "w.safetensors", "finder": "f.safetensors"}
    assert _stages(root="mr", **weights) == {
        ("hearts_template", "(all)"): 1,
        ("hearts_read", "(all)"): 1,
        ("hearts_infer", "multi-view, own"): 1,
        ("hearts_meshes", "own"): 1,
        ("hearts", "(all)"): 1,
    }
    hearts = _hearts(root="mr", **weights)
    assert hearts.weights(SimpleNamespace(network="multi-view")) == ["w.safetensors", "w.json"]
    assert hearts.card() == "w.json"
    assert hearts.split() == []
    assert _hearts().split() == ["--split=test"]
    assert hearts.evaluation() == []
    assert hearts.credits() == []
    assert hearts.rejected() == [
        "r/hearts-work/read/rejected.parquet",
        "r/hearts-work/infer/multi-view/own/0000-of-0001.rejected.parquet",
    ]


def test_own_examinations_without_weights_are_packed_and_virtual_patients_evaluate():
    found = _stages(root="mr", networks=["multi-view"], shards=1)
    assert found[("hearts_infer", "multi-view, own")] == 1
    assert found[("hearts_infer", "multi-view, test")] == 1
    assert found[("hearts_meshes", "own")] == 1
    assert found[("hearts_evaluate", "(all)")] == 1


def test_a_volume_network_has_the_graph_of_the_tetrahedra():
    hearts = _hearts()
    graphs = {name: hearts.graph(SimpleNamespace(network=name)) for name in ("multi-view", "volume-no-tetrahedra")}
    assert graphs == {
        "multi-view": "r/hearts-work/surface.npz", "volume-no-tetrahedra": "r/hearts-work/volume.npz",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"weights": "w.safetensors"}, "weights and finder go together"),
        ({"networks": ["pca", "pca"]}, "'pca' occurs twice in networks"),
        ({"networks": ["unet"]}, "hearts.networks"),
        ({"weights": "w.pt", "finder": "f.safetensors"}, r"key 'hearts\.weights': found 'w\.pt'"),
        ({"root": "a{b}"}, r"key 'hearts\.root': found 'a\{b\}'; expected a path without braces"),
    ],
)
def test_wrong_settings_are_one_line(section, message):
    with pytest.raises(CxrError, match=message) as caught:
        _hearts(**section)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_target_is_planned_and_no_other_target_needs_it(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/hearts")
    assert done.returncode == 0, done.stdout
    for rule in ("template", "cohort", "finder", "train", "infer", "meshes", "evaluate"):
        assert f"\nhearts_{rule} " in done.stdout
    assert "\ningest " not in done.stdout
    default = dry_run(tmp_path, f"results: {tmp_path}/r\n").stdout
    assert "\ningest " in default
    assert "\nhearts" not in default  # in the table of jobs; the printed config has the section in any case


def _snakemake(folder):
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.Popen(
        [*command, "--configfile", "c.yaml", "--rerun-incomplete", f"{folder.name}/hearts"],
        cwd=folder.parent, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def _digests(product):
    files = (path for path in sorted(product.rglob("*")) if path.is_file())
    return {str(path.relative_to(product)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.workflow
def test_a_killed_run_gives_the_same_bytes(tmp_path):
    products = []
    for name, kills in (("whole", 0), ("killed", 3)):
        folder = tmp_path / name / "r"
        folder.parent.mkdir()
        (folder.parent / "c.yaml").write_text(yaml.safe_dump({"results": "r", "hearts": TINY}))
        for _ in range(kills):
            process = _snakemake(folder)
            made = len(list(folder.rglob("*")))
            while process.poll() is None and len(list(folder.rglob("*"))) < made + 12:
                time.sleep(0.2)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            unlock = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--unlock"]
            subprocess.run([*unlock, "--configfile", "c.yaml"], cwd=folder.parent, capture_output=True, check=False)
        process = _snakemake(folder)
        _, said = process.communicate(timeout=3000)
        assert process.returncode == 0, said[-3000:]
        products.append(folder / "hearts")
    whole, killed = map(_digests, products)
    assert whole == killed
    assert {"hearts.parquet", "README.md", "SHA256SUMS", "evaluation/networks.csv"} <= set(whole)
