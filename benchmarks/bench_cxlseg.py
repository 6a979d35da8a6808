"""Time from a JPEG file of 1024 x 1024 to the segmented image and mask with given masks, and of decoding only.

Run from the repository's root::

    PYTHONPATH=src python benchmarks/bench_cxlseg.py [--images 200] [--workers 2]

The images are smooth noise with the spectrum of radiographs, JPEG quality 95, with files about as large as those of
MIMIC-CXR-JPG at this side. All data are read from files and written to files (one Parquet). The fastest of three runs
is reported.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from cxrfactory.config import LungPicturesConfig, ReadingConfig
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.products.cxlseg.shard import PICTURES, CxlsegRecipe, make_pictures
from cxrfactory.tables.parquet import table_writer

SIDE = 1024
RUNS = 3


def write_jpegs(folder: Path, count: int) -> list[Path]:
    paths = []
    for number in range(count):
        rng = np.random.default_rng(number)
        coarse = cv2.resize(rng.normal(128, 50, (12, 12)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        grain = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)), (0, 0), 1.5) * 12
        paths.append(folder / f"{number:04d}.jpg")
        cv2.imwrite(str(paths[-1]), np.clip(coarse + grain, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return paths


def given_mask(size: int) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] / size
    return sum((((rows - 0.5) / 0.35) ** 2 + ((columns - x) / 0.15) ** 2 < 1).astype(np.uint8) for x in (0.3, 0.7)) > 0


def fastest_s(work: Callable[[], None]) -> tuple[float, float]:
    """Return the shortest wall time and CPU time of several runs, s; CPU time is less affected by other load."""
    times = []
    for _ in range(RUNS):
        start, busy = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - start, time.process_time() - busy))
    return min(wall for wall, _ in times), min(cpu for _, cpu in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    recipe = CxlsegRecipe.of(LungPicturesConfig(), ReadingConfig())
    mask = given_mask(recipe.size)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.workers) as pool:
        paths = write_jpegs(Path(folder), given.images)
        size = np.mean([path.stat().st_size for path in paths])

        def whole(path: Path) -> dict:
            return {"image_id": path.stem} | make_pictures(read_radiograph(path).pixels, lambda _: mask, recipe)

        def product() -> None:
            with table_writer(Path(folder) / "out.parquet", PICTURES) as writer:
                writer.write_table(pa.Table.from_pylist(list(pool.map(whole, paths)), schema=PICTURES))

        def decode() -> None:
            list(pool.map(lambda path: read_radiograph(path).pixels.shape, paths))

        rows = [("to image and mask", fastest_s(product)), ("reading and decoding alone", fastest_s(decode))]
    print(f"{given.images} JPEGs of {SIDE} x {SIDE}, {size / 1000:.0f} kB each; {given.workers} threads")
    for name, (wall, cpu) in rows:
        each = f"{1000 * wall / given.images:8.1f} ms an image, {1000 * cpu / given.images:.1f} ms of CPU"
        print(f"{name:28}{each}, {given.images / wall:.0f} images/s")


if __name__ == "__main__":
    main()
