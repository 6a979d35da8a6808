"""How far a marker, a padding field, a shutter or dead pixels change the preprocessed picture of real films.

    python benchmarks/grey_scale.py --films FOLDER ... [--each 12]

Every film is preprocessed twice, as it is and with the disturbance. The table gives, for each disturbance, in how many
pairs the frame (the crop) is the same and the pictures differ by at most 2 grey levels outside the disturbance.
"""

import argparse
import random
from pathlib import Path

import cv2
import numpy as np

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph

SIZE = 512


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", nargs="+", type=Path, required=True, help="Folders of films.")
    parser.add_argument("--each", type=int, default=12, help="Films of each folder.")
    options = parser.parse_args()
    counts: dict[tuple[str, bool], list[tuple[bool, int]]] = {}
    for folder in options.films:
        files = sorted(path for path in folder.iterdir() if path.is_file())
        for path in random.Random(5).sample(files, min(options.each, len(files))):
            try:
                pixels = read_radiograph(path).pixels
            except ImageError:
                continue
            for borders in (True, False):
                recipe = Preparation(size=SIZE, remove_borders=borders)
                for name, mask, value in disturbances(pixels, random.Random(path.name)):
                    counts.setdefault((name, borders), []).append(difference(pixels, mask, value, recipe))
    print("disturbance;borders removed;films;same frame;within 2 levels;largest difference")
    for (name, borders), found in counts.items():
        same = [apart for alike, apart in found if alike]
        print(f"{name};{borders};{len(found)};{len(same)};{sum(a <= 2 for a in same)};{max(same, default='-')}")


def difference(pixels: np.ndarray, mask: np.ndarray, value: float, recipe: Preparation) -> tuple[bool, int]:
    """Return whether the frame stays, and the largest difference in grey levels outside the disturbance."""
    plain, geometry = prepare(Radiograph(pixels), recipe)
    changed = pixels.copy()
    changed[mask] = value
    other, moved = prepare(Radiograph(changed), recipe)
    rows = slice(geometry.crop_top, geometry.crop_top + geometry.crop_height)
    columns = slice(geometry.crop_left, geometry.crop_left + geometry.crop_width)
    beside = geometry.forward_crop(mask[rows, columns].astype(np.uint8) * 255) == 0
    beside &= cv2.dilate((~beside).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    return geometry == moved, int(np.abs(plain.astype(int) - other)[beside].max())


def disturbances(pixels: np.ndarray, draw: random.Random):
    """Yield name, mask and grey value of each disturbance."""
    height, width = pixels.shape
    y, x = np.mgrid[:height, :width]
    top = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 2 * float(pixels.max())
    for share in (0.0015, 0.005, 0.01):
        mask = np.zeros(pixels.shape, bool)
        tall = int((1.6 * share * height * width) ** 0.5)
        row, column = int(draw.choice([0.02, 0.1, 0.3, 0.8]) * height), int(draw.choice([0.02, 0.1, 0.88]) * width)
        mask[row : row + tall, column : column + int(tall / 1.6)] = True
        yield f"marker of {share:.2%}", mask, top
    yield "black label of 1.00%", mask, 0
    few = np.zeros(pixels.size, bool)
    few[draw.sample(range(pixels.size), 20)] = True
    yield "20 hot pixels", few.reshape(pixels.shape), top
    yield "20 dead pixels", few.reshape(pixels.shape), 0
    line = np.zeros(pixels.shape, bool)
    line[draw.randrange(height)], line[:, draw.randrange(width)] = True, True
    yield "dead row and column", line, 0
    round_field = np.hypot((y - height / 2) / height, (x - width / 2) / width) > 0.5
    tilted = np.abs((x - width / 2) + 0.1 * (y - height / 2)) > 0.44 * width
    for name, mask in (("padding around a round field", round_field), ("tilted shutter", tilted)):
        yield f"{name}, black", mask, 0
        yield f"{name}, white", mask, top


if __name__ == "__main__":
    main()
