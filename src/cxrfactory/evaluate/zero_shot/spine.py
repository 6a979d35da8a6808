"""Vertebrae against corners that people placed: 68 corners of T1 to L5 in each frontal film of a spine.

The corners of a vertebra are those of its body. A projected vertebra also has processes, so its centroid is compared
with the corners' middle, and its Dice with the quadrilateral is a lower bound.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Float

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.zero_shot.films import FRAME, TestFilm, chosen
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.anatomy.network import FoundStructure

CORNERS = 4
# Names of the vertebrae in the order of the corners: top left, top right, bottom left, bottom right of T1, T2, ...
VERTEBRAE = (
    *(f"thoracic vertebrae {number} (t{number})" for number in range(1, 13)),
    *(f"lumbar vertebrae {number} (l{number})" for number in range(1, 6)),
)


def spine_films(
    folder: Path, recipe: Preparation, count: int = 0
) -> Iterator[tuple[TestFilm, Float[np.ndarray, "v 4 2"]]]:
    """Yield the films of a folder with ``images/`` and ``landmarks/*.npy``, and the corners in the frame of the film.

    Raises
    ------
    CxrError
        If the folder has no such files, or a file holds another number of corners.
    """
    points = {path.stem: path for path in sorted((folder / "landmarks").glob("*.npy"))}
    images = {path.stem: path for path in sorted((folder / "images").glob("*")) if path.stem in points}
    if not images:
        raise CxrError(f"{folder}: no film with corners; expected images/NAME.png or .jpg and landmarks/NAME.npy")
    for name in chosen(list(images), count):
        corners = np.load(points[name], allow_pickle=False)
        if corners.shape != (CORNERS * len(VERTEBRAE), 2):
            raise CxrError(
                f"{points[name]}: array of {corners.shape}; expected {(CORNERS * len(VERTEBRAE), 2)}, (x, y)"
            )
        image, geometry = prepare(read_radiograph(images[name], recipe.max_megapixels), recipe)
        here = (geometry.forward_points(corners) + 0.5) * FRAME / recipe.size - 0.5
        small = cv2.resize(image, (FRAME, FRAME), interpolation=cv2.INTER_AREA)
        yield TestFilm(name, folder.name, small, view="AP"), here.reshape(-1, CORNERS, 2)


def measure_spine(corners: Float[np.ndarray, "v 4 2"], found: Mapping[str, FoundStructure]) -> Iterator[dict[str, Any]]:
    """Yield one row for each vertebra that the network knows.

    ``hit`` says whether the centroid of the mask lies in the quadrilateral. ``offset`` is the distance of that centroid
    from the quadrilateral's middle, in heights of the vertebra. Both are False and NaN for an empty mask.
    """
    for name, quad in zip(VERTEBRAE, corners, strict=True):
        if name not in found:
            continue
        ring = np.rint(quad[[0, 1, 3, 2]]).astype(np.int32)
        body = cv2.fillPoly(np.zeros((FRAME, FRAME), np.uint8), [ring], 1).astype(bool)
        mask = found[name].mask.astype(bool)
        row = {"structure": name, "present": bool(mask.any()), "dice": dice(mask, body), "hit": False, "offset": np.nan}
        if mask.any():
            rows, columns = np.nonzero(mask)
            x, y = float(columns.mean()), float(rows.mean())
            height = float(np.mean([np.linalg.norm(quad[0] - quad[2]), np.linalg.norm(quad[1] - quad[3])]))
            row["offset"] = float(np.hypot(x - quad[:, 0].mean(), y - quad[:, 1].mean())) / max(height, 1.0)
            row["hit"] = bool(cv2.pointPolygonTest(ring.astype(np.float32), (x, y), False) >= 0)
        yield row


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return by vertebra the number of films, the shares present and hit, and the medians of offset and Dice."""
    columns = ["structure", "films", "present", "hit", "offset", "dice"]
    found = [
        {
            "structure": name,
            "films": len(group),
            "present": group["present"].mean(),
            "hit": group["hit"].mean(),
            "offset": group["offset"].median(),
            "dice": group["dice"].median(),
        }
        for name, group in rows.groupby("structure", sort=False)
    ]
    return pd.DataFrame(found, columns=columns)
