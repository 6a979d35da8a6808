"""``--use-conda``: every rule runs in its own environment. A stand-in answers for conda, so no solve is tested here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from . import fake_conda

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path):
    """A release of which only the tables are there: enough for ingest, selection and the config."""
    root = tmp_path / "vindr-cxr"
    (root / "annotations").mkdir(parents=True)
    for part, numbers in (("train", range(5)), ("test", range(5, 8))):
        rows = ["image_id,rad_id", *(f"{number:032x},R1" for number in numbers)]
        (root / f"annotations/image_labels_{part}.csv").write_text("\n".join(rows) + "\n")
    return {
        "results": str(tmp_path / "results"),
        "datasets": {"vindr-cxr": {"root": str(root)}},
        "infer": {"weights": "pretrained"},
    }


def run(tmp_path, config, *arguments):
    """Run Snakemake with the stand-in first on the PATH; return the environments that it made."""
    programs = fake_conda.install(tmp_path / "conda")
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    environments = tmp_path / "environments"
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--use-conda", "--conda-prefix", str(environments)]
    command += [*arguments, "--configfile", str(path)]
    environment = {**os.environ, "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment["PYTHONPATH"] = ""  # the rules bring the checkout's along
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    made = [folder for folder in environments.iterdir() if folder.is_dir()]
    return {yaml.safe_load((each / "environment.yaml").read_text())["name"]: each for each in made}


def calls(folder):
    """Subcommands that ran in an environment, sorted."""
    lines = (folder / "calls.txt").read_text().splitlines()
    assert all(line.startswith("-m cxrfactory ") for line in lines)
    return sorted(line.removeprefix("-m cxrfactory ").removeprefix("stage ").split()[0] for line in lines)


def test_rules_run_in_the_environment_that_they_name(tmp_path, config):
    results = config["results"]
    made = run(tmp_path, config, f"{results}/config.yaml", f"{results}/figures/selection.png")
    assert list(made) == ["cxrfactory-cpu"]
    folder = made["cxrfactory-cpu"]
    assert (folder / "environment.yaml").read_bytes() == (ROOT / "envs/cpu.yaml").read_bytes()
    assert calls(folder) == ["config", "ingest", "selection"]


def test_environment_of_the_gpu_is_made_where_the_config_says_cuda(tmp_path, config):
    config["infer"]["device"] = "cuda"
    made = run(tmp_path, config, "--conda-create-envs-only", f"{config['results']}/chexmask")
    assert sorted(made) == ["cxrfactory-cpu", "cxrfactory-gpu"]
    for name, folder in made.items():
        file = ROOT / f"envs/{name.removeprefix('cxrfactory-')}.yaml"
        assert (folder / "environment.yaml").read_bytes() == file.read_bytes()
