"""The Snakefile's front door: dry runs and refusals; the real run stands in tests/workflow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.workflow.plan import Plan

ROOT = Path(__file__).parents[2]


def dry_run(tmp_path, text, *targets):
    """Plan a run in a folder of its own, so that nothing which a run left in the checkout is found."""
    path = tmp_path / "c.yaml"
    path.write_text(text)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--dry-run", "--cores", "2"]
    command += [*targets, "--configfile", str(path)]
    return subprocess.run(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def test_default_plan_needs_no_data(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/chexmask")
    assert done.returncode == 0, done.stdout
    for rule in ("cohort", "ingest", "preprocess", "train", "infer", "rca", "package", "chexmask"):
        assert f"\n{rule} " in done.stdout
    for rule in ("rca_train", "rca_calibrate"):  # only where they are asked for
        assert f"\n{rule} " not in done.stdout


def test_registration_network_is_trained_and_scores_are_calibrated_where_asked_for(tmp_path):
    text = f"results: {tmp_path}/r\nrca: {{network: null, calibration: labelled}}\nregistration: {{steps: 7}}\n"
    done = dry_run(tmp_path, text, f"{tmp_path}/r/chexmask", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    for rule in ("rca_train", "rca_calibrate"):
        assert f"\n{rule} " in done.stdout
    lines = done.stdout.splitlines()
    weights = f"{tmp_path}/r/rca/registration.safetensors"
    (trained,) = (line for line in lines if " train-registration " in line)
    assert f"--output {weights}" in trained
    assert "--steps=7" in trained
    scored = [line for line in lines if " cxrfactory stage rca " in line]
    (checked,) = (line for line in lines if " rca-check " in line)
    for line in [*scored, checked]:
        assert "--method=deep" in line
        assert f"--network={weights}" in line
    assert f"rca-calibrate --masks {tmp_path}/r/rca/check --output {tmp_path}/r/rca/calibration.json" in checked
    packed = [line for line in lines if " cxrfactory stage package-chexmask " in line]
    assert len(packed) == 2
    assert all(f"--calibration={tmp_path}/r/rca/calibration.json" in line for line in packed)


def test_classical_rca_asks_for_no_network(tmp_path):
    text = f"results: {tmp_path}/r\nrca: {{method: classical, network: null, interpolation: linear}}\n"
    done = dry_run(tmp_path, text, f"{tmp_path}/r/chexmask", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert "\nrca_train " not in done.stdout
    scored = [line for line in done.stdout.splitlines() if " cxrfactory stage rca " in line]
    assert len(scored) == 4
    for line in scored:
        assert "--method=classical --interpolation=linear" in line
        assert "--network" not in line


def test_plan_names_a_networks_files_and_the_calibration(tmp_path):
    plan = Plan.of({"results": "r", "rca": {"network": f"{tmp_path}/n.safetensors", "calibration": "c.json"}})
    assert plan.registration.files == [f"{tmp_path}/n.safetensors", f"{tmp_path}/n.json"]
    assert plan.registration.option() == [f"--network={tmp_path}/n.safetensors"]
    assert plan.registration.calibration == ["c.json"]
    plan = Plan.of({"results": "r"})
    assert [Path(name).name for name in plan.registration.files] == ["registration.safetensors", "registration.json"]
    assert plan.registration.option() == ["--network=pretrained-registration"]  # no place of a machine
    assert plan.registration.calibration == []


def test_given_weights_are_not_trained(tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.touch()
    weights.with_suffix(".json").touch()
    done = dry_run(tmp_path, f"results: {tmp_path}/r\ninfer: {{weights: {weights}}}\n", f"{tmp_path}/r/chexmask")
    assert done.returncode == 0, done.stdout
    assert "\ntrain " not in done.stdout


def test_models_are_compared_and_audited(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/models", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    weights = " ".join(f"--weights={tmp_path}/r/weights/{name}/weights.safetensors" for name in ("hybridgnet", "unet"))
    histories = " ".join(f"--history={tmp_path}/r/weights/{name}/history.csv" for name in ("hybridgnet", "unet"))
    assert f"--split val {weights} {histories} --device" in done.stdout
    for rule in ("compare_models", "audit_models", "models"):
        assert f"\n{rule} " in done.stdout
    assert done.stdout.count("Make weights: ") == 2
    # Snakemake removes the output of a failed job; the checkpoint of an interrupted training must outlive it.
    assert f"--output {tmp_path}/r/weights/.unet/weights.safetensors" in done.stdout
    assert "\ntrain " not in done.stdout


def test_models_that_nothing_trains_are_compared_too(tmp_path):
    text = f"results: {tmp_path}/r\ncompare: {{models: [multi-atlas, pretrained], audit: false}}\n"
    done = dry_run(tmp_path, text, f"{tmp_path}/r/models", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert "--weights=pretrained" in done.stdout
    assert "--segmenter multi-atlas" in done.stdout
    assert "--history=" not in done.stdout
    assert "\naudit_models " not in done.stdout


def test_class_table_is_an_input_of_training(tmp_path):
    text = f"results: {tmp_path}/r\ntrain: {{balance: class, classes: {tmp_path}/none.csv}}\n"
    done = dry_run(tmp_path, text, f"{tmp_path}/r/weights/unet")
    assert done.returncode != 0
    assert f"{tmp_path}/none.csv" in done.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trian: {epochs: 3}\n", "unknown key 'trian'"),
        ("datasets: {nih: {root: x}}\ninfer: {weights: pretrained}\n", "release 'nih' is unknown; expected one of"),
    ],
)
def test_wrong_config_is_one_line_before_anything_runs(tmp_path, text, message):
    done = dry_run(tmp_path, text)
    assert done.returncode == 1
    assert message in done.stdout
    assert "Traceback" not in done.stdout


def test_release_without_its_table_is_named(tmp_path):
    done = dry_run(
        tmp_path,
        f"results: {tmp_path}/r\ndatasets: {{padchest: {{root: {tmp_path}/none}}}}\ninfer: {{weights: pretrained}}\n",
    )
    assert done.returncode != 0
    assert "PADCHEST_chest_x_ray_images_labels" in done.stdout


def test_plan_takes_the_table_that_is_there(tmp_path):
    table = tmp_path / "mimic-cxr-2.0.0-metadata.csv"  # unpacked by its user
    table.touch()
    plan = Plan.of({"datasets": {"mimic-cxr-jpg": {"root": str(tmp_path)}}, "infer": {"weights": "pretrained"}})

    class Wildcards:
        dataset = "mimic-cxr-jpg"

    assert plan.releases.tables(Wildcards) == [str(table)]


def test_unknown_release_is_refused():
    with pytest.raises(CxrError, match="release 'x' is unknown"):
        Plan.of({"datasets": {"x": {"root": "y"}}, "infer": {"weights": "pretrained"}})


def test_rule_files_hold_no_functions():
    for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]:
        assert not any(line.lstrip().startswith("def ") for line in path.read_text().splitlines()), path


def test_every_rule_declares_what_a_cluster_needs():
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in path.read_text().split("\nrule ")[1:]:
            for word in ("log:", "benchmark:", "conda:", "threads:", "resources:", "shell:", "mem_mb", "runtime"):
                assert word in rule, f"{path.name}: rule {rule.split(':')[0]} lacks {word}"


def test_the_projects_profile_is_in_use_wherever_the_run_is(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n")
    assert "profiles/default for setting default command line arguments" in done.stdout
    assert (ROOT / "profiles/slurm/config.yaml").is_file()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"infer": {"weights": "pretraned"}}, r"key 'infer\.weights': found 'pretraned'.*did you mean 'pretrained'\?"),
        ({"rca": {"network": "n.pt"}}, r"key 'rca\.network': found 'n\.pt'; expected a \.safetensors file or one of"),
    ],
)
def test_weights_are_a_file_or_a_known_name(values, message):
    with pytest.raises(CxrError, match=message):
        Plan.of(values)


def test_cxlseg_without_reports_is_refused_before_anything_runs(tmp_path):
    text = f"results: {tmp_path}/r\ndatasets: {{vindr-cxr: {{root: results/cohort/vindr-cxr}}}}\n"
    done = dry_run(tmp_path, text, f"{tmp_path}/r/cxlseg")
    assert done.returncode != 0
    assert "results/cxlseg needs a dataset with reports" in done.stdout
    assert dry_run(tmp_path, text, f"{tmp_path}/r/chexmask").returncode == 0


def test_overrides_of_the_lung_segmenters_training_reach_its_rule(tmp_path):
    (tmp_path / "classes.csv").touch()
    train = f"{{threads: 1, device: cuda, balance: class, classes: {tmp_path}/classes.csv}}"
    text = f"results: {tmp_path}/r\ncxlseg: {{train: {train}}}\n"
    plan = Plan.of({"cxlseg": {"train": {"threads": 1, "device": "cuda"}}})
    assert plan.gpus(plan.product("cxlseg").train) == 1
    assert plan.gpus("train") == 0
    done = dry_run(tmp_path, text, f"{tmp_path}/r/cxlseg-weights/weights.safetensors", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert f"--classes={tmp_path}/classes.csv" in done.stdout
    assert "--device=cuda" in done.stdout
