"""Tiny labelled films for tests of studies."""

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.geometry import Geometry

SIZE = 64


def film(image_id, heart=20, **columns):
    """Return a row of a labelled table: two lungs 54 px wide together, and a heart of a width."""
    image = np.random.default_rng(len(image_id)).integers(0, 200, (SIZE, SIZE), dtype=np.uint8)
    masks = {name: np.zeros((SIZE, SIZE), np.uint8) for name in ("right_lung", "left_lung", "heart")}
    masks["right_lung"][8:56, 5:27] = masks["left_lung"][8:56, 37:59] = 255
    masks["heart"][30:50, 32 - heart // 2 : 32 - heart // 2 + heart] = 255
    return {
        "image_id": image_id,
        "png": encode_png(image),
        **Geometry.whole(SIZE, SIZE, SIZE).as_row(),
        "patient_id": image_id,
        "source": "North",
        "labels": "M",
        "split": "train",
        "landmarks": np.zeros(0, np.float32),
        "regions": [{"name": name, "png": encode_png(mask)} for name, mask in masks.items()],
        "sex": None,
        "age": None,
        "condition": None,
        "view": None,
    } | columns


def table_of(rows):
    return pd.DataFrame(rows)
