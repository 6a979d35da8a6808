"""The table of a folder of drawn masks: which files hold the image and the masks of each row.

Two layouts are read. In the first, ``images/`` and ``masks/`` contain one file per ``image_id``, and a mask covers both
lungs. In the second, columns of the table name the files: ``file`` or ``image`` the image, and ``mask_NAME`` the mask
of a region (``mask_lungs`` covers both lungs). Paths are relative to the folder. An empty cell means that the region is
not annotated in the image. Columns ``sex``, ``age`` (years) and ``condition`` or ``finding``, in letters of any case,
say who is in the image.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

import pandas as pd

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.organs import BOTH_LUNGS, LUNGS
from cxrfactory.anatomy.regions import check_region_name, region_of
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.logs import get_logger
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.people import ages, sexes

MASK_PREFIX = "mask_"
ID_COLUMNS, IMAGE_COLUMNS, PATIENT_COLUMN = ("image_id", "id"), ("file", "image"), "patient_id"
PERSON_COLUMNS = {"sex": ("sex",), "age": ("age",), "condition": ("condition", "finding")}
YES, NO = ("1", "true", "yes"), ("", "0", "false", "no")

log = get_logger(__name__)


@dataclass(frozen=True)
class MaskRow:
    """One row of the table.

    Attributes
    ----------
    image_id, patient_id
        Values of the table; without a column of patients, every image is a patient of its own.
    image
        Path of the image relative to the folder; None where it is found by the id.
    masks
        Name of the mask (a region, or ``lungs``) to its path relative to the folder; None where it is found by the id.
    not_annotated
        Regions that count as not annotated in this image.
    person
        ``sex`` (F, M, O), ``age`` in years and ``condition``, each None where it is unknown.
    """

    image_id: str
    patient_id: str
    image: str | None
    masks: Mapping[str, str | None]
    not_annotated: frozenset[str] = frozenset()
    person: Mapping[str, str | float | None] = field(default_factory=dict)


def read_mask_rows(
    path: Path, graph: LandmarkGraph, columns: Mapping[str, str], not_annotated: Mapping[str, str]
) -> list[MaskRow]:
    """Read the table, sorted by the images' ids.

    Parameters
    ----------
    path
        The CSV file.
    graph
        Graph of lungs whose definition says which regions ``mask_right_lung`` and ``mask_left_lung`` are.
    columns
        Column of a mask to its region, for columns whose name does not say it.
    not_annotated
        Column to region: where the column says 1, true or yes, the region counts as not annotated.

    Raises
    ------
    CxrError
        If the table or a column is missing, an id is empty or occurs twice, two columns name one region, or a column of
        ``not_annotated`` holds anything but yes and no.
    """
    table = _read(path)
    names = list(table.columns)
    key = next((name for name in ID_COLUMNS if name in names), ID_COLUMNS[0])
    image = next((name for name in IMAGE_COLUMNS if name in names), None)
    needed = [key, *columns, *not_annotated] + ([PATIENT_COLUMN] if image is None else [])
    if missing := [name for name in needed if name not in names]:
        raise CxrError(f"{path}: columns {missing} are missing; found {names}")
    for name in [key] + ([PATIENT_COLUMN] if PATIENT_COLUMN in names else []):
        if (empty := table[name] == "").any():
            raise CxrError(f"{path}: row {int(empty.to_numpy().argmax()) + 1}: column '{name}' is empty")
    if (twice := table[key].duplicated()).any():
        raise CxrError(f"{path}: image '{table[key][twice].iloc[0]}' occurs twice; expected it once")
    if PATIENT_COLUMN not in names:
        log.warning("%s: no column '%s'; every image counts as a patient of its own", path, PATIENT_COLUMN)
    masks = _mask_columns(path, names, graph, columns)
    if masks:
        log.info("%s: masks of %s", path, ", ".join(f"{region} ({column})" for column, region in masks.items()))
    rows = []
    for number, (record, person) in enumerate(zip(table.to_dict("records"), _people(table), strict=True), 1):
        files = {region: record[column] for column, region in masks.items() if record[column]}
        rows.append(
            MaskRow(
                record[key],
                record.get(PATIENT_COLUMN, record[key]),
                record[image] if image is not None else None,
                files if masks else {BOTH_LUNGS: None},
                frozenset(
                    region_of(region, graph.definition)
                    for column, region in not_annotated.items()
                    if _said(record[column], f"{path}: row {number}: column '{column}'")
                ),
                person,
            )
        )
    return sorted(rows, key=lambda row: row.image_id)


def file_of(root: Path, folder: str, image_id: str, named: str | None) -> Path:
    """Return the file that the table names or, without a name, the only file of the folder with the image's id.

    Raises
    ------
    ImageError
        If there is no such file, or several files have the id.
    """
    if named is not None:
        path = path_inside(root, named)
        if not path.is_file():
            raise ImageError(f"{named}: no such file in {root.name}")
        return path
    found = sorted(path_inside(root / folder, image_id).parent.glob(f"{escape(Path(image_id).name)}.*"))
    if len(found) != 1:
        raise ImageError(f"{len(found)} files '{image_id}.*' in {folder}; expected one")
    return found[0]


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a table with image_id and patient_id")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error


def _people(table: pd.DataFrame) -> list[dict[str, str | float | None]]:
    """Return what each row says of the person; what cannot be read is unknown."""
    named = {str(name).strip().lower(): name for name in reversed(table.columns)}
    people: list[dict[str, str | float | None]] = [{} for _ in range(len(table))]
    for trait, words in PERSON_COLUMNS.items():
        column = next((named[word] for word in words if word in named), None)
        if column is None:
            continue
        cells = table[column].str.strip()
        values = {"sex": sexes, "age": ages}.get(trait, pd.Series)(cells)
        for person, value in zip(people, values, strict=True):
            person[trait] = None if pd.isna(value) or value == "" else value
    return people


def _mask_columns(path: Path, names: list[str], graph: LandmarkGraph, columns: Mapping[str, str]) -> dict[str, str]:
    """Map the columns of masks to the names of their masks, in the order of the table."""
    found = {}
    for column in names:
        if column not in columns and not column.startswith(MASK_PREFIX):
            continue
        word = columns.get(column, column.removeprefix(MASK_PREFIX))
        region = word if column in columns else region_of(word, graph.definition)
        found[column] = check_region_name(region, f"{path}: column '{column}'")
    sides = {region_of(organ, graph.definition) for organ in LUNGS}
    taken = [each for region in found.values() for each in (sides if region == BOTH_LUNGS else {region})]
    if twice := sorted({region for region in taken if taken.count(region) > 1}):
        raise CxrError(f"{path}: several columns hold masks of {', '.join(twice)}; expected one for each region")
    return found


def _said(value: str, where: str) -> bool:
    if value.strip().lower() in YES:
        return True
    if value.strip().lower() in NO:
        return False
    raise CxrError(f"{where} is '{value}'; expected 1 or 0, true or false, yes or no")
