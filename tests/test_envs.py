"""Conda environments against pyproject.toml, and what every rule declares: neither may drift."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ("cpu", "gpu")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOT_IMPORTED = {"python", "pip"}  # conda's own


def environment(name):
    return yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())


def conda_pins(name):
    words = [each.split("=") for each in environment(name)["dependencies"] if isinstance(each, str)]
    return {word[0]: word[1] if len(word) == 2 else None for word in words}


def pip_pins(name):
    (pip,) = (each["pip"] for each in environment(name)["dependencies"] if isinstance(each, dict))
    requirements = [Requirement(line) for line in pip]
    for each in requirements:
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(each.specifier)), f"{each}: not pinned"
    pins = {canonicalize_name(each.name): Version(str(each.specifier)[2:]) for each in requirements}
    assert len(pins) == len(requirements)
    return pins


def declared():
    requirements = [Requirement(line) for line in PROJECT["dependencies"]]
    return {canonicalize_name(each.name): each.specifier for each in requirements}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment_holds_the_packages_of_pyproject_and_no_others(name):
    assert set(pip_pins(name)) == set(declared())
    assert set(conda_pins(name)) == NOT_IMPORTED


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_pin_lies_within_the_bounds_of_pyproject(name):
    bounds = declared()
    outside = {key: str(pin) for key, pin in pip_pins(name).items() if pin not in bounds[key]}
    assert not outside
    python = conda_pins(name)["python"]
    assert Version(python) in Requirement(f"python{PROJECT['requires-python']}").specifier
    assert f"Programming Language :: Python :: {python}" in PROJECT["classifiers"]


def test_both_environments_pin_the_same():
    assert pip_pins("cpu") == pip_pins("gpu")
    assert conda_pins("cpu") == conda_pins("gpu")
    assert [environment(name)["name"] for name in ENVIRONMENTS] == ["cxrfactory-cpu", "cxrfactory-gpu"]


def rules():
    """Text of every rule: its directives by name."""
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for text in re.split(r"(?m)^(?=(?:rule|checkpoint) )", path.read_text())[1:]:
            body = re.split(r"(?m)^(?=\S)", text.partition("\n")[2])[0]
            parts = re.split(r"(?m)^    (\w+):", body)
            yield pytest.param(dict(zip(parts[1::2], parts[2::2], strict=True)), id=text.split(":")[0].split()[1])


RULES = list(rules())


def test_rules_are_found():
    names = {each.id for each in RULES}
    assert {"ingest", "preprocess", "train", "infer", "rca", "package", "chexmask", "radgenome", "cxlseg"} <= names
    assert len(names) == len(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_rule_declares_all_that_a_cluster_needs(rule):
    for name in ("output", "log", "benchmark", "conda", "threads", "resources", "message", "shell"):
        assert rule.get(name, "").strip(), name
    for name in ("mem_mb", "runtime"):
        assert re.search(rf"\b{name}=(lambda wildcards, attempt: )?[1-9]\d*\b", rule["resources"]), name
    named = set(re.findall(r"envs/(\w+)\.yaml", rule["conda"]))
    assert named <= set(ENVIRONMENTS)
    assert named
    assert ("gpu" in named) <= ("gpu=" in rule["resources"]), "an environment for CUDA, and no GPU asked for"


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_was_killed_for_memory_gets_more(rule):
    assert re.search(r"\bmem_mb=lambda wildcards, attempt: \d+ \* attempt", rule["resources"])
