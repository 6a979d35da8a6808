"""Time of preprocessing one radiograph, from reading to the stored PNG, for the six releases' formats; one thread.

Run from the repository's root::

    PYTHONPATH=src python benchmarks/bench_preprocess.py [--picture FILE] [--repeats 20]

One picture (a virtual one without `--picture`) is enlarged to each release's usual size, gets noise of a detector's
amplitude, and is written in the release's format. If a release has images of many sizes, a large size is used. No file
of a release is needed.
"""

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph

# Columns: release, format, height, width, bits.
KINDS = [
    ("chexpert (small)", "jpg", 320, 390, 8),
    ("chestx-ray8", "png", 1024, 1024, 8),
    ("candid-ptx", "dcm", 1024, 1024, 8),
    ("mimic-cxr-jpg", "jpg", 3056, 2544, 8),
    ("chexpert", "jpg", 2320, 2828, 8),
    ("vindr-cxr", "dcm", 2880, 2304, 12),
    ("padchest", "png", 2828, 2320, 16),
]


def virtual_picture() -> np.ndarray:
    """Draw two dark lungs on a bright body; the picture is smooth, as radiographs are."""
    rows, columns = np.mgrid[-1:1:1024j, -1:1:1024j]
    body = np.exp(-(np.abs(columns) ** 4) - rows**4 / 4)
    lungs = sum(np.exp(-(((columns - x) / 0.25) ** 4) - ((rows + 0.1) / 0.5) ** 4) for x in (-0.42, 0.42))
    return (40 + 200 * body * (1 - 0.75 * lungs)).clip(0, 255).astype(np.uint8)


def picture_of(source: np.ndarray, height: int, width: int, bits: int) -> np.ndarray:
    """Resize ``source`` to a size and bit depth, and add noise of 0.4 % of the range."""
    large = cv2.resize(source, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float64) / 255
    noisy = large + np.random.default_rng(0).normal(0, 0.004, large.shape)
    top = 2**bits - 1
    return np.clip(noisy * top, 0, top).round().astype(np.uint8 if bits == 8 else np.uint16)


def dicom(pixels: np.ndarray, bits: int) -> bytes:
    """Encode pixels as an uncompressed DX object."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        DigitalXRayImageStorageForPresentation,
        generate_uid(),
    )
    dataset = Dataset()
    dataset.file_meta, dataset.SOPClassUID = meta, meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID, dataset.Modality = meta.MediaStorageSOPInstanceUID, "DX"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * pixels.itemsize, bits, bits - 1
    dataset.PixelData = pixels.tobytes()
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    source = virtual_picture() if given.picture is None else cv2.imread(str(given.picture), cv2.IMREAD_GRAYSCALE)
    if source is None:
        sys.exit(f"{given.picture}: not a picture that can be read")
    cv2.setNumThreads(1)
    recipe = Preparation()
    print(
        f"{'release':18} {'format':6} {'size, px':>11} {'MB':>6} {'read, ms':>9} {'prepare':>8} {'write':>6} {'all':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for release, kind, height, width, bits in KINDS:
            pixels = picture_of(source, height, width, bits)
            path = Path(folder) / f"picture.{kind}"
            data = dicom(pixels, bits) if kind == "dcm" else cv2.imencode(f".{kind}", pixels)[1].tobytes()
            path.write_bytes(data)
            times = []
            for _ in range(given.repeats):
                marks = [time.perf_counter()]
                radiograph = read_radiograph(path)
                marks.append(time.perf_counter())
                image, _ = prepare(radiograph, recipe)
                marks.append(time.perf_counter())
                encode_png(image)
                marks.append(time.perf_counter())
                times.append(np.diff(marks) * 1000)
            read, prepared, written = np.median(times, axis=0)
            shown = [len(data) / 1e6, read, prepared, written, read + prepared + written]
            print(f"{release:18} {kind:6} {height:5} x{width:5} {' '.join(f'{each:8.1f}' for each in shown)}")


if __name__ == "__main__":
    main()
