"""The workflow as a module of another workflow, from another folder, as the Snakemake catalog deploys it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
OUTER = """
configfile: "config/config.yaml"


module cxrfactory:
    snakefile:
        {snakefile}
    config:
        config


use rule * from cxrfactory


rule count:
    input:
        "out/{target}",
    output:
        "count.txt",
    shell:
        "ls {{input}} | wc -l > {{output}}"
"""


def outer(folder, target, snakefile=None):
    """Write another workflow into a folder whose name needs quoting; return the folder."""
    folder = folder / "an outer workflow's {folder}"
    (folder / "config").mkdir(parents=True)
    (folder / "config/config.yaml").write_text("results: out\ncohort: {folder: out/cohort}\n")
    snakefile = snakefile or repr(os.path.relpath(ROOT / "workflow/Snakefile", folder))
    (folder / "Snakefile").write_text(OUTER.format(snakefile=snakefile, target=target))
    return folder


def snakemake(folder, *arguments, **environment):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_another_workflow_uses_all_rules_and_adds_its_own(tmp_path):
    folder = outer(tmp_path, "chexmask")
    done = snakemake(folder, "--dry-run", "count", "out/radgenome", "out/cxlseg")
    assert done.returncode == 0, done.stdout
    for rule in ("cohort", "train", "infer", "rca", "chexmask", "radgenome", "cxlseg", "count"):
        assert re.search(rf"^{rule} +\d+$", done.stdout, re.MULTILINE), rule
    assert "Make 160 virtual patients" in done.stdout
    assert "results/" not in done.stdout.replace(str(folder), "")  # its config says out/


@pytest.mark.workflow
def test_another_workflow_runs_our_rules(tmp_path):
    folder = outer(tmp_path, "config.yaml")
    done = snakemake(folder, "count", PYTHONPATH="")
    assert done.returncode == 0, done.stdout
    assert yaml.safe_load((folder / "out/config.yaml").read_text())["results"] == "out"
    assert (folder / "count.txt").read_text().strip() == "1"


@pytest.mark.workflow
def test_it_loads_from_a_hosting_site(tmp_path):
    """Git answers for github.com with a clone of this checkout's last commit, so nothing leaves the machine."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{ROOT}", clone], check=True)
    subprocess.run(["git", "-C", clone, "checkout", "-q", "-B", "here"], check=True)
    site = 'github("owner/cxrfactory", path="workflow/Snakefile", branch="here")'
    folder = outer(tmp_path, "chexmask", site)
    redirect = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{clone}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/owner/cxrfactory",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT / "src"),  # the installed package
    }
    done = snakemake(folder, "--dry-run", "count", **redirect)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^chexmask +1$", done.stdout, re.MULTILINE)


def test_no_rule_needs_the_names_of_the_snakefile_when_it_runs():
    """Messages and commands are filled in when a job starts; as a module, only the rule's own names exist then."""
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            found = re.match(r'\s+"([^"]*)"', line)
            assert not (found and re.search(r"\{[A-Z]", found[1])), f"{path.name}, line {number}: {line.strip()}"


def test_the_catalog_finds_what_it_looks_for():
    entry = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert entry["software-stack-deployment"]["conda"] is True
    assert (ROOT / "config/README.md").read_text().startswith("# Configuration\n")
    assert (ROOT / "config/config.yaml").read_bytes() == (ROOT / "config.yaml").read_bytes()
    assert 'min_version("9.27")' in (ROOT / "Snakefile").read_text()
