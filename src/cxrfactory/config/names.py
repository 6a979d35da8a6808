"""Check the names that users give to datasets and CT releases; the names become parts of folder and file names."""

import re
from collections.abc import Iterable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST = 100  # characters; file systems limit a name to 255 bytes, and suffixes are appended to it
# Names of other results in the same folders: the labelled set's tables, the folders of CT releases and of the RCA
# check,
# the checksums of a product.
_TAKEN = ("labelled", "scans", "check", "sha256sums")
# Suffixes that follow a dataset's name in the names of its tables, and file name extensions. For example, the table
# ``a.rejected.parquet`` belongs to the dataset ``a``.
_ENDINGS = (
    ".rejected", ".summary", ".parquet", ".csv", ".tsv", ".json", ".png", ".log", ".md", ".safetensors",
)  # fmt: skip


def check_names(section: str, names: Iterable[str]) -> None:
    """Refuse names that cannot name a file, that lead out of the results folder, or that collide.

    Parameters
    ----------
    section
        Key of the config that holds the names, ``datasets`` or ``scans``.
    names
        The names.

    Raises
    ------
    ValueError
        One line with the name and the expected form.
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
