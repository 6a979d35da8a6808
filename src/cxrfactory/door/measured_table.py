"""The rows of a CheXmask table of any published variant, to be measured."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cxrfactory.anatomy.graph import slices_within
from cxrfactory.anatomy.organs import ORGAN_COLUMNS
from cxrfactory.config.measure import MeasureInputConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.radiograph.stored_films import StoredFilm, read_films
from cxrfactory.measure.items import Item
from cxrfactory.measure.pixels import agreed_mm
from cxrfactory.measure.source import Source
from cxrfactory.metrics.flags import NOT_FRONTAL
from cxrfactory.tables.beside import DEVIATIONS, FILMS, QUALITY
from cxrfactory.tables.chexmask import RLE_COLUMNS, SIZE_COLUMNS, read_chexmask, table_columns

ROWS_AT_A_TIME = 256
POINTS, MEAN, STD = "Landmarks", "Landmarks (Mean)", "Landmarks (Std)"


def table_items(path: Path, given: MeasureInputConfig) -> Source:
    """Return the rows of a table; files of ``segment`` beside it add more.

    They are the deviation of landmarks, how the files store the films, and which films are doubtful.

    A row that cannot be read is rejected with its reason, as are all rows of a table without columns of masks or sizes.

    Raises
    ------
    CxrError
        If the table cannot be read.
    """
    _, names = table_columns(path)
    missing = [name for name in (*RLE_COLUMNS, *SIZE_COLUMNS) if name not in names]
    if missing:
        return Source(_refused(path, given, missing), None)
    points = next((name for name in (POINTS, MEAN) if name in names), None)
    columns = [*RLE_COLUMNS, *SIZE_COLUMNS, *([points] if points else []), *([STD] if STD in names else [])]
    return Source(_items(path, given, columns, points), None)


def _refused(path: Path, given: MeasureInputConfig, missing: list[str]) -> Iterator[Item]:
    """Yield the images of a table that lacks columns, with this as their fault."""
    fault = (
        f"{path.name}: columns {missing} are missing; expected masks as RLE and their size; add a missing size from "
        "the table of the release"
    )
    for frame in read_chexmask(path, [], chunksize=ROWS_AT_A_TIME):
        for image_id in frame["image_id"]:
            yield Item(_dataset(path), image_id, given.view, 0, 0, {}, fault=fault)


def _dataset(path: Path) -> str:
    return path.name.split(".")[0]


def _items(path: Path, given: MeasureInputConfig, columns: list[str], points: str | None) -> Iterator[Item]:
    deviations = None if STD in columns else _beside(path, DEVIATIONS)
    unlike = _unlike(path)
    spread = None if deviations is None else _spread(deviations)
    films = _films(path)
    faults: dict[int, str] = {}
    for frame in read_chexmask(path, columns, chunksize=ROWS_AT_A_TIME, faults=faults):
        for number, row in zip(frame.index + 1, frame.to_dict("records"), strict=True):
            deviation = row.get(STD)
            if spread is not None:
                image_id, deviation = next(spread, (None, None))
                if image_id != row["image_id"]:
                    raise CxrError(
                        f"{deviations}: image '{image_id}' stands where {path.name} has '{row['image_id']}'; expected "
                        "the same rows, or no such file"
                    )
            landmarks = None if points is None else row[points]
            film = films.get(row["image_id"], StoredFilm())
            fault = faults.pop(number, "") or unlike.get(row["image_id"], "")
            try:
                spacing = agreed_mm(film.spacing_mm, given.pixel_mm)
            except ImageError as error:
                spacing, fault = None, fault or str(error)
            yield Item(
                dataset=_dataset(path),
                image_id=row["image_id"],
                view=given.view,
                height=int(row["Height"]),
                width=int(row["Width"]),
                rles={organ: _text(row[column]) for organ, column in ORGAN_COLUMNS.items()},
                landmarks=_by_organ(landmarks),
                spread=_by_organ(deviation),
                orientation=film.orientation,
                spacing_mm=spacing,
                fault=fault,
            )


def _beside(path: Path, ending: str) -> Path | None:
    """Return a file of ``segment`` beside its table; None where there is none."""
    found = path.with_suffix(ending)
    return found if path.suffix == ".csv" and found.is_file() else None


def _films(path: Path) -> dict[str, StoredFilm]:
    """Return how the files of the films store them, by ``NAME.films.csv``."""
    films = _beside(path, FILMS)
    return {} if films is None else read_films(films)


def _unlike(path: Path) -> dict[str, str]:
    """Return why films that ``segment`` flagged as no frontal chest are not measured, by ``NAME.quality.csv``."""
    quality = _beside(path, QUALITY)
    if quality is None:
        return {}
    found = {}
    with quality.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if NOT_FRONTAL in (row.get("flags") or "").split(";"):
                found[row.get("image_id") or ""] = (
                    f"it is flagged as '{NOT_FRONTAL}' in {quality.name}: it may be a lateral film or no chest"
                )
    return found


def _spread(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    for frame in read_chexmask(path, [STD], chunksize=ROWS_AT_A_TIME):
        yield from zip(frame["image_id"], frame[STD], strict=True)


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else ""


def _by_organ(points: Any) -> Mapping[str, np.ndarray] | None:
    if not isinstance(points, np.ndarray) or not len(points):
        return None
    return {organ: points[where] for organ, where in slices_within(len(points)).items()}
