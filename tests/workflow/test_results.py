"""The map of results: its table in the docs, its sentences, and how its entries are asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.stages import fill
from cxrfactory.workflow.results import PRODUCTS, STAGES, Results, stage
from cxrfactory.workflow.table import documented

ROOT = Path(__file__).parents[2]
RESULTS = Results("r", "c")


def test_the_table_in_the_docs_is_the_map():
    page = (ROOT / "docs/architecture.md").read_text()
    assert documented(page) == page, "run: python -m cxrfactory config --write"
    with pytest.raises(CxrError, match="the marks of the results map are missing"):
        documented("no marks")


def test_paths_of_a_stage():
    assert dict(RESULTS.out("infer")) == {
        "landmarks": "r/infer/{dataset}/{shard}.parquet",
        "rejected": "r/infer/{dataset}/{shard}.rejected.parquet",
    }
    assert RESULTS.out("cohort").truth == "c/truth.parquet"
    assert RESULTS.out("chexmask").product == "r/chexmask"
    assert RESULTS.log("rca_reference") == "r/logs/rca/reference.log"
    assert RESULTS.benchmark("rca_reference") == "r/benchmarks/rca/reference.tsv"
    assert fill("{x}/{dataset}", {"dataset": "a"}) == "{x}/a"


def test_a_wrong_name_is_one_line():
    with pytest.raises(CxrError, match="stage 'infr' is not in the map of results; expected one of fetch_ct"):
        stage("infr")
    with pytest.raises(CxrError, match="stage 'infer' has no output 'masks'; expected one of landmarks, rejected"):
        _ = RESULTS.out("infer").masks


def test_every_stage_says_in_a_sentence_what_it_is_for():
    for each in STAGES.values():
        assert each.purpose[0].isupper(), each.name
        assert each.purpose.endswith("."), each.name
        assert "|" not in each.purpose, each.name


def test_no_two_stages_share_a_file():
    files = [path for each in STAGES.values() for path in (*each.outputs.values(), f"logs/{each.log}.log")]
    assert len(files) == len(set(files))


def test_a_products_last_step_is_the_stage_of_its_name():
    from cxrfactory.config import Config

    for name, product in PRODUCTS.items():
        *_, last = product.steps(Config())
        assert last.stage == name
        assert name in {each.name for each in product.stages}


def test_snakemake_lists_every_rule_with_its_sentence():
    command = [sys.executable, "-m", "snakemake", "--list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    for each in STAGES.values():
        assert f"{each.name} ({each.purpose})" in lines


def test_the_map_is_light_to_import():
    code = (
        "import sys, cxrfactory.workflow.results\n"
        "print([name for name in ('pandas', 'torch', 'numpy', 'typer', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
