"""The free names of datasets and CT releases: they become names of folders and files of the results."""

import re
from collections.abc import Iterable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST = 100  # characters; file systems end a name at 255 bytes, and endings are added to it
# Results that stand beside a dataset's: the labelled set's tables, the folders of CT releases and of the RCA check,
# the sums of a product.
_TAKEN = ("labelled", "scans", "check", "sha256sums")
# What follows the name of a dataset in the names of its tables, and what the names of files end with: the table
# ``a.rejected.parquet`` belongs to the dataset ``a``.
_ENDINGS = (
    ".rejected", ".summary", ".parquet", ".csv", ".tsv", ".json", ".png", ".log", ".md", ".safetensors",
)  # fmt: skip


def check_names(section: str, names: Iterable[str]) -> None:
    """Refuse names that cannot be a file's, that lead out of the results folder, or that collide.

    Parameters
    ----------
    section
        Key of the config that holds the names, ``datasets`` or ``scans``.
    names
        The names.

    Raises
    ------
    ValueError
        One line that says which name, and what is expected.
    """
    seen: dict[str, str] = {}
    for name in names:
        what = f"{section}: release name '{name[:_LONGEST].encode('unicode_escape').decode()}'"
        if not _NAME.fullmatch(name):
            raise ValueError(f"{what}; expected letters, digits, '.', '_' and '-'")
        if len(name) > _LONGEST:
            raise ValueError(f"{what}... has {len(name)} characters; expected at most {_LONGEST}")
        if section == "datasets" and (name.lower() in _TAKEN or name.lower().endswith(_ENDINGS)):
            raise ValueError(f"{what} is that of another file of the results; expected one such as '{name}-site'")
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(f"{what} differs from '{other}' only in case; expected names that differ otherwise too")
