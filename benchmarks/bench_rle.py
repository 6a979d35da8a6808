"""RLE of organ masks: cxrfactory compared with the published method and pycocotools.

Run from the repository's root::

    PYTHONPATH=src python benchmarks/bench_rle.py

The masks are the published organs of CheXmask rows if CXRFACTORY_REAL_DATA names the folder that holds them, and
otherwise filled ellipses of organ size; 1024 x 1024. Every encoder gets the layout that suits it (row-major here,
column-major for pycocotools), which is prepared before the timing; results are discarded immediately. Figures are
medians over the masks of the best of five calls.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxrfactory.tables import rle as engine
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.rle import rle_decode, rle_encode

engine._MANY = 0  # the compiled loops from the first mask on, which encode all but the first masks of a process

SIZE = 1024
REPEATS = 5


def organ_masks(limit: int = 150) -> tuple[str, list[np.ndarray]]:
    root = os.environ.get("CXRFACTORY_REAL_DATA")
    if root:
        frame = read_chexmask(
            Path(root) / "chexmask_gold" / "CheXpert.csv", columns=["Left Lung", "Right Lung", "Heart"]
        )
        cells = frame[["Left Lung", "Right Lung", "Heart"]].to_numpy().ravel()[:limit]
        return "published CheXmask organs", [rle_decode(cell, SIZE, SIZE) for cell in cells]
    rows, columns = np.mgrid[:SIZE, :SIZE]
    masks = []
    for index in range(limit):
        a, b = 110 + index % 60, 220 + index % 90
        x, y = 300 + 3 * index, 480 + index
        masks.append((((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1).astype(np.uint8))
    return "ellipses", masks


def straightforward_encode(mask: np.ndarray) -> str:
    """Encode a mask by the steps of the published method: flatten, pad, find changes, join."""
    padded = np.concatenate(([0], (mask / 255).astype(int).flatten(), [0]))
    changes = np.where(padded[1:] != padded[:-1])[0] + 1
    changes[1::2] -= changes[::2]
    return " ".join(str(number) for number in changes)


def straightforward_decode(rle: str) -> np.ndarray:
    numbers = np.array([int(token) for token in rle.split()])
    flat = np.zeros(SIZE * SIZE, dtype=np.uint8)
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        flat[start - 1 : start - 1 + length] = 255
    return flat.reshape(SIZE, SIZE)


def median_ms(function: Callable, inputs: list) -> float:
    function(inputs[0])
    best = []
    for each in inputs:
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            function(each)
            times.append(time.perf_counter() - start)
        best.append(min(times))
    return 1000 * statistics.median(best)


def main() -> None:
    name, masks = organ_masks()
    rles = [rle_encode(mask) for mask in masks]
    as_255 = [mask * 255 for mask in masks]
    for mask, rle in zip(as_255, rles, strict=True):
        assert straightforward_encode(mask) == rle
        assert np.array_equal(straightforward_decode(rle) // 255, rle_decode(rle, SIZE, SIZE))
    rows = [
        (
            "cxrfactory",
            median_ms(rle_encode, masks),
            median_ms(lambda rle: rle_decode(rle, SIZE, SIZE), rles),
        ),
        ("published method", median_ms(straightforward_encode, as_255), median_ms(straightforward_decode, rles)),
    ]
    try:
        from pycocotools import mask as coco
    except ImportError:
        print("pycocotools is not installed: left out")
    else:
        fortran = [np.asfortranarray(mask) for mask in masks]
        coded = [coco.encode(mask) for mask in fortran]
        rows.append(("pycocotools", median_ms(coco.encode, fortran), median_ms(coco.decode, coded)))
    print(f"{len(masks)} masks of {SIZE} x {SIZE}, {name}; medians")
    print(f"{'':18}{'encode ms':>10}{'ratio':>8}{'decode ms':>11}{'ratio':>8}")
    for label, encode, decode in rows:
        print(f"{label:18}{encode:10.3f}{encode / rows[0][1]:8.1f}{decode:11.3f}{decode / rows[0][2]:8.1f}")


if __name__ == "__main__":
    main()
