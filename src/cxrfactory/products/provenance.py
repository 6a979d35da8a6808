"""Provenance of a product: versions, source commit, hashes. No value depends on the time."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cxrfactory

# Libraries whose version can change the numbers or the bytes.
LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "opencv-python-headless", "pydicom", "torch", "SimpleITK")


def library_versions() -> dict[str, str]:
    """Return the versions of cxrfactory, Python and the libraries; "not installed" for an absent library."""
    found = {"cxrfactory": cxrfactory.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def source_commit() -> str | None:
    """Return the git commit of the running source tree, with ``-dirty`` if it was changed.

    The result is None if the package does not run from its own git checkout, or git is not available.
    """
    root = Path(cxrfactory.__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
