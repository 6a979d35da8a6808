"""Compare published lung masks with the truth, image by image; masks are read as by a user, with a threshold of 128."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import cv2
import numpy as np
import pandas as pd

from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.radiograph.masked import FITS, small_square
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.overlap import dice, jaccard
from cxrfactory.products.cxlseg.tables import MASK_TABLE
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.key_values import parse_yaml
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.paths import path_inside

HALF = 128  # 8-bit threshold; pixels of this value or more belong to the lungs
TRUTH_COLUMNS = ["image_id", "release", *LUNGS]

log = get_logger(__name__)


class LungScores(TypedDict):
    """Agreement of one image's published mask with the truth, each score in [0, 1]."""

    release: str
    image_id: str
    dice: float
    jaccard: float
    recall: float
    precision: float


def evaluate_lungs(truth: str | Path, product: str | Path, output: str | Path) -> dict[str, dict[str, float]]:
    """Compare the lung masks of a product with the truth.

    Parameters
    ----------
    truth
        Truth table (Parquet): ``image_id``, ``release`` and PNG masks of both lungs, original frame.
    product
        Folder of the product. It holds a folder for each release with ``CXLSeg-mask.parquet``, and ``config.yaml``,
        which gives the method that made the images square.
    output
        CSV to write, one row for each image: ``release``, ``image_id``, ``dice``, ``jaccard``, ``recall``,
        ``precision``.

    Returns
    -------
    dict
        By release: number of ``images``, mean and smallest ``dice``, and mean ``jaccard``, ``recall``, ``precision``.

    Raises
    ------
    CxrError
        If a file is missing or damaged, or product and truth have no image in common.
    """
    known = read_table(truth, columns=TRUTH_COLUMNS)
    known["release"] = known["release"].str.casefold()
    fit = _fit(Path(product) / "config.yaml")
    rows = []
    for table in sorted(Path(product).glob(f"*/{MASK_TABLE}.parquet")):
        masks = read_table(table, columns=["dicom_id", "DicomPath"])
        both = masks.merge(
            known[known["release"] == table.parent.name.casefold()], left_on="dicom_id", right_on="image_id"
        )
        for record in progress(both.sort_values("image_id").to_dict("records"), "evaluate", len(both)):
            rows.append(_compare(table.parent, record, fit))
    if not rows:
        raise CxrError(f"{product}: no lung mask of an image whose truth is in {truth}")
    frame = pd.DataFrame(rows)
    write_text(output, frame.to_csv(index=False, float_format="%.6f"))
    found = {}
    for release, group in frame.groupby("release"):
        means = group[["dice", "jaccard", "recall", "precision"]].mean().to_dict()
        found[str(release)] = {"images": len(group), "smallest dice": float(group["dice"].min()), **means}
        log.info("%s: %s", release, ", ".join(f"{name} {value:.4g}" for name, value in found[str(release)].items()))
    return found


def _fit(path: Path) -> str:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected the config that the product was made with")
    found = parse_yaml(path.read_text(encoding="utf-8"), path)
    fit = (found or {}).get("cxlseg", {}).get("fit") if isinstance(found, dict) else None
    if fit not in FITS:
        raise CxrError(f"{path}: cxlseg.fit is {fit!r}; expected one of {', '.join(FITS)}")
    return fit


def _compare(folder: Path, record: Mapping[str, Any], fit: str) -> LungScores:
    path = path_inside(folder, record["DicomPath"])
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise CxrError(f"{path}: no readable mask")
    lungs = np.maximum(*((decode_png(record[name]) > 0).astype(np.uint8) * 255 for name in LUNGS))
    found, true = picture >= HALF, small_square(lungs, picture.shape[0], fit) >= HALF
    shared = int((found & true).sum())
    return {
        "release": folder.name,
        "image_id": record["image_id"],
        "dice": dice(found, true),
        "jaccard": jaccard(found, true),
        "recall": shared / max(int(true.sum()), 1),
        "precision": shared / max(int(found.sum()), 1),
    }
