"""Malformed and odd CT volumes, labels and series through ingest and projection."""

import pytest

from .checks import CASE_SECONDS, check, run_bombs, time_limit
from .families import FAMILIES
from .runners import run_study

CASES = FAMILIES["studies"][1]
BOMBS = [case for case in CASES if case.bomb]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("case", [case for case in CASES if not case.bomb], ids=lambda case: case.id)
def test_study(case, tmp_path):
    with time_limit(CASE_SECONDS):
        result = run_study(case, tmp_path)
    check(case, result, tmp_path)


@pytest.fixture(scope="module")
def bombs():
    return run_bombs("studies", [case.name for case in BOMBS])


@pytest.mark.parametrize("case", BOMBS, ids=lambda case: case.id)
def test_bomb(case, bombs, tmp_path):
    check(case, bombs[case.name], tmp_path)
