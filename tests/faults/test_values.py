"""Malformed texts and files through the readers of single values."""

import pytest

from .checks import CASE_SECONDS, check, time_limit
from .families import FAMILIES
from .runners import run_value


@pytest.mark.parametrize("case", FAMILIES["values"][1], ids=lambda case: case.id)
def test_value(case, tmp_path):
    with time_limit(CASE_SECONDS):
        result = run_value(case, tmp_path)
    check(case, result, tmp_path, may_name_input=True)
