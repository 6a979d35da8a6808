import subprocess
import sys

import pytest

from cxrfactory.models.torchvision_ops import import_torchvision

# In a fresh process: whether torchvision is importable by itself, whether operators were declared, and a network of it.
CODE = """
try:
    import torchvision
    plain = True
except RuntimeError:
    plain = False
from cxrfactory.models.torchvision_ops import import_torchvision
declared = import_torchvision()
import torchvision
print(plain, declared, import_torchvision(), len(torchvision.models.resnet18().state_dict()))
"""


def test_import_works_and_declares_only_where_it_must():
    out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    assert out.strip() in ("True False False 122", "False True True 122")


def test_another_failure_is_not_hidden(monkeypatch):
    def fail(name):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("cxrfactory.models.torchvision_ops.import_module", fail)
    with pytest.raises(RuntimeError, match="disk on fire"):
        import_torchvision()
