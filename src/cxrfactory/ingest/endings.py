"""Image files whose names end in another way than the tables of their release say, as in copies of other formats."""

from pathlib import Path

import pandas as pd

from cxrfactory.ingest.places import spread
from cxrfactory.logs import get_logger

_LOOKED_AT = 50
_ENDINGS = (".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff")
_SPELT = tuple(dict.fromkeys(form for end in _ENDINGS for form in (end, end.upper(), end.capitalize())))

log = get_logger(__name__)


def with_found_ending(paths: pd.Series, root: Path, name: str) -> pd.Series:
    """Return the paths with the ending that the files have, if none is there as the table writes it.

    A few of the files are looked for. The ending changes only if none of them has the table's, and those that are there
    under another one agree on it.

    Parameters
    ----------
    paths
        Paths relative to the root, without null.
    root
        Folder of the release.
    name
        Name of the dataset, for the warning.
    """
    tried = spread(paths, _LOOKED_AT)
    if any((root / path).exists() for path in tried):
        return paths
    endings = {ending for path in tried if (ending := _ending(root / path)) is not None}
    if len(endings) != 1:
        return paths
    ending = endings.pop()
    log.warning(
        "%s: the image files end in '%s' and not in '%s' as the tables say; they are taken",
        name, ending, Path(tried[0]).suffix,
    )  # fmt: skip
    return paths.str.replace(r"\.[A-Za-z]+$", "", regex=True) + ending


def _ending(path: Path) -> str | None:
    found = [ending for ending in _SPELT if path.with_suffix(ending).is_file()]
    return found[0] if found else None
