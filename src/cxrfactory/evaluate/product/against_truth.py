"""Compare the product's masks and landmarks with the truth, image by image, at the original resolution.

Distances and squared errors are in pixels of a 1024 x 1024 frame that holds the padded original, as in the papers, so
that releases of different resolution can be compared.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.anatomy.organs import LUNG_NODES, ORGANS
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.metrics.distance import BoundaryDistances, surface_distances
from cxrfactory.metrics.landmarks import PAPER_SIZE_PX, landmark_mse
from cxrfactory.metrics.overlap import dice
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.rows import Row
from cxrfactory.tables.schemas import GEOMETRY_FIELDS

TRUTH_COLUMNS = ["image_id", "release", "landmarks", *ORGANS]
PRODUCT_COLUMNS = ["image_id", "dice_rca_mean", "dice_rca_max", "landmarks", *ORGANS]
DISTANCES = ("hd", "hd95", "asd")


def read_truth(path: str | Path) -> pd.DataFrame:
    """Read a truth table: ``image_id``, ``release``, ``landmarks`` and one PNG mask for each organ, original frame.

    Raises
    ------
    CxrError
        If a column is missing or an image occurs twice.
    """
    frame = read_table(path, columns=TRUTH_COLUMNS)
    frame["release"] = frame["release"].str.casefold()
    twice = frame.duplicated(["release", "image_id"])
    if twice.any():
        raise CxrError(f"{path}: image '{frame.loc[twice, 'image_id'].iloc[0]}' occurs twice")
    return frame


def read_product(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Read the product's Parquet tables; the file name gives the release's name.

    Parameters
    ----------
    paths
        Parquet files, or folders of the product (``results/chexmask``), of which ``Parquet/*.parquet`` is read.

    Raises
    ------
    CxrError
        If there is no table, a column is missing or a release is named twice.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        files += sorted(path.glob("Parquet/*.parquet")) if path.is_dir() else [path]
    if not files:
        raise CxrError(f"{', '.join(map(str, paths))}: no Parquet/*.parquet; expected the product's folder or tables")
    names = [file.stem.casefold() for file in files]
    if len(set(names)) < len(names):
        raise CxrError(f"releases {sorted(names)}: one is named twice; give each table once")
    columns = [*PRODUCT_COLUMNS, *(field.name for field in GEOMETRY_FIELDS)]
    frames = [read_table(file, columns=columns).assign(release=file.stem.casefold()) for file in files]
    return pd.concat(frames, ignore_index=True)


def compare_image(truth: dict[str, Any], product: dict[str, Any]) -> Row:
    """Measure one image.

    Parameters
    ----------
    truth
        A row of :func:`read_truth`, with masks as PNG (every value above 0 belongs to the organ).
    product
        A row of :func:`read_product`, with masks as RLE.

    Returns
    -------
    ``dice_*`` of lungs (both as one mask), right lung, left lung and heart; ``hd_*``, ``hd95_*`` and ``asd_*`` of
    lungs and heart; ``mse_landmarks``; ``dice_rca_mean`` and ``dice_rca_max`` of the product. The heart's values are
    None if the product has no heart. :mod:`cxrfactory.metrics.distance` defines the values for empty masks.

    Raises
    ------
    CxrError
        If the shape of a true mask differs from that of the original image.
    """
    where = f"release '{product['release']}', image '{product['image_id']}'"
    geometry = Geometry.from_row(product)
    height, width = geometry.original_height, geometry.original_width
    true, found = {}, {}
    for organ in ORGANS:
        true[organ] = decode_png(truth[organ]) > 0
        if true[organ].shape != (height, width):
            raise CxrError(f"{where}: true {organ} is {true[organ].shape}; the original is ({height}, {width})")
        found[organ] = rle_decode(product[organ], height, width).astype(bool)
    for masks in (true, found):
        masks["lungs"] = masks["right_lung"] | masks["left_lung"]
    with_heart = len(product["landmarks"]) // 2 > LUNG_NODES
    organs = ["lungs", *ORGANS]
    row: Row = {"release": product["release"], "image_id": product["image_id"]}
    for organ in organs:
        skip = organ == "heart" and not with_heart
        row[f"dice_{organ}"] = None if skip else dice(found[organ], true[organ])
    pixel = PAPER_SIZE_PX / geometry.side
    distances = {
        organ: BoundaryDistances(*surface_distances(found[organ], true[organ], (pixel, pixel)))
        for organ in (("lungs", "heart") if with_heart else ("lungs",))
    }
    for name in DISTANCES:
        for organ in ("lungs", "heart"):
            row[f"{name}_{organ}"] = getattr(distances[organ], name) if organ in distances else None
    row["mse_landmarks"] = _mse(truth["landmarks"], product["landmarks"], geometry)
    row["dice_rca_mean"], row["dice_rca_max"] = product["dice_rca_mean"], product["dice_rca_max"]
    return row


def true_score(row: Row) -> float:
    """Return the true Dice as RCA estimates it: the mean of lungs and heart, or the lungs' if there is no heart."""
    heart = row["dice_heart"]
    return row["dice_lungs"] if heart is None else (row["dice_lungs"] + heart) / 2


def _mse(true: Sequence[float], found: Sequence[float], geometry: Geometry) -> float:
    true_points, found_points = (np.asarray(each, np.float64).reshape(-1, 2) for each in (true, found))
    shared = min(len(true_points), len(found_points))  # organs have one order, so the common ones come first
    return landmark_mse(true_points[:shared], found_points[:shared], size=geometry.side)
