"""What a release looks like on disk: plain facts, light to import (the workflow reads them)."""

from dataclasses import dataclass


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

    Attributes
    ----------
    slug
        Name on the command line and in the config.
    published_name
        Name in CheXmask file names.
    id_column
        Id column of the release's CheXmask file.
    slots
        Its tables. At least one that lists images must be there.
    view_rule
        One sentence: which rows are frontal.
    has_procedure_text
        True where free text of the procedure may decide a missing view.
    id_is_file_name
        True where the id names one file; False where it is a path inside the release.
    """

    slug: str
    published_name: str
    id_column: str
    slots: tuple[TableSlot, ...]
    view_rule: str
    has_procedure_text: bool = False
    id_is_file_name: bool = True

    @property
    def table_candidates(self) -> tuple[str, ...]:
        """Default table paths relative to the root: what the workflow declares as input."""
        return tuple(slot.alternatives[0] for slot in self.slots if slot.lists_images)


def with_gz(*names: str) -> tuple[str, ...]:
    """Each name as given and in its other form, compressed or not: ``a.csv.gz`` gives ``a.csv.gz, a.csv``."""
    return tuple(form for name in names for form in (name, name[:-3] if name.endswith(".gz") else f"{name}.gz"))
