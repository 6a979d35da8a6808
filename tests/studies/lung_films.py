"""Tiny labelled tables for the studies of lung segmenters."""

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

SIZE = 32


def sides(right, left):
    """Masks of both lungs: rows 8 to 23, the given columns."""
    masks = []
    for first, last in (right, left):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[8:24, first:last] = 255
        masks.append(mask)
    return masks


def film(image_id, split, masks, source="A", patient=None, labels="M", landmarks=()):
    """One row; ``masks`` maps region to mask."""
    picture = np.random.default_rng(len(image_id)).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    sizes = dict.fromkeys(("original_height", "original_width", "crop_height", "crop_width", "size"), SIZE)
    return sizes | {
        "image_id": image_id, "png": encode_png(picture), "crop_top": 0, "crop_left": 0, "orientation": 1,
        "patient_id": patient or image_id, "source": source, "labels": labels, "split": split,
        "landmarks": list(landmarks),
        "regions": [{"name": name, "png": encode_png(mask)} for name, mask in masks.items()] or None,
    }  # fmt: skip


def lungs(whole=False, ignored=False):
    right, left = sides((4, 12), (20, 28))
    if ignored:
        left[8:10, 20:28] = 127
    word = "_whole_lung" if whole else "_lung"
    return {f"right{word}": right, f"left{word}": left}


def write_films(rows, path):
    write_table(pd.DataFrame(rows), path, LABELLED_IMAGES)
    return path
