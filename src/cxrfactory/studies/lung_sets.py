"""Films with one drawn mask of both lungs, for the studies of lung segmenters; definitions of lungs are kept apart.

Papers mix sets whose lungs end at the heart with sets whose lungs reach behind it. Here the region is ``lungs`` for the
former and ``whole_lungs`` for the latter, so that no network learns two borders under one name.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.studies.labelled_tables import read_tables
from cxrfactory.tables.keys import seed_of

# Region of both lungs -> its sides.
BOTH = {"lungs": ("right_lung", "left_lung"), "whole_lungs": ("right_whole_lung", "left_whole_lung")}
SPLITS = ("train", "val")
FILM_COLUMNS = ("image_id", "patient_id", "source", "split", "region")

log = get_logger(__name__)


def read_lungs(tables: Sequence[Path]) -> pd.DataFrame:
    """Read the films that annotate both lungs, with one mask of both for each definition.

    The mask is the union of the drawn masks of the sides, or of their filled contours where nothing is drawn. A pixel
    about which one of them says nothing stays ignored.

    Parameters
    ----------
    tables
        Preprocessed labelled tables.

    Returns
    -------
    DataFrame
        Columns of ``LABELLED_VIEWS``, without landmarks, with the regions ``lungs``, ``whole_lungs`` or both, sorted
        by id.

    Raises
    ------
    CxrError
        If an id occurs twice, a patient has films in two splits, or no film annotates both lungs.
    """
    names = ", ".join(map(str, tables))
    films = read_tables(tables)
    found = [_both_lungs(row, names) for row in films.to_dict("records")]
    there = np.array([bool(each) for each in found], dtype=bool)
    if not there.any():
        raise CxrError(f"{names}: no film annotates both lungs; give tables with masks or landmarks of both lungs")
    if left_out := int((~there).sum()):
        log.info("%s: left out %d films without both lungs", names, left_out)
    films = films.assign(regions=found, labels="M", landmarks=[[]] * len(films))[there]
    check_patients(films, names)
    return films.sort_values("image_id", ignore_index=True)


def check_patients(films: pd.DataFrame, where: str) -> None:
    """Check that no patient has films in two splits.

    Raises
    ------
    CxrError
        If one has.
    """
    splits = films.groupby("patient_id")["split"].agg(lambda names: sorted(set(names)))
    if len(odd := splits[splits.map(len) > 1]):
        raise CxrError(
            f"{where}: patient '{odd.index[0]}' has films in the splits {' and '.join(odd.iloc[0])} ({len(odd)} such "
            "patients); split the films by patient"
        )


def _both_lungs(row: dict, where: str) -> list[dict]:
    from cxrfactory.anatomy.graph import graph_of_labels
    from cxrfactory.anatomy.regions import IGNORED, INSIDE, contour_regions
    from cxrfactory.anatomy.truth import TrueMask, true_masks
    from cxrfactory.imaging.drawing.png import decode_png, encode_png

    place = f"{where}: image '{row['image_id']}'"
    drawn = {} if row["regions"] is None else {each["name"]: each["png"] for each in row["regions"]}
    points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
    contours = {name: points[nodes] for name, nodes in contour_regions(graph_of_labels(row["labels"], place)).items()}

    def mask_of(region: str) -> TrueMask | None:
        return TrueMask.of_drawn(decode_png(drawn[region])) if region in drawn else None

    found = []
    for name, sides in BOTH.items():
        truth = true_masks({side: side for side in sides}, mask_of, contours, int(row["size"]))
        if len(truth) == len(sides):
            both = truth[sides[0]] | truth[sides[1]]
            mask = np.where(both.valid, np.where(both.mask, INSIDE, 0), IGNORED).astype(np.uint8)
            found.append({"name": name, "png": encode_png(mask)})
    return found


def regions_of(film: dict) -> list[str]:
    """Return the names of a film's regions."""
    return [each["name"] for each in film["regions"]]


def with_region(films: pd.DataFrame, region: str) -> pd.DataFrame:
    """Return the films that have a region, with that region alone.

    Raises
    ------
    CxrError
        If a split has no such film.
    """
    kept = films[[region in regions_of(film) for film in films.to_dict("records")]]
    kept = kept.assign(regions=[[each for each in film if each["name"] == region] for film in kept["regions"]])
    for split in SPLITS:
        if not (kept["split"] == split).any():
            border = "end at the heart" if region == "lungs" else "include the part behind the heart"
            raise CxrError(
                f"no film of split '{split}' has lungs that {border} (region {region}); add such a table to "
                "studies.tables (label masks --definition)"
            )
    return kept


def at_most(films: pd.DataFrame, counts: dict[str, int], seed: int) -> pd.DataFrame:
    """Keep at most a number of films of each split, by split; the choice depends on ids and seed alone."""
    order = films["image_id"].map(lambda name: seed_of(name, "subset of a study", seed))
    shuffled = films.loc[order.sort_values(kind="stable").index]
    kept = [shuffled[shuffled["split"] == split].head(count) for split, count in counts.items()]
    return pd.concat(kept).sort_values("image_id", ignore_index=True)


def film_list(films: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each film and region, with the columns :data:`FILM_COLUMNS`."""
    rows = films.assign(region=[regions_of(film) for film in films.to_dict("records")]).explode("region")
    return rows[list(FILM_COLUMNS)].reset_index(drop=True)


def resized(
    image: UInt8[np.ndarray, "size size"], masks: Iterable[UInt8[np.ndarray, "size size"]], side: int
) -> tuple[UInt8[np.ndarray, "side side"], list[UInt8[np.ndarray, "side side"]]]:
    """Shrink a square image to a side, and its masks to the nearest pixels, whose values stay as they are."""
    import cv2

    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return small, [cv2.resize(mask, (side, side), interpolation=cv2.INTER_NEAREST_EXACT) for mask in masks]


def patient_means(values: pd.Series, patients: pd.Series) -> pd.Series:
    """Average values by image over the images of each patient, since images of one patient are not independent."""
    return values.groupby(patients.reindex(values.index)).mean()
