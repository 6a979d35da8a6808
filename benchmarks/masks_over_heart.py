"""Find drawn lungs that reach behind the heart, in a set whose definition of lungs leaves that part out.

    python benchmarks/masks_over_heart.py FOLDER WEIGHTS OUTPUT.csv

``FOLDER`` is a folder of ``label masks`` whose table names ``mask_right_lung`` and ``mask_left_lung``; ``WEIGHTS`` find
lungs and heart and must not have learned from the folder. ``OUTPUT.csv`` is the table with two more columns:
``left_over_heart`` and ``right_over_heart`` are 1 where the drawn lung covers more than a tenth of the heart that the
weights find. ``label masks --not-annotated left_over_heart=left_lung,right_over_heart=right_lung`` then leaves these
lungs out of training.

In the Shenzhen set, 64 of 566 left lungs and 3 right ones are drawn so (docs/training.md). A network of the right
definition cannot agree with them, and one that learns from them draws the heart's border too far inside.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.labelling.mask_table import file_of, read_mask_rows
from cxrfactory.logs import progress
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.weights import read_weights

LARGEST_SHARE = 0.1  # of the heart; in the Shenzhen set, few masks lie between 0.05 and 0.3
COLUMNS = {"left_over_heart": "left_lung", "right_over_heart": "right_lung"}


def drawn(path: Path, geometry: Geometry) -> np.ndarray:
    """Read a mask and map it to the preprocessed frame."""
    import cv2

    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return geometry.forward_image((mask > 127).astype(np.uint8) * np.uint8(255)) > 127


def main(folder: Path, weights: str, output: Path) -> None:
    """Write the table with the two columns."""
    torch.set_num_threads(1)
    segmenter, recipe = Segmenter(*read_weights(weights)), Preparation()
    found = {}
    for row in progress(read_mask_rows(folder / "table.csv", landmark_graph("lungs"), {}, {}), "masks"):
        image, geometry = prepare(read_radiograph(file_of(folder, "images", row.image_id, row.image)), recipe)
        heart = segmenter(image, recipe.size).masks["heart"] > 0
        masks = {organ: row.masks.get(organ) for organ in COLUMNS.values()}
        shares = {
            column: (drawn(folder / masks[organ], geometry) & heart).sum() / max(heart.sum(), 1) if masks[organ] else 0
            for column, organ in COLUMNS.items()
        }
        found[row.image_id] = {column: int(share > LARGEST_SHARE) for column, share in shares.items()}
    with (folder / "table.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    key = "image_id" if "image_id" in rows[0] else "id"
    with output.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*rows[0], *COLUMNS])
        writer.writeheader()
        writer.writerows(each | found[each[key]] for each in rows)
    print({column: sum(each[column] for each in found.values()) for column in COLUMNS}, "of", len(found))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} FOLDER WEIGHTS OUTPUT.csv")
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
