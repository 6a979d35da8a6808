"""A tiny labelled table of projected anatomy: two patients, two views, rectangles as structures."""

import numpy as np
import pandas as pd

from cxrfactory.evaluate.benchmark.measures import MEASURES
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_VIEWS

SIDE = 32
# Structure to the box (top, bottom, left, right); the picture is bright in the ribs only.
BOXES = {"left_rib_1": (4, 8, 4, 20), "left_rib_2": (12, 16, 4, 20), "aorta": (20, 30, 10, 14)}


def box(name):
    top, bottom, left, right = BOXES[name]
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def labelled_table(path, split="val", left_out=()):
    """Write four images; the image is bright where a rib is, and the last image does not annotate the aorta."""
    rows = []
    whole = {"original_height": SIDE, "original_width": SIDE, "crop_top": 0, "crop_left": 0}
    whole |= {"crop_height": SIDE, "crop_width": SIDE, "size": SIDE}
    for number, (patient, view) in enumerate((p, v) for p in ("p0", "p1") for v in ("LL", "PA")):
        names = [name for name in BOXES if name not in left_out and not (number == 3 and name == "aorta")]
        image = np.maximum(box("left_rib_1"), box("left_rib_2")) // 2 * 2
        rows.append(
            {
                "image_id": f"ct-{patient}-{view}",
                "png": encode_png(image),
                "patient_id": f"ct-{patient}",
                "source": "ct",
                "labels": "M",
                "split": split,
                "landmarks": [],
                "regions": [{"name": name, "png": encode_png(box(name))} for name in names],
                "view": view,
                **whole,
            }
        )
    write_table(pd.DataFrame(rows), path, LABELLED_VIEWS)
    return path


def score_rows(model, seed, dice, level="L4", group="Bone", pathology=False):
    """Rows of scores: ``dice`` maps (patient, view, structure) to a Dice; other measures follow from it."""
    rows = []
    for (patient, view, structure), value in dice.items():
        row = {"model": model, "seed": seed, "image_id": f"{patient}-{view}", "patient_id": patient, "view": view}
        row |= {"level": level, "structure": structure, "group": group, "pathology": pathology}
        row |= {"truth_px": 300, "found_px": 300} | dict.fromkeys(MEASURES, value)
        far = np.inf if value == 0 else 10 * (1 - value)
        rows.append(row | dict.fromkeys(("hd95_px", "asd_px"), far) | dict.fromkeys(("hd95_mm", "asd_mm"), far / 2))
    return pd.DataFrame(rows)
