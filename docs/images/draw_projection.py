"""Draw docs/images/projection.png from the output of ``cxrfactory project``: both views with their sides named.

python docs/images/draw_projection.py FOLDER docs/images/projection.png
"""

import sys
from pathlib import Path

import cv2
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.schemas import MASKS

SIDES = {
    "PA": ("patient's right", "patient's left", "column 0 is the patient's right"),
    "LL": ("anterior", "posterior", "column 0 is anterior"),
}
SHOWN = {
    "lung_upper_lobe_right": "tab:blue",
    "lung_middle_lobe_right": "tab:cyan",
    "lung_lower_lobe_right": "tab:blue",
    "lung_upper_lobe_left": "tab:orange",
    "lung_lower_lobe_left": "tab:orange",
    "heart": "tab:red",
    "aorta": "tab:pink",
    "liver": "tab:olive",
    "scapula_right": "tab:green",
    "vertebrae_T8": "white",
}


def main() -> None:
    """Read the folder and draw."""
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    masks = read_table(folder / "masks.parquet", MASKS)
    figure, axes = plt.subplots(1, 4, figsize=(15, 4.6), layout="constrained")
    for place, (view, (left, right, note)) in enumerate(SIDES.items()):
        picture = cv2.imread(str(folder / f"{view}.png"), cv2.IMREAD_GRAYSCALE)
        for axis, masked in zip(axes[2 * place : 2 * place + 2], (False, True), strict=True):
            axis.imshow(picture, cmap="gray")
            axis.set_title(f"{view}: {note}" if not masked else f"{view}: masks of ten structures", fontsize=9)
            axis.set_xlabel(f"← {left}      {right} →", fontsize=9)
            axis.set_ylabel("row 0 is superior" if not masked else "", fontsize=9)
            axis.set_xticks([0, picture.shape[1] - 1])
            axis.set_yticks([0, picture.shape[0] - 1])
            if masked:
                rows = masks[(masks["view"] == view) & masks["name"].isin(SHOWN)]
                for row in rows.itertuples():
                    mask = rle_decode(row.rle, row.height, row.width)
                    if mask.any():
                        axis.contour(mask.astype(np.uint8), [0.5], colors=[SHOWN[row.name]], linewidths=0.9)
    figure.savefig(output, dpi=80, metadata={"Software": None})


if __name__ == "__main__":
    main()
