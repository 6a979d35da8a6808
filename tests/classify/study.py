"""A tiny study: noise whose brightness tells the label, in two kinds of pictures."""

import cv2
import numpy as np
import pandas as pd

from cxrfactory.classify.pictures import STUDY_PICTURES
from cxrfactory.config import ClassifierConfig
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS
from cxrfactory.tables.parquet import write_table

SETTINGS = ClassifierConfig(
    labels=["Pneumonia"], size=75, epochs=4, batch_size=8, learning_rate=3e-3, threads=1, device="cpu"
)


def write_study(path, train=16, validate=4, test=8, told=("segmented",)):
    """Only the pictures named in ``told`` show the label: a bright square."""
    rows = []
    for split, number in (("train", train), ("validate", validate), ("test", test)):
        for index in range(number):
            rng = np.random.default_rng(1000 * len(split) + index)
            ill = index % 2 == 0
            row = {"image_id": f"{split}{index}", "patient_id": f"p{split}{index // 2}", "split": split}
            for picture in ("original", "segmented"):
                grey = rng.integers(60, 120, (96, 96), dtype=np.uint8)
                if ill and picture in told:
                    grey[24:72, 24:72] += 110
                row[picture] = cv2.imencode(".jpg", grey)[1].tobytes()
            rows.append(row | {name: None for name in CHEXPERT_LABELS} | {"Pneumonia": float(ill)})
    frame = pd.DataFrame(rows, columns=STUDY_PICTURES.names)
    write_table(frame.astype({name: "float64" for name in CHEXPERT_LABELS}), path, STUDY_PICTURES)
    return path
