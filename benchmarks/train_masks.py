"""Measure what a training step on many masks costs: the loader (augmentation and masks) beside the network alone.

    PYTHONPATH=src python benchmarks/train_masks.py [--regions 89 210] [--sides 128 384] [--batch 8] [--steps 3] \
        [--device cpu] [--segmenter unet]

Images and masks are random discs of 384 x 384 pixels; nothing is read. Each line gives, for one number of
regions and one side, milliseconds a step: of the network alone (forward, loss, backward and optimiser on a batch that
is ready), of the loader alone, and the loader's share of both together. Times on the CPU are processor times of this
process, so that other programs on the machine disturb little. On CUDA they are wall times, and the loader's share is
what a step takes longer when batches come from the loader's threads.
"""

import argparse
import os
import time

import cv2
import numpy as np
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import TrainConfig
from cxrfactory.models import build_model
from cxrfactory.models.inputs import to_input
from cxrfactory.train.data.ahead import batches_of
from cxrfactory.train.data.layers import LayeredImages
from cxrfactory.train.data.planes import Runs
from cxrfactory.train.segmenter.tasks import task_of

SIDE = 384  # of the images, as in the product of projected CT
RECIPE = {"loss": "batch-dice-cross-entropy", "rotation_degrees": 8, "scale": 0.25, "shift": 0.1, "elastic": 0.02}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regions", type=int, nargs="+", default=[89, 210])
    parser.add_argument("--sides", type=int, nargs="+", default=[128, 384])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--segmenter", default="unet")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("regions side  network_ms  loader_ms  loader_share  peak_gpu_mb")
    for regions in options.regions:
        for side in options.sides:
            print(line(regions, side, options), flush=True)


def line(regions, side, options):
    device = torch.device(options.device)
    data = made_up(regions, side, options.batch)
    settings = TrainConfig(threads=options.threads, device=options.device, **RECIPE)
    names = list(data.regions)
    network = build_model(options.segmenter, {"organs": names, "input_size": side, "normalise": "equalise"})
    network = network.to(device, memory_format=torch.channels_last).train()
    task, stream = task_of(network, settings), torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    order = [np.arange(options.batch)] * (options.steps + 1)

    def step(images, masks):
        loss = task.loss(network, images.to(device, memory_format=torch.channels_last), masks, settings, stream)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def batches():
        return batches_of(data, order, None, settings, device, stream, 0)

    images, masks = next(iter(batches()))
    step(images, masks)  # the first step prepares what later steps reuse
    alone = timed(device, lambda: step(images, masks), options.steps)
    if device.type == "cpu":
        source = iter(batches_of(data, order, None, settings.model_copy(update={"threads": 1}), device, stream, 0))
        next(source)
        loader = timed(device, lambda: next(source), options.steps)
        share = loader / (alone + loader)
    else:
        source = iter(batches())
        step(*next(source))
        loader = timed(device, lambda: step(*next(source)), options.steps) - alone
        share = loader / (alone + loader)
    peak = torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else float("nan")
    return f"{regions:7} {side:4} {alone:11.0f} {loader:10.0f} {share:13.1%} {peak:12.0f}"


def timed(device, work, count):
    """Return milliseconds a call."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = clock()
    for _ in range(count):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (clock() - started) / count * 1000


def made_up(regions, side, count):
    """Return images whose masks have the sizes of anatomy: a few large, most small."""
    rng, runs, images = np.random.default_rng(0), [], []
    for _ in range(count):
        image, masks = rng.integers(0, 90, (SIDE, SIDE)).astype(np.uint8), {}
        for place in range(regions):
            mask = np.zeros((SIDE, SIDE), np.uint8)
            centre, radius = rng.integers(20, SIDE - 20, 2).tolist(), int(4 + 100 * rng.random() ** 4)
            cv2.circle(mask, centre, radius, 1, -1)
            image[mask > 0] = np.minimum(255, image[mask > 0] + 20)
            masks[place] = mask > 0
        runs.append(Runs.of_masks(masks, (SIDE, SIDE)))
        images.append(np.round(to_input(image, side) * 255).astype(np.uint8))
    names = tuple(f"region_{place}" for place in range(regions))
    nothing = [Runs.of_masks({}, (SIDE, SIDE))] * count
    known = np.ones((count, regions), bool)
    ids = [f"image{number}" for number in range(count)]
    return LayeredImages(
        ids, np.stack(images), landmark_graph("lungs-heart"), names, runs, nothing, known, [""] * count
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
