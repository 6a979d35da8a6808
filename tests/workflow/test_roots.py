"""The rules of results/roots: what a config asks for, and a small run that is killed and gives the same bytes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from cxrfactory.errors import CxrError
from cxrfactory.status.jobs import stages_of
from cxrfactory.workflow.plan import Plan

from .test_plan import ROOT, dry_run

TINY = {
    "plates": 1, "training_plates": 2, "plants": 2, "frames": 8, "interval_minutes": 720, "plate_px": 400, "steps": 150,
    "patch_px": 64, "plate_shards": 2,
}  # fmt: skip


def _roots(**section):
    return Plan.of({"results": "r", "roots": section}).product("roots")


def _stages(**section):
    jobs = stages_of(Plan.of({"results": "r", "roots": section}).config, "roots")
    return {(each.rule, each.release): len(each.jobs) for each in jobs}


def test_the_default_packs_virtual_plates_and_trains_on_others():
    assert _stages(plates=2, training_plates=1, plate_shards=3) == {
        ("roots_cohort", "virtual"): 5,
        ("roots_examples", "(all)"): 1,
        ("roots_train", "unet"): 1,
        ("roots_read", "(all)"): 1,
        ("roots_segment", "virtual"): 3,
        ("roots_graphs", "virtual"): 3,
        ("roots_files", "virtual"): 3,
        ("roots_growth", "(all)"): 1,
        ("roots_evaluate", "(all)"): 1,
        ("roots", "(all)"): 1,
    }
    roots = _roots(plates=1, training_plates=1)
    assert roots.roots() == ["r/roots-work/virtual/test/first-0", "r/roots-work/virtual/test/second-0"]
    assert roots.learned_options() == ["--plate=r/roots-work/virtual/train/train-0=r/roots-work/truth/train/train-0"]
    assert roots.groups()[1] == "r/roots-work/truth/test/second-0/groups.csv"


def test_own_plates_with_given_weights_need_no_virtual_plates():
    section = {"root": "plates", "weights": "w.safetensors", "plate_shards": 1}
    assert _stages(**section) == {
        ("roots_read", "(all)"): 1,
        ("roots_segment", "own"): 1,
        ("roots_graphs", "own"): 1,
        ("roots_files", "own"): 1,
        ("roots_growth", "(all)"): 1,
        ("roots", "(all)"): 1,
    }
    roots = _roots(**section, groups="g.csv", plants_table="p.csv")
    assert roots.weights() == ["w.safetensors"]
    assert roots.cards() == ["w.json"]
    assert roots.read_inputs() == ["plates", "p.csv", "g.csv"]
    assert roots.read_options() == ["--root=plates", "--groups=g.csv", "--plants-table=p.csv"]
    assert roots.evaluation() == roots.credits() == []


def test_own_plates_learn_from_labelled_pictures_or_from_virtual_plates():
    labelled = _stages(root="plates", labelled="drawn", networks=["unet", "resunet"])
    assert ("roots_cohort", "virtual") not in labelled
    assert labelled[("roots_train", "resunet")] == 1
    virtual = _stages(root="plates", training_plates=2)
    assert virtual[("roots_cohort", "virtual")] == 2
    assert ("roots_evaluate", "(all)") not in virtual
    assert len(_roots(networks=["unet", "resunet"]).weights()) == 2


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"networks": []}, r"roots\.networks"),
        ({"networks": ["unet", "unet"]}, "'unet' occurs twice in networks; give each once"),
        ({"networks": ["vit"]}, r"roots\.networks"),
        ({"weights": "w.pt"}, r"key 'roots\.weights': found 'w\.pt'"),
        ({"root": "a{b}"}, r"key 'roots\.root': found 'a\{b\}'; expected a path without braces"),
        ({"patch_px": 100}, r"roots\.patch_px"),
    ],
)
def test_wrong_settings_are_named(section, message):
    with pytest.raises(CxrError, match=message):
        _roots(**section)


def test_a_dry_run_lists_the_rules_of_the_product(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/roots")
    assert done.returncode == 0, done.stdout + done.stderr
    for rule in ("cohort", "examples", "train", "read", "segment", "graphs", "files", "growth", "evaluate"):
        assert f"\nroots_{rule} " in done.stdout


def _snakemake(folder):
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.Popen(
        [*command, "--configfile", "c.yaml", "--rerun-incomplete", f"{folder.name}/roots"],
        cwd=folder.parent, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def _killed(folder, sign):
    """Start a run and kill it when a file of its own exists."""
    process = _snakemake(folder)
    while process.poll() is None and not (folder / "roots-work" / sign).exists():
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    unlock = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--unlock"]
    subprocess.run([*unlock, "--configfile", "c.yaml"], cwd=folder.parent, capture_output=True, check=False)


def _digests(product):
    files = (path for path in sorted(product.rglob("*")) if path.is_file())
    return {str(path.relative_to(product)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.workflow
def test_a_run_killed_twice_gives_the_same_bytes(tmp_path):
    products = []
    for name, kills in (("whole", ()), ("killed", ("virtual/test", "segment"))):
        folder = tmp_path / name / "r"
        folder.parent.mkdir()
        (folder.parent / "c.yaml").write_text(yaml.safe_dump({"results": "r", "roots": TINY}))
        for sign in kills:
            _killed(folder, sign)
        process = _snakemake(folder)
        _, said = process.communicate(timeout=3000)
        assert process.returncode == 0, said[-3000:]
        products.append(folder / "roots")
    whole, killed = map(_digests, products)
    assert whole == killed
    assert {"traits.parquet", "montage.png", "evaluation/summary.csv", "growth/plants.csv"} <= set(whole)
