"""Time of inference from PNG to CSV row at 1024 x 1024, compared with the published method, on the CPU.

    python benchmarks/bench_infer.py [--images DIR] [--count 16] [--rounds 3]

The published method is reimplemented here: one image at a time in fp32, normalisation by the batch's own statistics,
one pass (no uncertainty), masks by filled contours, RLE by differences and string joins. It runs in a separate process
without our settings of memory and threads. Our method uses 20 latent samples and processes images in parallel. The
weights are random, because they do not affect the time.
"""

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.chexmask import row_text
from cxrfactory.tables.rle import rle_encode

SIZE = 1024


def published_rle(mask):
    pixels = np.concatenate([[0], mask.flatten(), [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(each) for each in runs)


def published(network, graph, png):
    image = cv2.imdecode(np.frombuffer(png, np.uint8), 0) / 255.0
    with torch.no_grad():
        positions = network(torch.from_numpy(image).float()[None, None])[0][0].numpy()
    points = (positions * SIZE).astype(int)
    text = ",".join(map(str, points.flatten()))
    rles = []
    for where in graph.slices.values():
        mask = np.zeros((SIZE, SIZE), np.uint8)
        cv2.drawContours(mask, [points[where].reshape(-1, 1, 2)], -1, 1, -1)
        rles.append(published_rle(mask))
    return f'id,,,"{text}",{",".join(rles)},{SIZE},{SIZE}\n'


def start_published(cores):
    """Start a separate process with the published network, which uses statistics of the batch."""
    global theirs
    torch.set_num_threads(cores)
    theirs = network_of(landmark_graph("lungs-heart")).train()


def time_published(pngs):
    graph, started = landmark_graph("lungs-heart"), time.perf_counter()
    for png in pngs:
        published(theirs, graph, png)
    return (time.perf_counter() - started) / len(pngs)


def network_of(graph):
    torch.manual_seed(0)
    network = HybridGNet(graph, SIZE)
    network.mean_shape.copy_(torch.rand(120, 2) * 0.2 + 0.4)
    return network


def ours(predictor, graph, pngs, workers):
    rows = []
    stream = ((f"image{number}", decode_png(png)) for number, png in enumerate(pngs))
    for image_id, found in predictor.run(stream, SIZE, workers=workers):
        whole = np.rint(found.landmarks).astype(np.int64)
        masks = landmarks_to_masks(whole, graph, SIZE, SIZE)
        rles = [rle_encode(masks[organ]) for organ in ("left_lung", "right_lung", "heart")]
        rows.append(row_text(image_id, None, None, whole, *rles, height=SIZE, width=SIZE))
    return rows


def pictures(folder, count):
    paths = sorted(Path(folder).glob("*.png"))[:count] if folder else []
    if not paths:
        rng = np.random.default_rng(0)
        noise = (cv2.GaussianBlur(rng.random((SIZE, SIZE)), (0, 0), 8) for _ in range(count))
        return [encode_png(cv2.normalize(each, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)) for each in noise]
    images = (cv2.resize(cv2.imread(str(path), 0), (SIZE, SIZE)) for path in paths)
    return [encode_png(image) for image in images]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    real = os.environ.get("CXRFACTORY_REAL_DATA")
    parser.add_argument("--images", default=f"{real}/nih" if real else None)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    graph = landmark_graph("lungs-heart")
    network = network_of(graph)
    tensors = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    card = {"segmenter": "hybridgnet", "settings": network.settings()}
    predictors = {
        precision: Segmenter(tensors, card, samples=20, precision=precision) for precision in ("fp32", "bf16")
    }
    pngs = pictures(options.images, options.count)
    times = {"published method": [], "fp32": [], "bf16": []}
    with ProcessPoolExecutor(1, get_context("spawn"), start_published, (options.cores,)) as pool:
        pool.submit(time_published, pngs[:1]).result()
        for _ in range(options.rounds):  # alternate, so that variations of the machine's load affect all alike
            times["published method"].append(pool.submit(time_published, pngs).result())
            for precision, predictor in predictors.items():
                started = time.perf_counter()
                ours(predictor, graph, pngs, options.cores)
                times[precision].append((time.perf_counter() - started) / len(pngs))
    base = np.median(times["published method"])
    print(f"{len(pngs)} images, {options.cores} cores, medians of {options.rounds} rounds, PNG to CSV row at {SIZE}")
    for name, values in times.items():
        middle = np.median(values)
        print(f"{name:18} {middle * 1000:7.1f} ms an image   {base / middle:5.2f} x")


if __name__ == "__main__":
    main()
