"""Every example in a public docstring and every code block of docs/python.md runs and gives what it says."""

import doctest
import inspect
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import cxrfactory as cxr

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
PUBLIC = [name for name in cxr.__all__ if name != "__version__"]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def names(films, scan, product, weights, two_headed_weights, calibration, tmp_path, monkeypatch):
    """What examples may use."""
    monkeypatch.chdir(tmp_path)
    return {
        "cxr": cxr,
        "np": np,
        "film": films / "film.png",
        "folder": films,
        "weights": weights,
        "hybrid_weights": two_headed_weights,
        "calibration": calibration,
        "segmenter": cxr.Segmenter(weights, samples=2),
        "ct": scan / "ct.nii.gz",
        "names": scan / "names.csv",
        "labels": scan / "labels.nii.gz",
        "results": product,
        "chexmask_csv": product / "OriginalResolution" / "demo.csv",
    }


@pytest.mark.parametrize("public", PUBLIC)
def test_examples_of_docstrings_run(public, names):
    found = getattr(cxr, public)
    tests = doctest.DocTestFinder(recurse=inspect.isclass(found)).find(found, public, globs=names)
    tests = [test for test in tests if test.examples]
    assert tests, f"{public} has no example"
    runner = doctest.DocTestRunner(verbose=False)
    report = []
    for test in tests:
        runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


def test_docstrings_are_in_numpydoc_style():
    for name in PUBLIC:
        found = getattr(cxr, name)
        text = inspect.getdoc(found)
        assert text, name
        assert text.splitlines()[0].endswith("."), name
        if inspect.isfunction(found):
            assert "Parameters" in text, name


def test_code_blocks_of_the_page_run(films, scan, product, weights, tmp_path, monkeypatch, capsys):
    shutil.copytree(films, tmp_path / "films")
    shutil.copy(films / "film.png", tmp_path / "film.png")
    shutil.copytree(product.parent, tmp_path / "results")
    shutil.copytree(product.parents[1] / "release", tmp_path / "release")
    for path in scan.iterdir():
        shutil.copy(path, tmp_path / path.name)
    for suffix in ("safetensors", "json"):
        shutil.copy(weights.with_suffix(f".{suffix}"), tmp_path / f"weights.{suffix}")
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 5
    space: dict = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), space)


def test_the_page_names_every_public_name():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in PUBLIC if f"`{name}`" not in text and f"cxr.{name}" not in text] == []
