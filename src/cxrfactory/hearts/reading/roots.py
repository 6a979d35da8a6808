"""Which folder holds one folder for each examination, where someone gave the folder above it as the root."""

import os
from collections.abc import Sequence
from pathlib import Path

_MOST_NAMED = 3


def advised_root(groups: Sequence[Sequence[Path]], place: Path) -> str:
    """Return advice that names the folder to give as root; empty if the examinations are not in folders of their own.

    Parameters
    ----------
    groups
        Files of each examination.
    place
        Folder that was read as one examination.

    Examples
    --------
    >>> files = [[Path("set/train/1/a.dcm")], [Path("set/train/2/a.dcm")]]
    >>> advised_root(files, Path("set"))
    '; each has a folder of its own: give set/train as root'
    """
    holds = Path(os.path.commonpath([path.parent for paths in groups for path in paths]))
    below = [{path.relative_to(holds).parts[0] for path in paths} for paths in groups]
    if (
        all(len(names) == 1 for names in below)
        and len(set.union(*below)) == len(groups)
        and holds not in _folders(groups)
    ):
        return _advice([holds], place)
    above = sorted({path.parent.parent for paths in groups for path in paths})
    alone = len(_folders(groups)) == sum(map(len, groups))
    return _advice(above, place) if alone and place.parent not in above else ""


def _folders(groups: Sequence[Sequence[Path]]) -> set[Path]:
    return {path.parent for paths in groups for path in paths}


def _advice(folders: Sequence[Path], place: Path) -> str:
    named = [folder.relative_to(place.parent).as_posix() for folder in folders[:_MOST_NAMED]]
    more = f" or {len(folders) - _MOST_NAMED} more" if len(folders) > _MOST_NAMED else ""
    return f"; each has a folder of its own: give {' or '.join(named)}{more} as root"
