"""Malformed and odd radiographs through the preprocess stage, one by one and all in one release."""

import numpy as np
import pytest

from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import MANIFEST

from .checks import CASE_SECONDS, check, run_bombs, time_limit
from .families import FAMILIES
from .runners import expected_image, manifest_rows, preprocess, run_radiograph

CASES = FAMILIES["radiographs"][1]
BOMBS = [case for case in CASES if case.bomb]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("case", [case for case in CASES if not case.bomb], ids=lambda case: case.id)
def test_radiograph(case, tmp_path):
    with time_limit(CASE_SECONDS):
        result = run_radiograph(case, tmp_path)
    check(case, result, tmp_path)
    if case.expected is not None:
        assert np.array_equal(result.value, expected_image(case.expected))


@pytest.fixture(scope="module")
def bombs():
    return run_bombs("radiographs", [case.name for case in BOMBS])


@pytest.mark.parametrize("case", BOMBS, ids=lambda case: case.id)
def test_bomb(case, bombs, tmp_path):
    check(case, bombs[case.name], tmp_path)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (None, "no path"),
        ("", "no path"),
        ("   ", "no path"),
        ("../good.png", r"leaves the release's root"),
        ("a/../../good.png", r"leaves the release's root"),
        ("..\\good.png", r"leaves the release's root"),
        ("/etc/hostname", "absolute path"),
        ("C:\\images\\a.png", "absolute path"),
        ("good.png\0.jpg", "zero byte"),
        ("x" * 5000, "the limit is 200"),
        ("good.png/", "neither JPEG"),
        ("good.png/inner", "cannot be opened"),
        ("GOOD.PNG", "no such file"),
        (".", "not a regular file"),
    ],
)
def test_path_of_a_manifest(path, says, tmp_path):
    root = tmp_path / "release"
    root.mkdir()
    (root / "good.png").write_bytes(b"x")
    write_table(manifest_rows({"case": path}), tmp_path / "m.parquet", MANIFEST)
    images, faults = preprocess(root, tmp_path / "m.parquet")
    assert len(images) == 0
    assert says in faults["reason"][0]
