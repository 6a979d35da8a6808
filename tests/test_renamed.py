import importlib
import sys

import pytest

from cxrfactory.renamed import RENAMED_MODULES


@pytest.mark.parametrize("old", RENAMED_MODULES)
def test_old_modules_are_the_new_ones_with_a_warning(old):
    sys.modules.pop(f"cxrfactory.{old}", None)
    with pytest.warns(FutureWarning, match=f"cxrfactory.{old} is now cxrfactory.{RENAMED_MODULES[old]}"):
        module = importlib.import_module(f"cxrfactory.{old}")
    assert module is importlib.import_module(f"cxrfactory.{RENAMED_MODULES[old]}")


def test_unknown_modules_stay_unknown():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("cxrfactory.nothing")
