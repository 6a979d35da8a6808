"""Read Snakemake's records about jobs in its folder ``.snakemake`` (version 9, records as files)."""

import binascii
from base64 import urlsafe_b64decode
from pathlib import Path


class Marks:
    """Snapshot of the records in the folder.

    Parameters
    ----------
    folder
        ``.snakemake`` in the folder where the workflow runs; it may be missing.
    """

    def __init__(self, folder: str | Path = ".snakemake") -> None:
        folder = Path(folder)
        self._unfinished = _noted(folder / "incomplete")
        self.locked = any((folder / "locks").glob("*.lock"))

    def unfinished(self, path: Path) -> bool:
        """Return whether a job that writes the file has started and not ended (running, or killed with Snakemake)."""
        return str(path) in self._unfinished


def _noted(folder: Path) -> set[str]:
    """Return the recorded paths, whose names are base64; folders that begin with ``@`` hold the parts of long names."""
    found = set()
    for path in folder.rglob("*") if folder.is_dir() else ():
        parts = path.relative_to(folder).parts
        if not path.name.startswith("@") and all(part.startswith("@") for part in parts[:-1]):
            code = "".join(part.removeprefix("@") for part in parts)
            try:
                found.add(urlsafe_b64decode(code).decode())
            except (binascii.Error, UnicodeDecodeError):
                continue  # another file of Snakemake, e.g. of a migration
    return found
