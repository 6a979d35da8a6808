"""Labelled tables of two tiny hospitals: drawn chests whose landmarks are known, in two brightnesses."""

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.train.conftest import NODES, phantom

SIZE = 64


def hospital(path, source, count=8, labels="LH", seed=0, size=SIZE):
    """Write a table of one source; the first quarter of its images is split ``val``. Return the path."""
    rng = np.random.default_rng([seed, *source.encode()])
    rows = []
    for number in range(count):
        image, points = phantom(rng, 128)
        points = (points + 0.5) * size / 128 - 0.5
        step = 128 // size
        rows.append(
            {
                "image_id": f"{source}-{number}",
                "png": encode_png(np.ascontiguousarray(image[::step, ::step])),
                "original_height": 2 * size,
                "original_width": 2 * size,
                "crop_top": 0,
                "crop_left": 0,
                "crop_height": 2 * size,
                "crop_width": 2 * size,
                "size": size,
                "patient_id": f"{source}-p{number}",
                "source": source,
                "labels": labels,
                "split": "val" if number < count // 4 else "train",
                "landmarks": points[: NODES.get(labels, 94)].astype(np.float32).ravel(),
            }
        )
    write_table(pd.DataFrame(rows), path, LABELLED_IMAGES)
    return path
