"""Names of trained models in tables and plots."""

from pathlib import Path

GENERIC_NAMES = ("weights", "history")  # file names of the workflow; the model's name is that of the folder


def model_name(path: str | Path) -> str:
    """Return a model's name: its file's name without suffix, or its folder's if the file's name is a generic one."""
    path = Path(path)
    return path.parent.name if path.stem in GENERIC_NAMES and path.parent.name else path.stem
