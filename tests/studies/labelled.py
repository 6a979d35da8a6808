"""Tiny labelled tables."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.schemas import LABELLED_IMAGES

SIDE = 32
POINTS = {"L": 94, "LH": 120, "LHC": 166, "W": 94}
PEOPLE = pa.schema([("sex", pa.string()), ("age", pa.float64()), ("condition", pa.string())])


def write_people(path, images, people=True):
    """Write a labelled table with people; ``images`` are (id, patient, labels, split, sex)."""
    geometry = dict.fromkeys(("original_height", "original_width", "crop_height", "crop_width", "size"), SIDE)
    geometry |= {"crop_top": 0, "crop_left": 0, "orientation": 1}
    rows = [
        {
            "image_id": name,
            "png": encode_png(np.full((SIDE, SIDE), 7, np.uint8)),
            **geometry,
            "patient_id": patient,
            "source": "Tiny",
            "labels": labels,
            "split": split,
            "landmarks": np.arange(2 * POINTS[labels], dtype=np.float32),
            "regions": None,
            **({"sex": sex, "age": 50.0, "condition": "normal"} if people else {}),
        }
        for name, patient, labels, split, sex in images
    ]
    fields = [*LABELLED_IMAGES, *(field for field in PEOPLE if people and field.name not in LABELLED_IMAGES.names)]
    schema = pa.schema([field for field in fields if people or field.name not in PEOPLE.names])
    pq.write_table(pa.Table.from_pandas(pd.DataFrame(rows), schema=schema, preserve_index=False), path)
    return path
