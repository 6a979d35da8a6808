"""Tiny truth and product tables: organs are rectangles of 96 x 128 images."""

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.rle import rle_encode

HEIGHT, WIDTH = 96, 128
BOXES = {"right_lung": (10, 80, 20, 36), "left_lung": (12, 78, 80, 100), "heart": (50, 80, 52, 72)}


def rectangles():
    masks = {}
    for organ, (top, bottom, left, right) in BOXES.items():
        masks[organ] = np.zeros((HEIGHT, WIDTH), np.uint8)
        masks[organ][top:bottom, left:right] = 1
    points = np.random.default_rng(0).uniform(5, 90, (120, 2))
    return masks, points


def truth_row(image_id, masks, points, release="MIMIC-CXR-JPG"):
    pngs = {organ: encode_png(mask * 255) for organ, mask in masks.items()}
    return {"image_id": image_id, "release": release, "landmarks": points.astype(np.float32).ravel(), **pngs}


def product_row(image_id, masks, points, rca=0.8):
    whole = {"crop_top": 0, "crop_left": 0, "crop_height": HEIGHT, "crop_width": WIDTH}
    return {
        "image_id": image_id,
        "dice_rca_mean": rca,
        "dice_rca_max": rca + 0.1,
        "landmarks": points.astype(np.float32).ravel(),
        **{organ: rle_encode(mask) for organ, mask in masks.items()},
        "original_height": HEIGHT,
        "original_width": WIDTH,
        **whole,
        "size": 64,
    }


def write_product(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(path)


def write_truth(path, rows):
    pd.DataFrame(rows).to_parquet(path)
