"""Independent readers of the encodings of annotation programs, bit by bit, after the programs' own source."""

import importlib.util
from pathlib import Path

import numpy as np


def brush_alpha(code, height, width):
    """Opacity of a Label Studio brush, after label_studio_sdk/converter/brush.py: text of bits, read in turn."""
    bits, place = "".join(f"{byte:08b}" for byte in code), 0

    def read(count):
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    number, word = read(32), read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    out, done = np.zeros(number, np.uint8), 0
    while done < number:
        run = read(1)
        stop = done + 1 + read(sizes[read(2)])
        if run:
            out[done:stop] = read(word)
            done = stop
        else:
            while done < stop:
                out[done] = read(word)
                done += 1
    return out.reshape(height, width, 4)[:, :, 3]


def cvat_mask(rle, left, top, width, height, shape):
    """Mask of a CVAT element ``mask``, pixel by pixel."""
    mask, value, pixels = np.zeros(shape, np.uint8), 0, []
    for length in rle.split(","):
        pixels += [value] * int(length)
        value = 1 - value
    for place, pixel in enumerate(pixels):
        mask[top + place // width, left + place % width] = pixel
    assert len(pixels) == width * height
    return mask


def peer(package, module):
    """One module of an installed package, loaded without the package's own imports; None where it is not there."""
    found = importlib.util.find_spec(package)
    if found is None:
        return None
    spec = importlib.util.spec_from_file_location(f"peer_{package}", Path(found.origin).parent / module)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
