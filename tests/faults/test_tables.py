"""Malformed and odd tables of releases through ingest."""

import numpy as np
import pytest

from .checks import CASE_SECONDS, check, run_bombs, time_limit
from .families import FAMILIES
from .runners import run_table

CASES = FAMILIES["tables"][1]
BOMBS = [case for case in CASES if case.bomb]


@pytest.mark.parametrize("case", [case for case in CASES if not case.bomb], ids=lambda case: case.id)
def test_table(case, tmp_path):
    with time_limit(CASE_SECONDS):
        result = run_table(case, tmp_path)
    check(case, result, tmp_path, may_name_input=True)
    if case.expected is not None:
        np.testing.assert_array_equal(result.value, case.expected)


@pytest.fixture(scope="module")
def bombs():
    return run_bombs("tables", [case.name for case in BOMBS])


@pytest.mark.parametrize("case", BOMBS, ids=lambda case: case.id)
def test_bomb(case, bombs, tmp_path):
    check(case, bombs[case.name], tmp_path, may_name_input=True)
