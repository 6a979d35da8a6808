"""Malformed and odd sources of reports through their collection."""

import pytest

from .checks import CASE_SECONDS, check, time_limit
from .families import FAMILIES
from .runners import run_reports


@pytest.mark.parametrize("case", FAMILIES["reports"][1], ids=lambda case: case.id)
def test_reports(case, tmp_path):
    with time_limit(CASE_SECONDS):
        result = run_reports(case, tmp_path)
    check(case, result, tmp_path, may_name_input=True)
