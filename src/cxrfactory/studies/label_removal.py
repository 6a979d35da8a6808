"""Labelled tables with annotations removed, for the studies of heterogeneous labels.

Patients stay whole: all images of a patient lose the same annotations. Which patients they are depends on a hash of
the patient's id, so that other images in the table do not change who is chosen by much.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import DEFINITIONS, JSRT, LABEL_GRAPHS, graph_of_labels, landmark_graph
from cxrfactory.anatomy.organs import CLAVICLES, HEART, LUNGS
from cxrfactory.anatomy.regions import INSIDE, contour_regions, region_of
from cxrfactory.anatomy.truth import TrueMask, true_masks
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.studies.labelled_tables import read_tables
from cxrfactory.studies.requirement import MASKS_ONLY, ORGANS_OF
from cxrfactory.tables.keys import seed_of

# A pixel of a multi-class map belongs to the last of these organs that covers it.
OVER = (*LUNGS, HEART, *CLAVICLES)
TAG_SIDE, TAG_EDGE = 0.08, 0.03  # of a hospital's tag and of its distance from the edge, as shares of the image's side

_CODES = {frozenset(landmark_graph(name).organs): code for code, name in LABEL_GRAPHS.items() if code not in "WM"}


def organs_of(letters: str) -> tuple[str, ...]:
    """Return the organs of a label code of the letters L, H and C, such as ``LHC``."""
    return tuple(organ for letter in letters for organ in ORGANS_OF[letter])


def read_labelled(paths: Sequence[str | Path], letters: str, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read the images of labelled tables whose landmarks annotate all organs of a code, in the order of their ids.

    Parameters
    ----------
    paths
        Tables of schema ``LABELLED_IMAGES``.
    letters
        Code of the organs that every image must annotate, such as ``LH``; images with more organs are kept.
    columns
        Columns to read; by default all.

    Raises
    ------
    CxrError
        If no image annotates them, or an image occurs twice.
    """
    table = read_tables(paths, columns)
    where = ", ".join(map(str, paths))
    graphs = {code: graph_of_labels(code, where) for code in table["labels"].unique()}
    fit = {
        code for code, graph in graphs.items() if graph.definition == JSRT and {*organs_of(letters)} <= {*graph.organs}
    }
    kept = table[table["labels"].isin(fit)].sort_values("image_id", ignore_index=True)
    if kept.empty:
        raise CxrError(
            f"{where}: labels {', '.join(sorted(graphs))}; this study needs images with landmarks of all of "
            f"{', '.join(organs_of(letters))} (labels {letters}): give other tables (studies: tables)"
        )
    return kept


def ranks(table: pd.DataFrame, purpose: str, seed: int) -> pd.Series:
    """Return each image's place in [0, 1) among the patients of its split, who are ordered by a hash of their id.

    Images of one patient have one place. Cutting the places cuts every split in the same shares.

    Parameters
    ----------
    table
        Columns ``patient_id`` and ``split``.
    purpose, seed
        What the order is for, and its seed.
    """
    patients = table.drop_duplicates("patient_id")[["patient_id", "split"]].reset_index(drop=True)
    patients["hash"] = [seed_of(each, purpose, seed) for each in patients["patient_id"]]
    patients = patients.sort_values(["split", "hash"])
    count = patients.groupby("split")["hash"].transform("size")
    place = patients.groupby("split").cumcount() / count
    return table["patient_id"].map(dict(zip(patients["patient_id"], place, strict=True)))


def parts_of(table: pd.DataFrame, names: Sequence[str], purpose: str, seed: int) -> pd.Series:
    """Divide patients among as many equal parts as there are names, and return the name of each image's part.

    Raises
    ------
    CxrError
        If a part has no training or no validation image.
    """
    places = (ranks(table, purpose, seed) * len(names)).astype(int)
    found = places.map(dict(enumerate(names)))
    for split in ("train", "val"):
        here = set(found[table["split"] == split])
        if absent := [name for name in names if name not in here]:
            raise CxrError(
                f"split '{split}' has {int((table['split'] == split).sum())} images; expected patients for each of "
                f"{len(names)} parts, and there is none for {', '.join(absent)}: give more labelled images"
            )
    return found


def keep_organs(table: pd.DataFrame, organs: Sequence[Collection[str]]) -> pd.DataFrame:
    """Remove the landmarks and the drawn masks of all organs but some; images that then have none are left out.

    Parameters
    ----------
    table
        Labelled images (schema ``LABELLED_IMAGES``).
    organs
        Organs that each image keeps, in the order of the rows.

    Raises
    ------
    CxrError
        If no label code stands for what is left of an image.
    """
    rows = []
    for row, keep in zip(table.to_dict("records"), organs, strict=True):
        graph = graph_of_labels(row["labels"], row["image_id"])
        left = [organ for organ in graph.organs if organ in keep]
        drawn = [each for each in _drawn(row) if not _removed(each["name"], keep)]
        if not left and not drawn:
            continue
        code = _CODES.get(frozenset(left)) if left else MASKS_ONLY
        if code is None:
            raise CxrError(f"image '{row['image_id']}': no label code for {', '.join(left)}; expected one of its parts")
        points = np.asarray(row["landmarks"], np.float32).reshape(-1, 2)
        kept = [points[graph.slices[organ]].ravel() for organ in left]
        landmarks = np.concatenate(kept) if kept else np.zeros(0, np.float32)
        rows.append(row | {"labels": code, "landmarks": landmarks, "regions": drawn or None})
    return pd.DataFrame(rows, columns=table.columns)


def as_background(table: pd.DataFrame, organs: Sequence[str]) -> pd.DataFrame:
    """Replace the annotations by one multi-class map an image, in which organs that are not annotated are background.

    That is how a U-Net learns naively from labels that differ from image to image. A pixel that several organs cover
    belongs to the one that is last in :data:`OVER`, so that each pixel has one class. Every organ gets a drawn mask; it
    is empty where the image does not annotate the organ.

    Parameters
    ----------
    table
        Labelled images (schema ``LABELLED_IMAGES``).
    organs
        Organs of the map.
    """
    rows = []
    for row in table.to_dict("records"):
        masks = _masks(row, organs)
        classes = np.zeros((int(row["size"]),) * 2, np.uint8)
        for number, organ in enumerate(OVER, start=1):
            if organ in masks:
                classes[masks[organ].mask] = number
        drawn = [
            {"name": organ, "png": encode_png(np.where(classes == OVER.index(organ) + 1, INSIDE, 0).astype(np.uint8))}
            for organ in organs
        ]
        rows.append(row | {"labels": MASKS_ONLY, "landmarks": np.zeros(0, np.float32), "regions": drawn})
    return pd.DataFrame(rows, columns=table.columns)


def lung_box(row: Mapping[str, Any]) -> Float[np.ndarray, " 4"] | None:
    """Return the box of both lungs as (left, top, right, bottom) in pixels of the image; None if a lung is unknown."""
    masks = _masks(row, LUNGS)
    if len(masks) < len(LUNGS) or not all(each.mask.any() for each in masks.values()):
        return None
    inside = np.logical_or.reduce([each.mask for each in masks.values()])
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)


def tagged(table: pd.DataFrame, corners: Sequence[str]) -> pd.DataFrame:
    """Burn a hospital's tag, a white square, into each image.

    Parameters
    ----------
    table
        Labelled images.
    corners
        Corner of each image's tag: ``left``, ``right`` (both at the top), or empty for no tag.
    """
    pngs = [_with_tag(png, corner) for png, corner in zip(table["png"], corners, strict=True)]
    return table.assign(png=pngs)


def _with_tag(png: bytes, corner: str) -> bytes:
    if not corner:
        return png
    image: UInt8[np.ndarray, "s s"] = decode_png(png).copy()
    side = image.shape[0]
    edge, length = round(TAG_EDGE * side), max(1, round(TAG_SIDE * side))
    start = edge if corner == "left" else side - edge - length
    image[edge : edge + length, start : start + length] = 255
    return encode_png(image)


def _drawn(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [] if row["regions"] is None or isinstance(row["regions"], float) else list(row["regions"])


def _removed(region: str, keep: Collection[str]) -> bool:
    return any(region == region_of(organ, each) for organ in OVER if organ not in keep for each in DEFINITIONS)


def _masks(row: Mapping[str, Any], organs: Sequence[str]) -> dict[str, TrueMask]:
    """Return the true masks of those organs, by JSRT's definition, that the image annotates."""
    graph = graph_of_labels(row["labels"], row["image_id"])
    points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
    contours = {region: points[where] for region, where in contour_regions(graph).items()}
    drawn = {each["name"]: each["png"] for each in _drawn(row)}

    def of_drawn(region: str) -> TrueMask | None:
        return TrueMask.of_drawn(decode_png(drawn[region])) if region in drawn else None

    return true_masks({organ: organ for organ in organs}, of_drawn, contours, int(row["size"]))
