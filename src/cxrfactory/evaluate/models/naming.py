"""What a trained model is called in tables and pictures."""

from pathlib import Path

GENERIC_NAMES = ("weights", "history")  # the workflow's files of every model, each in a folder of the model's name


def model_name(path: str | Path) -> str:
    """Name of a model: its file's without the suffix, or its folder's where that is ``weights`` or ``history``."""
    path = Path(path)
    return path.parent.name if path.stem in GENERIC_NAMES and path.parent.name else path.stem
