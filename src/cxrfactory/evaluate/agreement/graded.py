"""Tables of grades: one row a key and item (a measurement or a finding), with its grade as a number and its value."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.agreement.reading import DATASET, column_names, keys_of, numbers, read_columns
from cxrfactory.tables.joins import plain_ids

EXCLUDED = "excluded"  # a column with this name says why a row has no grade
POLARITY = "polarity"  # a column with this name says whether a report states or doubts its finding
UNGRADED, PRESENT = -1, -2  # no grade; the finding is present, and its grade is not stated


@dataclass(frozen=True)
class Scale:
    """Names of the grades in ascending order, and other words for them.

    Attributes
    ----------
    grades
        Names of the grades; the first says that the finding is absent.
    words
        Other words, with the grades that they mean.
    unspecified
        Words for a finding that is present without a grade.
    """

    grades: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict)
    unspecified: tuple[str, ...] = ()

    def numbers(self, path: Path, cells: pd.Series) -> pd.Series:
        """Return the number of every grade from 0; ``PRESENT`` without a grade, ``UNGRADED`` for an empty cell.

        The case of the letters does not matter.

        Raises
        ------
        CxrError
            If a cell holds another word; the message names file, row and column.
        """
        known = {"": UNGRADED} | {grade.casefold(): number for number, grade in enumerate(self.grades)}
        known |= {word.casefold(): known[grade.casefold()] for word, grade in self.words.items()}
        known |= dict.fromkeys((word.strip().casefold() for word in self.unspecified), PRESENT)
        folded = cells.str.casefold()
        found = folded.map(known).fillna(plain_ids(folded).map(known))  # 1.0 is 1, in a column with empty cells
        if (wrong := found.isna()).any():
            row = wrong.idxmax()
            words = [*self.grades, *self.words, *self.unspecified]
            raise CxrError(
                f"{path}: row {row}, column '{cells.name}': found grade '{cells[row]:.40}'; expected one of "
                f"{', '.join(words)} (other words: --words WORD=GRADE)"
            )
        return found.astype(int)


@dataclass
class Graded:
    """Rows of a table that are compared, and how many were left out.

    Attributes
    ----------
    path
        File, for messages.
    rows
        Columns ``key`` (text), ``item`` (text), ``grade`` (int from 0, or
        ``PRESENT``), ``value`` (float64, NaN for none) and
        ``patient`` (text, empty for none).
    keyed_by
        Names of the columns that form the key.
    left_out
        Number of rows without a grade, by item and reason.
    """

    path: str
    rows: pd.DataFrame
    keyed_by: tuple[str, ...]
    left_out: Counter[tuple[str, str]]


def read_graded(
    path: str | Path,
    keys: Sequence[Sequence[str]],
    item: str | None,
    grade: str,
    scale: Scale,
    *,
    value: str | None = None,
    need_value: bool = False,
    patient: str = "",
    repeated: str = "refuse",
    items: Sequence[str] = (),
    polarities: Sequence[str] | None = None,
) -> Graded:
    """Read a table of grades.

    Parameters
    ----------
    path
        CSV or Parquet.
    keys
        Alternatives for the columns that form the key; the first one whose columns exist is taken.
    item
        Column of the measurement or finding; None if the table holds only one, which is then named ``items[0]``.
    grade, value, patient
        Names of columns; the patient's may be absent, and the value's too unless ``need_value``.
    scale
        Names of the grades.
    repeated
        ``refuse`` or ``highest``: what happens with several rows of one key and item.
    items
        Names that are compared; other rows are not read further.
    polarities
        Values of the column ``polarity`` whose rows are kept, where the table has it; None keeps all.

    Raises
    ------
    CxrError
        If a column is missing, a grade unknown or against the polarity, a key empty or repeated, or no row has one of
        the items.
    """
    path = Path(path)
    keyed_by = _key_columns(path, keys)
    wanted = [*keyed_by, *([item] if item else []), grade, *([value] if value and need_value else [])]
    optional = [name for name in (value, patient, EXCLUDED, POLARITY) if name]
    frame = read_columns(path, wanted, optional)
    frame["item of the row"] = _items_of(frame[item], items) if item else items[0]
    frame = frame[frame["item of the row"].isin(items)]
    if frame.empty:
        where = f"column '{item}' holds none of {', '.join(items)}" if item else "the table has no rows"
        raise CxrError(f"{path}: {where}; expected at least one row to compare (--findings)")
    rows = pd.DataFrame(
        {
            "key": keys_of(path, frame, keyed_by),
            "item": frame["item of the row"],
            "grade": scale.numbers(path, frame[grade]),
            "value": numbers(path, frame[value]) if value in frame else float("nan"),
            "patient": frame.get(patient, ""),
        }
    )
    reasons = pd.Series("", index=frame.index).mask(rows["grade"] == UNGRADED, "no grade")
    if POLARITY in frame and polarities is not None:
        kept = frame[POLARITY].str.casefold().isin([each.strip().casefold() for each in polarities])
        _refuse_contradictions(path, frame[kept], rows["grade"][kept], grade)
        reasons = reasons.where(kept, "polarity " + frame[POLARITY])
    reasons = reasons.mask(_is_excluded(frame), "excluded")
    left_out = Counter(zip(rows["item"][reasons != ""], reasons[reasons != ""], strict=True))
    rows = rows[reasons == ""]
    return Graded(str(path), _once(path, rows, keyed_by, repeated), keyed_by, left_out)


def _key_columns(path: Path, keys: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the first alternative whose columns the table has, or the first one, so that its absence is the error."""
    names = {*column_names(path), DATASET}
    return tuple(next((columns for columns in keys if names.issuperset(columns)), keys[0]))


def _items_of(cells: pd.Series, items: Sequence[str]) -> pd.Series:
    """Return the item that each cell names, in any case of the letters; missing where it names none."""
    exact = cells.map({name: name for name in items})
    return exact.fillna(cells.str.casefold().map({name.casefold(): name for name in items}))


def _refuse_contradictions(path: Path, frame: pd.DataFrame, grades: pd.Series, column: str) -> None:
    """Raise if a finding is called present with the first grade, or absent with another one."""
    said = frame[POLARITY].str.casefold()
    wrong = ((said == "present") & (grades == 0)) | ((said == "absent") & ~grades.isin([0, UNGRADED]))
    if wrong.any():
        row = wrong.idxmax()
        raise CxrError(
            f"{path}: row {row}: {POLARITY} '{frame.loc[row, POLARITY]:.40}' contradicts {column} "
            f"'{frame.loc[row, column]:.40}'; expected the first grade where a finding is absent, and another one "
            "where it is present"
        )


def _is_excluded(frame: pd.DataFrame) -> pd.Series:
    if EXCLUDED not in frame:
        return pd.Series(False, index=frame.index)
    return ~frame[EXCLUDED].str.casefold().isin(["", "false", "0", "no"])


def _once(path: Path, rows: pd.DataFrame, keyed_by: Sequence[str], repeated: str) -> pd.DataFrame:
    twice = rows.duplicated(["key", "item"])
    if not twice.any():
        return rows
    if repeated == "highest":
        # A finding without a grade counts between the first grade and the next.
        ordered = rows.sort_values("grade", ascending=False, kind="stable", key=lambda of: of.where(of >= 0, 0.5))
        return ordered.drop_duplicates(["key", "item"]).sort_index()
    row = twice.idxmax()
    key, item = rows.loc[row, "key"], rows.loc[row, "item"]
    first = rows.index[(rows["key"] == key) & (rows["item"] == item)][0]
    raise CxrError(
        f"{path}: row {row}: key '{key}' ({', '.join(keyed_by)}) has '{item}' already in row {first}; expected it once "
        "(or --repeated highest)"
    )
