"""What a release looks like on disk: plain facts, light to import (the workflow reads them)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TableSlot:
    """One table of a release and the names under which it is found.

    Attributes
    ----------
    role
        Name by which the release's module asks for it.
    alternatives
        Paths relative to the release's root; the first is the release's own, and what the workflow declares.
    lists_images
        True where the rows of the table are the images (or name them); False for a table that only adds
        findings, which may be absent.
    """

    role: str
    alternatives: tuple[str, ...]
    lists_images: bool = True


@dataclass(frozen=True)
class ReleaseLayout:
    """The facts of a release that other stages need.

    Three names are kept apart: the *layout* says how a release lies on disk, the *dataset* is the user's own key in
    the config, and the *published name* is what CheXmask calls the release.

    Attributes
    ----------
    name
        Name of the layout on the command line and in the config.
    published_name
        Name of the release in CheXmask's file names.
    id_column
        Id column of the release's CheXmask file.
    slots
        Its tables. At least one that lists images must be there.
    view_rule
        One sentence: which rows are frontal.
    shards
        Number of files that the whole release is split into where the config gives none: 1,000 to 5,000 images each.
    paper_counts
        Numbers of images that the CheXmask paper counts (Gaggion et al., Scientific Data 2024, section
        "Inclusion-exclusion criteria"), by ``rows`` and ``included``; empty for a release that is not in it.
    has_procedure_text
        True where free text of the procedure may decide a missing view.
    id_is_file_name
        True where the id names one file; False where it is a path inside the release.
    """

    name: str
    published_name: str
    id_column: str
    slots: tuple[TableSlot, ...]
    view_rule: str
    shards: int = 1
    paper_counts: Mapping[str, int] = field(default_factory=dict)
    has_procedure_text: bool = False
    id_is_file_name: bool = True

    @property
    def table_candidates(self) -> tuple[str, ...]:
        """Default table paths relative to the root: what the workflow declares as input."""
        return tuple(slot.alternatives[0] for slot in self.slots if slot.lists_images)


def with_gz(*names: str) -> tuple[str, ...]:
    """Each name as given and in its other form, compressed or not: ``a.csv.gz`` gives ``a.csv.gz, a.csv``."""
    return tuple(form for name in names for form in (name, name[:-3] if name.endswith(".gz") else f"{name}.gz"))
