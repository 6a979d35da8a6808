"""Labelled tables of drawn chests with lungs, heart and clavicles."""

import numpy as np

from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.evaluate.generalise.hospitals import SIZE, hospital


def _oval(x, y, width, height, nodes=23):
    turn = np.linspace(0, 2 * np.pi, nodes, endpoint=False)
    return np.stack([x + width * np.cos(turn), y + height * np.sin(turn)], 1)


CLAVICLES = np.concatenate([_oval(0.35 * SIZE, 0.2 * SIZE, 8, 3), _oval(0.65 * SIZE, 0.2 * SIZE, 8, 3)])


def chests(path, source, count=12, labels="LHC", seed=0):
    """Write a table of one source; the first quarter of its images is split ``val``. Return the path."""
    hospital(path, source, count, "LH" if "H" in labels else "L", seed)
    if labels == "LHC":
        table = read_table(path, LABELLED_IMAGES)
        added = CLAVICLES.ravel().astype(np.float32)
        landmarks = [np.concatenate([each, added]) for each in table["landmarks"]]
        write_table(table.assign(labels="LHC", landmarks=landmarks), path, LABELLED_IMAGES)
    return path


def scores(rows):
    """Return a table as ``evaluate-model`` writes it per image, from (model, source, image, organ, Dice, HD)."""
    import pandas as pd

    return pd.DataFrame(rows, columns=["model", "source", "image_id", "organ", "dice", "hd_px"])
