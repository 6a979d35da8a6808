"""Small plates of straight roots for the tests of segmentation."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.rle import rle_encode
from cxrfactory.tables.roots import ROOT_FRAMES, ROOT_MASKS

SIDE = 96
SHIFTS = ((0.0, 0.0), (3.0, -2.0), (0.4, 0.0))


def picture(plate: int, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the grey picture and the mask in the first picture's frame of one time of a plate."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    column = 30 + 12 * plate
    mask[20 : 50 + 10 * frame, column : column + 4] = 1
    x, y = SHIFTS[frame]
    seen = cv2.warpAffine(mask.astype(np.float32), np.array([[1, 0, -x], [0, 1, -y]]), (SIDE, SIDE))
    noise = np.random.default_rng(10 * plate + frame).normal(0, 2, mask.shape)
    return np.clip(np.rint(90 + 80 * seen + noise), 0, 255).astype(np.uint8), mask


def write_plates(folder: Path, plates: int, frames: int = 3, absolute: bool = False) -> tuple[Path, Path]:
    """Write pictures, ``frames.parquet`` and ``masks.parquet`` into a folder; returns the two tables' paths."""
    rows, masks = [], []
    for plate in range(plates):
        name = f"train-{plate}"
        (folder / name).mkdir(parents=True)
        for frame in range(frames):
            grey, mask = picture(plate, frame)
            path = folder / name / f"{frame}.png"
            cv2.imwrite(str(path), grey)
            shift = SHIFTS[frame]
            rows.append(
                {"plate": name, "frame": frame, "path": str(path if absolute else path.relative_to(folder)),
                 "hours": 3.0 * frame, "time_source": "name", "height": SIDE, "width": SIDE, "mm_per_pixel": None,
                 "scale_source": "none", "shift_x": shift[0], "shift_y": shift[1], "notes": []}
            )  # fmt: skip
            masks.append({"plate": name, "frame": frame, "height": SIDE, "width": SIDE, "rle": rle_encode(mask)})
    write_table(pd.DataFrame(rows), folder / "frames.parquet", ROOT_FRAMES, sort=False)
    write_table(pd.DataFrame(masks), folder / "masks.parquet", ROOT_MASKS, sort=False)
    return folder / "frames.parquet", folder / "masks.parquet"
