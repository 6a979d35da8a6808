"""What labelled tables must hold for a study, checked before the study is planned. The module is light to import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from cxrfactory.anatomy import organs
from cxrfactory.anatomy.regions import WHOLE_REGIONS

_NAMES = {"L": "lungs", "W": "whole lungs", "H": "heart", "C": "clavicles"}  # by letters of the column labels
MASKS_ONLY = "M"  # labels of images without landmarks
ORGANS_OF = {"L": organs.LUNGS, "H": (organs.HEART,), "C": organs.CLAVICLES}  # letters of label codes
_REGIONS = ORGANS_OF | {"W": tuple(WHOLE_REGIONS.values())}


@dataclass(frozen=True)
class Holdings:
    """What labelled tables hold.

    Attributes
    ----------
    labels
        Which organs images have together, by source and as letters, such as ``{"JSRT": {"LHC"}}``: the column
        ``labels``, or for images without landmarks the organs with masks.
    people
        Which of sex, age and condition have a value in some row.
    """

    labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    people: frozenset[str] = frozenset()

    def sources(self, letters: str) -> list[str]:
        """Return the sources that have all organs of some letters in one image, in the order of their names."""
        return sorted(source for source, each in self.labels.items() if any(set(letters) <= set(one) for one in each))


VIRTUAL = Holdings({"Virtual": frozenset({"LH"})})  # the workflow's own labelled table


@dataclass(frozen=True)
class Requirement:
    """What a study needs of its tables.

    Parameters
    ----------
    organs
        Letters of ``labels`` that some image must have together; empty if lungs of either definition will do.
    sources
        Number of sources that must have lungs.
    people
        Columns of people; one of them must have values.
    definitions
        Whether lungs of both definitions are needed, such as those of JSRT and those of V7.
    package
        Python package that must be installed; empty if none.
    """

    organs: str = ""
    sources: int = 1
    people: tuple[str, ...] = ()
    definitions: bool = False
    package: str = ""

    def unmet(self, holdings: Holdings) -> str:
        """Return what is missing, in a few words; empty if nothing is.

        Examples
        --------
        >>> Requirement(organs="LH", people=("sex",)).unmet(VIRTUAL)
        'no image with a value in sex'
        """
        if self.organs and not holdings.sources(self.organs):
            return f"no image with {' and '.join(_NAMES[each] for each in self.organs)}"
        lungs, whole = holdings.sources("L"), holdings.sources("W")
        if not (lungs or whole):
            return "no image with lungs"
        if self.definitions and not (lungs and whole):
            there = "end at the heart" if lungs else "include the part behind the heart"
            return f"lungs of one definition only: all {there}"
        if len(there := sorted({*lungs, *(() if self.organs else whole)})) < self.sources:
            return f"lungs of {len(there)} source only ({', '.join(there)}); expected {self.sources} or more"
        if self.people and not holdings.people & set(self.people):
            return f"no image with a value in {', '.join(self.people)}"
        if self.package and find_spec(self.package) is None:
            return f"the package {self.package} is not installed (pip install 'cxrfactory[studies]')"
        return ""


def holdings_of(tables: Sequence[Path]) -> Holdings:
    """Read what labelled tables hold.

    Parameters
    ----------
    tables
        Preprocessed labelled tables (Parquet). Only the columns that are asked for are read.

    Raises
    ------
    CxrError
        If a table cannot be read, or an image occurs twice.
    """
    import pandas as pd
    import pyarrow.parquet as pq

    from cxrfactory.studies.labelled_tables import read_tables
    from cxrfactory.tables.schemas import OPTIONAL_PERSON_COLUMNS

    table = read_tables(tables, ("image_id", "source", "labels", *OPTIONAL_PERSON_COLUMNS))
    if table["labels"].eq(MASKS_ONLY).any():
        names = [pq.ParquetFile(path).read(["regions.list.element.name"])["regions"].to_pylist() for path in tables]
        of_masks = pd.Series([_letters(each) for part in names for each in part], table.index)
        table["labels"] = table["labels"].where(table["labels"] != MASKS_ONLY, of_masks)
    labels = {str(source): frozenset(map(str, each)) for source, each in table.groupby("source")["labels"]}
    return Holdings(labels, frozenset(name for name in OPTIONAL_PERSON_COLUMNS if table[name].notna().any()))


def _letters(regions: list[dict[str, str]] | None) -> str:
    """Return the letters of the organs that an image has as masks."""
    names = {each["name"] for each in regions or []}
    return "".join(letter for letter, wanted in _REGIONS.items() if names.issuperset(wanted))
