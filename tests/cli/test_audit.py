from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cxrfactory.cli.people.evaluate import audit, evaluate_model
from cxrfactory.config.studies import AuditConfig, EvaluateConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.prepare import Preparation


@pytest.fixture
def called(monkeypatch):
    """Arguments that reach the stage."""
    found = []
    monkeypatch.setattr("cxrfactory.evaluate.models.evaluate_models.evaluate_models", lambda *each: found.append(each))
    monkeypatch.setattr("cxrfactory.evaluate.models.audit.audit", lambda *each: found.append(each))
    return found


def run(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, ["--labelled", "l", "--weights", "a", "--weights", "b", "--output", "o", *arguments])


def test_options_of_evaluate_model_reach_the_stage(called):
    assert run(evaluate_model, "--split", "train", "--tolerance-px", "3").exit_code == 0
    assert run(evaluate_model, "--history", "h", "--history", "i").exit_code == 0
    shared = (Path("l"), [Path("a"), Path("b")], Path("o"))
    first = (*shared, EvaluateConfig(split="train", tolerance_px=3.0), None, [])
    assert called == [first, (*shared, EvaluateConfig(), None, [Path("h"), Path("i")])]


def test_options_of_audit_reach_the_stage(called):
    assert run(audit, "--size", "256", "--no-remove-borders", "--places", "2", "--seed", "7").exit_code == 0
    recipe = Preparation(256, remove_borders=False)
    assert called == [(Path("l"), [Path("a"), Path("b")], Path("o"), recipe, AuditConfig(places=2, seed=7))]


@pytest.mark.parametrize("arguments", [("--places", "0"), ("--seed", "-1"), ("--resamples", "0")])
def test_impossible_numbers_are_refused(called, arguments):
    refused = run(audit, *arguments)
    assert isinstance(refused.exception, CxrError)
    assert str(refused.exception).startswith(f"{arguments[0]}: expected")
    assert not called
