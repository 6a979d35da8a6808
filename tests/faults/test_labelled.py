"""Malformed and odd labelled sets through ingest and preprocessing."""

import pytest

from .checks import CASE_SECONDS, check, time_limit
from .families import FAMILIES
from .runners import run_labelled


@pytest.mark.parametrize("case", FAMILIES["labelled"][1], ids=lambda case: case.id)
def test_labelled(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with time_limit(CASE_SECONDS):
        result = run_labelled(case, tmp_path)
    check(case, result, tmp_path, may_name_input=True)
