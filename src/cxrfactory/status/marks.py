"""What Snakemake notes about jobs in its own folder ``.snakemake`` (version 9, its notes as files); only read."""

import binascii
from base64 import urlsafe_b64decode
from pathlib import Path


class Marks:
    """Notes of one look at the folder.

    Parameters
    ----------
    folder
        ``.snakemake`` in the folder where the workflow is run; need not be there.
    """

    def __init__(self, folder: str | Path = ".snakemake") -> None:
        folder = Path(folder)
        self._unfinished = _noted(folder / "incomplete")
        self.locked = any((folder / "locks").glob("*.lock"))

    def unfinished(self, path: Path) -> bool:
        """Whether a job that writes the file was begun and has not ended: it runs, or was killed with Snakemake."""
        return str(path) in self._unfinished


def _noted(folder: Path) -> set[str]:
    """Paths noted: base64 names, long ones cut into folders whose names begin with ``@``."""
    found = set()
    for path in folder.rglob("*") if folder.is_dir() else ():
        parts = path.relative_to(folder).parts
        if not path.name.startswith("@") and all(part.startswith("@") for part in parts[:-1]):
            code = "".join(part.removeprefix("@") for part in parts)
            try:
                found.add(urlsafe_b64decode(code).decode())
            except (binascii.Error, UnicodeDecodeError):
                continue  # another file of Snakemake's, e.g. of a migration
    return found
