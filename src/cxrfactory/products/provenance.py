"""Where a product comes from: versions, source commit, hashes. Nothing here depends on the time of day."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cxrfactory

# Libraries whose version can change the numbers or the bytes.
LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "opencv-python-headless", "pydicom", "torch", "SimpleITK")


def library_versions() -> dict[str, str]:
    """Versions of cxrfactory, Python and the libraries; "not installed" where one is absent."""
    found = {"cxrfactory": cxrfactory.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def source_commit() -> str | None:
    """Git commit of the source tree that runs, with ``-dirty`` where it was changed.

    None where the package does not run from a git checkout of its own, or git is absent.
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
