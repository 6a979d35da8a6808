import ast
import importlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import cxrfactory as cxr

LIMIT_S = 0.3
HEAVY = ("numpy", "pandas", "torch", "matplotlib", "cv2", "numba", "pyarrow", "scipy", "SimpleITK", "pydantic")


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_loads_no_other_library():
    code = f"import sys, cxrfactory; dir(cxrfactory); print([name for name in {HEAVY!r} if name in sys.modules])"
    assert python(code).strip() == "[]"


def test_import_takes_less_than_three_tenths_of_a_second():
    code = "import time; start = time.process_time(); import cxrfactory; print(time.process_time() - start)"
    assert min(float(python(code)) for _ in range(3)) < LIMIT_S


@pytest.mark.parametrize("name", cxr.__all__)
def test_every_public_name_is_there(name):
    assert getattr(cxr, name) is not None
    assert name in dir(cxr)


def test_unknown_names_are_named():
    with pytest.raises(AttributeError, match="no attribute 'segmnet'; it has"):
        cxr.segmnet  # noqa: B018


def test_types_and_late_imports_say_the_same():
    """A type checker reads the imports below TYPE_CHECKING; at run time the table of exports is used."""
    tree = ast.parse(Path(cxr.__file__).read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in checked.body for alias in node.names}
    assert typed == cxr._EXPORTS
    assert sorted(["__version__", *typed]) == sorted(cxr.__all__)


def test_an_old_module_of_the_same_name_does_not_hide_the_function():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("cxrfactory.project.study")
    assert callable(cxr.project)


def test_nothing_below_imports_the_door():
    package = Path(cxr.__file__).parent
    beside = {"door", "cli", "workflow", "status", "browse", "export"}  # the floor of the door
    below = [path for path in package.rglob("*.py") if path.parent != package]
    below = [path for path in below if path.relative_to(package).parts[0] not in beside]
    assert [str(path) for path in below if "cxrfactory.door" in path.read_text(encoding="utf-8")] == []
