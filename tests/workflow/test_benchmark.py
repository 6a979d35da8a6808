"""The plan of results/benchmark: one training for each model and seed, and refusals."""

import pytest
import yaml

from cxrfactory.config import parse_config
from cxrfactory.errors import CxrError
from cxrfactory.workflow.plan import Plan

from .test_plan import dry_run


def test_every_model_and_seed_is_trained_scored_and_tabulated_on_the_projected_radiographs(tmp_path):
    section = {"models": ["unet", "sa-unet"], "seeds": [0, 4], "views": ["PA"], "train": {"epochs": 3}}
    text = yaml.safe_dump({"results": f"{tmp_path}/r", "benchmark": section})
    done = dry_run(tmp_path, text, f"{tmp_path}/r/benchmark", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    shells = [line for line in done.stdout.splitlines() if line.startswith("Shell command: ")]
    (labelled,) = (line for line in shells if " label projections " in line)
    assert f"label projections {tmp_path}/r/radgenome --output {tmp_path}/r/zoo/labelled.parquet --views=PA" in labelled
    trained = [line for line in shells if " cxrfactory train " in line]
    assert len(trained) == 4
    (one,) = (line for line in trained if f"--output {tmp_path}/r/zoo/sa-unet-4.safetensors" in line)
    assert one.rindex("--segmenter sa-unet --seed 4") > one.rindex("--epochs=3")  # the last option counts
    assert "--organs=all" in one
    scored = [line for line in shells if " benchmark-score " in line]
    assert len(scored) == 4
    assert all(f"--studies={tmp_path}/r/radgenome/studies.parquet" in line for line in scored)
    (table,) = (line for line in shells if " study benchmark " in line)
    assert table.count("--scores=") == table.count("--cost=") == 4


def test_the_benchmark_is_made_only_where_it_is_asked_for(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n")
    assert done.returncode == 0, done.stdout
    assert "\nbenchmark" not in done.stdout


def test_a_given_table_needs_no_projections(tmp_path):
    table = tmp_path / "own.parquet"
    table.touch()
    section = {"models": ["unet"], "labelled": str(table), "pixel_mm": 0.5, "findings": str(table)}
    text = yaml.safe_dump({"results": f"{tmp_path}/r", "benchmark": section})
    done = dry_run(tmp_path, text, f"{tmp_path}/r/benchmark", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert "radgenome" not in done.stdout
    assert "--pixel-mm=0.5" in done.stdout
    assert f"--findings={table}" in done.stdout


def test_landmark_models_are_refused_where_the_benchmark_is_asked_for(tmp_path):
    benchmark = Plan.of({"results": "r", "benchmark": {"models": ["unet", "hybridgnet"]}}).benchmark
    benchmark.check(["snakemake", "r/chexmask"])
    with pytest.raises(CxrError, match=r"'benchmark\.models': found 'hybridgnet'; expected pixel networks"):
        benchmark.check(["snakemake", "r/benchmark"])


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"models": ["unet", "unet"]}, "'unet' occurs twice in models"),
        ({"seeds": [1, 1]}, "'1' occurs twice in seeds"),
        ({"seeds": [-1]}, "seeds has -1; expected whole numbers of 0 or more"),
        ({"pixel_mm": 0.2}, "pixel_mm without labelled"),
        ({"train": {"epoch": 3}}, "unknown key 'benchmark.train.epoch'"),
        ({"model": {"input_size": 100}}, "benchmark.model.input_size"),
    ],
)
def test_wrong_settings_are_one_line(section, message):
    with pytest.raises(CxrError, match=message):
        parse_config({"benchmark": section}, "config")
