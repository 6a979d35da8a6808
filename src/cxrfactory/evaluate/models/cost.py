"""Time and memory of a model's inference, measured in a separate process."""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrfactory.imaging.drawing.png import decode_png

WARM_UP = 2  # images that are segmented first and not timed


@dataclass(frozen=True)
class Cost:
    """Cost of a model on this machine; the values differ from run to run.

    Attributes
    ----------
    parameters
        Number of parameters of the network.
    images
        Number of images, timed one by one.
    ms_median, ms_p95
        Median and 95th percentile of the time for an image (scaling, network, masks), milliseconds. On the CPU one
        thread is used.
    peak_mb
        Largest resident memory of the process or, on CUDA, largest allocated device memory; 10^6 bytes.
    before_mb
        Resident memory after the libraries are loaded and before the network is, 10^6 bytes; 0 on CUDA.
    """

    device: str
    parameters: int
    images: int
    ms_median: float
    ms_p95: float
    peak_mb: float
    before_mb: float


def measure_cost(weights: Path, pngs: list[bytes], size: int, device: str, post: Path | None = None) -> Cost:
    """Load the weights in a fresh process and segment the images there.

    Parameters
    ----------
    weights
        safetensors file with its card beside it, or the folder of a trained nnU-Net.
    pngs
        Square 8-bit images. The first :data:`WARM_UP` are segmented once beforehand without timing.
    size
        Side of the masks, pixels.
    device
        ``auto``, ``cpu`` or ``cuda``.
    post
        Weights of a post-processor, if one is used.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_measure, weights, pngs, size, device, post).result()


def _measure(weights: Path, pngs: list[bytes], size: int, device: str, post: Path | None) -> Cost:
    import torch

    from cxrfactory.evaluate.models.open_models import open_model

    images = [decode_png(each) for each in pngs]
    torch.zeros(1) @ torch.zeros(1)
    before = _peak_bytes()
    segmenter = open_model(weights, post, device)
    for image in images[:WARM_UP]:
        segmenter(image, size)
    seconds = []
    for image in images:
        start = time.perf_counter()
        segmenter(image, size)
        seconds.append(time.perf_counter() - start)
    on_cuda = segmenter.device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() if on_cuda else _peak_bytes()
    return Cost(
        segmenter.device.type,
        segmenter.parameters,
        len(images),
        1000 * float(np.median(seconds)),
        1000 * float(np.percentile(seconds, 95)),
        peak / 1e6,
        0.0 if on_cuda else before / 1e6,
    )


def _peak_bytes() -> int:
    """Return the largest resident memory of this process so far, bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # on Linux, ru_maxrss would start at the parent's peak
        line = next(each for each in status.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
