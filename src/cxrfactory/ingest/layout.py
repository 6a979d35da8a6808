"""Descriptions of the layout of releases on disk, as plain data that the workflow can import quickly."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TableSlot:
    """One table of a release and its possible file names.

    Attributes
    ----------
    role
        Name of the table in the module of the layout.
    alternatives
        Possible paths relative to the release's root. The first one is the original path of the release, which the
        workflow declares as input.
    lists_images
        True if the rows of the table are the images or name them. False for a table that only adds information, such as
        findings; it may be absent.
    """

    role: str
    alternatives: tuple[str, ...]
    lists_images: bool = True


@dataclass(frozen=True)
class ReleaseLayout:
    """Properties of a release that other stages need.

    There are three different names: the *layout* identifies the structure of a release on disk, the *dataset* is the
    user's own key in the config, and the *published name* is the name of the release in CheXmask.

    Attributes
    ----------
    name
        Name of the layout on the command line and in the config.
    published_name
        Name of the release in CheXmask's file names. None for a layout that is no release (a folder of one's own): the
        files of each such dataset have the dataset's name.
    id_column
        Id column of the release's CheXmask file.
    slots
        Tables of the release. At least one table that lists images must exist.
    view_rule
        Short text that states which rows are frontal.
    shards
        Default number of files into which the whole release is split, 1,000 to 5,000 images each.
    paper_counts
        Numbers of images in the CheXmask paper (Gaggion et al., Scientific Data 2024, section "Inclusion-exclusion
        criteria"), with the keys ``rows`` and ``included``; empty for a release that is not in the paper.
    has_procedure_text
        True if the release has a free text on the procedure that can replace a missing view.
    id_is_file_name
        True if the id names one file; False if it is a path inside the release.
    mark_columns
        Columns of which a table below the root must have one, for layouts whose tables have common names.
    """

    name: str
    published_name: str | None
    id_column: str
    slots: tuple[TableSlot, ...]
    view_rule: str
    shards: int = 1
    paper_counts: Mapping[str, int] = field(default_factory=dict)
    has_procedure_text: bool = False
    id_is_file_name: bool = True
    mark_columns: tuple[str, ...] = ()

    @property
    def table_candidates(self) -> tuple[str, ...]:
        """Default paths of the image tables relative to the root, which the workflow declares as input."""
        return tuple(slot.alternatives[0] for slot in self.slots if slot.lists_images)


def with_gz(*names: str) -> tuple[str, ...]:
    """Return each name as given and in its other form, compressed or not: ``a.csv.gz`` gives ``a.csv.gz, a.csv``."""
    return tuple(form for name in names for form in (name, name[:-3] if name.endswith(".gz") else f"{name}.gz"))
