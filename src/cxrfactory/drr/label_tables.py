"""Names of label values for projection: a table of the release, or a table of TotalSegmentator called by its name."""

from collections.abc import Sequence
from pathlib import Path

from cxrfactory.anatomy.taxonomy import totalsegmentator_v1, totalsegmentator_v2
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.volume.label_names import read_names
from cxrfactory.imaging.volume.label_volume import value_name
from cxrfactory.tables.paths import path_inside

NAMED_TABLES = {"totalsegmentator-v2": totalsegmentator_v2, "totalsegmentator-v1": totalsegmentator_v1}
_CHOICES = " or ".join(NAMED_TABLES)
UNNAMED = (
    "nothing names the label values (no name table, none in the header of the labels); set names to a table of values "
    f"and names, or, for outputs of TotalSegmentator's task total, to {_CHOICES}"
)


def names_of(choice: str | Path | None, root: Path | None = None, follow_links: bool = False) -> dict[int, str] | None:
    """Return the name of each label value.

    Parameters
    ----------
    choice
        A key of :data:`NAMED_TABLES`, in any case and with underscores or hyphens, for outputs of TotalSegmentator's
        task ``total`` of that version; or the path of a table; or None, which gives None.
    root
        Folder that the path of a table is relative to and must not leave; by default the path is taken as it is.
    follow_links
        Whether links may lead out of the root.

    Raises
    ------
    CxrError
        If there is no such table, or it cannot be used.
    """
    if choice is None:
        return None
    table = NAMED_TABLES.get(str(choice).lower().replace("_", "-"))
    if table is not None:
        return table()
    path = Path(choice) if root is None else path_inside(root, str(choice), follow_links)
    if not path.is_file():
        raise CxrError(f"{path.name}: no such file; expected a table of label values and names, or {_CHOICES}")
    return read_names(path)


def unnamed(names: Sequence[str], source_ids: Sequence[int | None]) -> bool:
    """Return whether structures are called only by the values of their labels, because nothing names them."""
    values = [value for value in source_ids if value is not None]
    return bool(values) and list(names) == [value_name(value) for value in values]


def refuse_unnamed(names: Sequence[str], source_ids: Sequence[int | None]) -> None:
    """Refuse labels that nothing names.

    Raises
    ------
    ImageError
        If the names are only values (:func:`unnamed`).
    """
    if unnamed(names, source_ids):
        raise ImageError(UNNAMED)
