import numpy as np
import pandas as pd
import pytest

from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.train.segmenter import loop

NODES = {"L": 94, "LH": 120}


def ellipse(count, cx, cy, rx, ry):
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def phantom(rng, size=128):
    """A drawn chest: dark lungs, bright heart, and its landmarks."""
    import cv2

    shift = rng.uniform(-8, 8, 2)
    stretch = rng.uniform(0.85, 1.15)
    organs = [
        ellipse(44, 40, 64, 16 * stretch, 36 * stretch),
        ellipse(50, 88, 64, 16 * stretch, 36 * stretch),
        ellipse(26, 68, 80, 16 * stretch, 14),
    ]
    organs = [each + shift for each in organs]
    image = np.full((size, size), 140, np.uint8)
    for points, grey in zip(organs, (40, 40, 220), strict=True):
        cv2.fillPoly(image, [np.round(points).astype(np.int32)], grey)
    noise = rng.normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), np.concatenate(organs)


@pytest.fixture
def labelled(tmp_path):
    """Labelled table of 12 training and 4 validation phantoms; every third has lungs only."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(16):
        image, points = phantom(rng)
        labels = "L" if number % 3 == 2 else "LH"
        rows.append(
            {
                "image_id": f"p{number:02d}",
                "png": encode_png(image),
                "original_height": 128,
                "original_width": 128,
                "crop_top": 0,
                "crop_left": 0,
                "crop_height": 128,
                "crop_width": 128,
                "size": 128,
                "patient_id": f"p{number:02d}",
                "source": "Phantom",
                "labels": labels,
                "split": "val" if number >= 12 else "train",
                "landmarks": points[: NODES[labels]].astype(np.float32).ravel(),
            }
        )
    path = tmp_path / "labelled.parquet"
    write_table(pd.DataFrame(rows), path, LABELLED_IMAGES)
    return path


@pytest.fixture
def break_after(monkeypatch):
    """Let a training be interrupted after so many epochs (or steps); returns the function of one, to be put back."""

    def start(epochs, module=loop, name="_epoch"):
        inner, calls = getattr(module, name), []

        def broken(*arguments):
            if len(calls) == epochs:
                raise KeyboardInterrupt
            calls.append(1)
            return inner(*arguments)

        monkeypatch.setattr(module, name, broken)
        return inner

    return start
