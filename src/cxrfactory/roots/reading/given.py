"""Tables of plants and of groups as people give them; errors name file and row.

They are CSV with a header, with commas, semicolons or tabs, whichever the header has most of. Beside semicolons or
tabs, a number may have the decimal comma of a spreadsheet.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.geometry.roots.rows import columns_in_rows
from cxrfactory.tables.csv_dialect import separator_of
from cxrfactory.tables.pixel_scale import mm_of_pixel, scale_columns

GroupOf = Callable[[str, str], str | None]
_SEED = ("seed_x", "seed_y")
_SAME_SCALE = 0.001  # share by which two scales of one plate may differ, as rounded numbers do
_REGION = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class GivenPlant:
    """One row of a table of plants.

    Attributes
    ----------
    plate, plant
        Names.
    seed
        Seed (x, y), pixels of the plate's first picture.
    region
        ``left, top, right, bottom`` in pixels; None where the table gives none.
    row
        Line of the table, from 1 for the header.
    """

    plate: str
    plant: str
    seed: tuple[float, float]
    region: tuple[int, int, int, int] | None
    row: int


def read_plants(path: str | Path) -> list[GivenPlant]:
    """Read a table of plants with the columns plate, plant, seed_x, seed_y and, if wanted, left, top, right, bottom.

    Raises
    ------
    CxrError
        If the file cannot be read, lacks a column, or a row has a missing or wrong cell or a plant a second time.
    """
    path = Path(path)
    found: dict[tuple[str, str], GivenPlant] = {}
    decimal = "." if _separator(path) == "," else ","
    for row, cells in _rows(path, ("plate", "plant", *_SEED)):
        plate, plant = (_word(path, row, cells, key) for key in ("plate", "plant"))
        if (plate, plant) in found:
            first = found[plate, plant].row
            raise CxrError(f"{path}: row {row} gives plant '{plant}' of plate '{plate}' again, after row {first}")
        x, y = (_number(path, row, cells, key, decimal) for key in _SEED)
        given = [key for key in _REGION if cells.get(key)]
        if given and len(given) < len(_REGION):
            missing = ", ".join(key for key in _REGION if key not in given)
            raise CxrError(f"{path}: row {row} lacks {missing}; give all four sides of the region, or none")
        region = None
        if given:
            left, top, right, bottom = (round(_number(path, row, cells, key, decimal)) for key in _REGION)
            region = (left, top, right, bottom)
            if not (left <= x < right and top <= y < bottom):
                raise CxrError(f"{path}: row {row}: the seed ({x:g}, {y:g}) lies outside of its region {region}")
        found[plate, plant] = GivenPlant(plate, plant, (x, y), region, row)
    return list(found.values())


def plant_rows(
    path: str | Path, plants: list[GivenPlant], sizes: Mapping[str, tuple[int, int] | None], group_of: GroupOf
) -> list[dict]:
    """Return given plants as rows of ROOT_PLANTS, by plate and in the order of the table.

    A plant without a region gets the column of the plate up to half the way to the next seeds of its row, over the full
    height.

    Parameters
    ----------
    path
        The table, for messages.
    plants
        What was read of it.
    sizes
        Height and width of each plate; None for a plate without a usable picture, whose plants are left out.
    group_of
        Group of a plant (:func:`read_groups`).

    Raises
    ------
    CxrError
        If a row names an unknown plate, or a seed or a region lies outside of the picture.
    """
    by_plate: dict[str, list[GivenPlant]] = defaultdict(list)
    for each in plants:
        if each.plate not in sizes:
            raise CxrError(f"{path}: row {each.row} names plate '{each.plate}'; {_known(sizes)}")
        by_plate[each.plate].append(each)
    rows = []
    for plate in sorted(by_plate):
        if (size := sizes[plate]) is None:
            continue
        columns = columns_in_rows([each.seed for each in by_plate[plate]], size[1], size[0])
        for each, (left, right) in zip(by_plate[plate], columns, strict=True):
            region = each.region or (left, 0, right, size[0])
            inside = 0 <= region[0] < region[2] <= size[1] and 0 <= region[1] < region[3] <= size[0]
            if not inside or not (0 <= each.seed[0] < size[1] and 0 <= each.seed[1] < size[0]):
                raise CxrError(
                    f"{path}: row {each.row}: seed {each.seed} or region {region} lies outside of the plate's pictures "
                    f"of {size[1]} x {size[0]} px"
                )
            rows.append(
                {
                    "plate": plate,
                    "plant": each.plant,
                    "group": group_of(plate, each.plant),
                    "seed_x": each.seed[0],
                    "seed_y": each.seed[1],
                    **dict(zip(_REGION, region, strict=True)),
                    "source": "given",
                }
            )
    return rows


class Groups:
    """Groups of plates and plants; the object is called with a plate and a plant and returns their group or None.

    Parameters
    ----------
    found
        Group of each plate and plant (empty for all plants of the plate), with the row and the table that say so.
    """

    def __init__(self, found: Mapping[tuple[str, str], tuple[str, int, Path]]) -> None:
        self._found = dict(found)

    def __call__(self, plate: str, plant: str) -> str | None:
        """Return the group of a plant: that of its own row, or else that of its plate."""
        found = self._found.get((plate, plant)) or self._found.get((plate, ""))
        return None if found is None else found[0]

    def check(self, plates: Mapping[str, object], plants: Mapping[str, list[str]] | None = None) -> None:
        """Refuse a row that names an unknown plate or, if the plants are known, an unknown plant.

        Raises
        ------
        CxrError
            For the first such row.
        """
        for (plate, plant), (_, row, path) in self._found.items():
            if plate not in plates:
                raise CxrError(f"{path}: row {row} names plate '{plate}'; {_known(plates)}")
            if plants is not None and plant and plant not in plants.get(plate, []):
                raise CxrError(f"{path}: row {row} names plant '{plant}', which plate '{plate}' does not have")

    def check_found(self, plate: str, seeds_x: Mapping[str, float]) -> None:
        """Refuse a row that names a plant which was not found on a plate.

        Where a plant was not found, those to its right may have numbers that are one too low, and so wrong groups.

        Parameters
        ----------
        plate
            The plate.
        seeds_x
            Name of each plant that was found to the position of its seed across, pixels.

        Raises
        ------
        CxrError
            For the first such row.
        """
        for (named, plant), (_, row, path) in self._found.items():
            if named == plate and plant and plant not in seeds_x:
                places = ", ".join(f"{name} at x = {x:.0f}" for name, x in seeds_x.items()) or "none"
                raise CxrError(
                    f"{path}: row {row} names plant '{plant}' of plate '{plate}'; found there: {places}; the "
                    "numbers may be shifted, so compare the table with the pictures, or give the seeds "
                    "(roots.plants_table)"
                )


def read_groups(*paths: str | Path) -> Groups:
    """Read tables of groups with the columns plate, group and, if plants of a plate differ, plant.

    A row without a plant holds for all plants of its plate that have no row of their own.

    Parameters
    ----------
    paths
        The tables; without one there are no groups.

    Raises
    ------
    CxrError
        If the file cannot be read, lacks a column, or a row has an empty cell or a plate or plant a second time.
    """
    found: dict[tuple[str, str], tuple[str, int, Path]] = {}
    for path in map(Path, paths):
        for row, cells in _rows(path, ("plate", "group")):
            key = _word(path, row, cells, "plate"), cells.get("plant", "")
            if key in found:
                what = f"plant '{key[1]}' of plate '{key[0]}'" if key[1] else f"plate '{key[0]}'"
                before = "" if found[key][2] == path else f" of {found[key][2]}"
                raise CxrError(f"{path}: row {row} gives a group of {what} again, after row {found[key][1]}{before}")
            found[key] = _word(path, row, cells, "group"), row, path
    return Groups(found)


def read_scales(paths: Sequence[str | Path], plates: Collection[str]) -> dict[str, float]:
    """Read the scales that tables of plants and groups may give.

    They stand in a column such as ``mm_per_pixel``, ``px/cm`` or ``dpi``.

    Parameters
    ----------
    paths
        The tables.
    plates
        Names of the known plates; rows of others are passed over here.

    Returns
    -------
    The side of a pixel in mm by plate; a plate without a scale is left out.

    Raises
    ------
    CxrError
        If a cell is no scale, or a plate has two scales.
    """
    found: dict[str, tuple[float, str]] = {}
    for path in map(Path, paths):
        for row, cells in _rows(path, ("plate",)):
            for name, unit in scale_columns(list(cells)).items():
                plate, said = cells["plate"], cells[name]
                if not said or plate not in plates:
                    continue
                try:
                    side = mm_of_pixel(said, unit)
                except ValueError as error:
                    raise CxrError(f"{path}: row {row}: '{name}' is '{said}'; expected {error}") from error
                place = f"{path}, row {row}, '{name}'"
                before, where = found.setdefault(plate, (side, place))
                if abs(side / before - 1) > _SAME_SCALE:
                    raise CxrError(
                        f"{place} gives plate '{plate}' {side:.5g} mm a pixel, and {where} gives {before:.5g}; "
                        "correct one of them"
                    )
    return {plate: side for plate, (side, _) in found.items()}


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the cells of each row; empty lines are no rows."""
    separator = _separator(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=separator)
            header = [name.strip() for name in next(reader, [])]
            if missing := [name for name in needed if name not in header]:
                raise CxrError(f"{path}: column '{missing[0]}' is missing; found {header}; expected {list(needed)}")
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise CxrError(f"{path}: row {reader.line_num} has {len(cells)} cells; expected {len(header)}")
                yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    except OSError as error:
        raise CxrError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CxrError(f"{path}: not a CSV file in UTF-8 ({' '.join(str(error).split())})") from error


def _separator(path: Path) -> str:
    if not path.exists():
        raise CxrError(f"{path}: no such file")
    return separator_of(path)


def _word(path: Path, row: int, cells: dict[str, str], key: str) -> str:
    if not cells[key]:
        raise CxrError(f"{path}: row {row}: '{key}' is empty")
    return cells[key]


def _number(path: Path, row: int, cells: dict[str, str], key: str, decimal: str) -> float:
    try:
        value = float(cells[key].replace(decimal, "."))
    except ValueError as error:
        raise CxrError(f"{path}: row {row}: '{key}' is '{cells[key]}'; expected a number of pixels") from error
    if not math.isfinite(value):
        raise CxrError(f"{path}: row {row}: '{key}' is '{cells[key]}'; expected a number of pixels")
    return value


def _known(plates: Mapping[str, object]) -> str:
    names = sorted(plates)
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return f"the {len(names)} known plates are {shown}{', ...' if len(names) > 5 else ''}"
