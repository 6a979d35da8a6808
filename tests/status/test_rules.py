"""The rules of the workflow, the map of results and the jobs that the status knows are the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cxrfactory.config import read_config
from cxrfactory.status.jobs import products, stages_of
from cxrfactory.workflow.results import STAGES

ROOT = Path(__file__).parents[2]
CONFIG = """
results: {results}
rca: {{network: null, calibration: labelled}}
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Each output with its rule, as Snakemake plans them."""
    folder = tmp_path_factory.mktemp("rules")
    path = folder / "c.yaml"
    path.write_text(CONFIG.format(results=folder / "r"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    targets = [f"{folder}/r/{name}" for name in products()]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--summary", *targets, "--configfile", str(path)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    output, rule = (rows[0].index(name) for name in ("output_file", "rule"))
    return read_config(path), {row[output]: row[rule] for row in rows[1:]}


@pytest.mark.parametrize("product", products())
def test_every_job_of_the_status_is_one_of_the_workflow(planned, product):
    config, outputs = planned
    for stage in stages_of(config, product):
        for job in stage.jobs:
            for output in job.outputs:
                assert outputs[str(output)] == stage.rule, output


def test_every_sharded_output_of_the_workflow_is_known_to_the_status(planned):
    config, outputs = planned
    known = {str(path) for name in products() for stage in stages_of(config, name) for job in stage.jobs
             for path in job.outputs}  # fmt: skip
    sharded = {path for path in outputs if re.search(r"/\d{4}-of-\d{4}\.", path)}
    assert len(sharded) > 20
    assert sharded <= known


def test_times_stand_beside_logs_under_the_same_name(planned):
    config, _ = planned
    for product in products():
        for stage in stages_of(config, product):
            for job in stage.jobs:
                log, times = (
                    place.relative_to(config.results).with_suffix("").parts for place in (job.log, job.benchmark)
                )
                assert (log[0], times[0]) == ("logs", "benchmarks")
                assert log[1:] == times[1:]


def bodies():
    """Rule -> its text."""
    rules = "".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
    return dict(re.findall(r"^rule (\w+):\n((?:(?: .*)?\n)+)", rules, re.MULTILINE))


def test_every_rule_takes_its_places_from_its_own_entry_of_the_map():
    for name, body in bodies().items():
        for word, places in (("log", f'LOG("{name}")'), ("benchmark", f'BENCHMARK("{name}")')):
            assert re.search(rf"^    {word}:\n        {re.escape(places)},?\n", body, re.MULTILINE), name
        outputs = re.search(r"^    output:\n((?:        .*\n)+)", body, re.MULTILINE)[1]
        assert set(re.findall(r'OUT\("(\w+)"\)', outputs)) == {name}
        assert not re.search(r'f"|RESULTS', outputs), name


def test_rules_and_map_name_the_same_stages():
    assert sorted(bodies()) == sorted(STAGES)
