"""A tiny release: landmarks of ellipses, its packed table, image shards, and Label Studio's answer to its tasks."""

import copy
import json

import cv2
import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.tables.chexmask import write_chexmask
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.rle import rle_encode
from cxrfactory.tables.schemas import IMAGES

SIZE = 64
GRAPH = landmark_graph("lungs-heart")
ELLIPSES = {"right_lung": (16, 30, 10, 18), "left_lung": (46, 30, 10, 18), "heart": (33, 42, 9, 7)}


def ellipses(shift=(0, 0)):
    points = []
    for organ, where in GRAPH.slices.items():
        x, y, a, b = ELLIPSES[organ]
        angle = np.linspace(0, 2 * np.pi, where.stop - where.start, endpoint=False)
        points.append(np.stack([x + a * np.cos(angle), y + b * np.sin(angle)], axis=1))
    return (np.concatenate(points) + shift).astype(np.float32)


def published_row(image_id, points, size=SIZE):
    points = np.rint(points)
    masks = landmarks_to_masks(points, GRAPH, size, size)
    names = {"Left Lung": "left_lung", "Right Lung": "right_lung", "Heart": "heart"}
    return {
        "image_id": image_id,
        "Dice RCA (Mean)": 0.8,
        "Dice RCA (Max)": 0.9,
        "Landmarks": points,
        **{name: rle_encode(masks[organ]) for name, organ in names.items()},
        "Height": size,
        "Width": size,
    }


def write_published(path, rows):
    write_chexmask(path, pd.DataFrame(rows), "Path")
    return path


def write_release(folder, scores, release="CheXpert"):
    """Packed Parquet (only what the export reads) and two image shards; returns their paths."""
    table = pd.DataFrame(
        {
            "image_id": list(scores),
            "dice_rca_mean": list(scores.values()),
            "landmarks_preprocessed": [ellipses((index, 0)).reshape(-1) for index in range(len(scores))],
            "size": SIZE,
        }
    )
    product = folder / "Parquet" / f"{release}.parquet"
    product.parent.mkdir()
    table.to_parquet(product)
    shards = folder / "shards"
    shards.mkdir()
    for shard in range(2):
        rows = [
            {"image_id": image_id, "png": encode_png(np.full((SIZE, SIZE), index, np.uint8)),
             **Geometry.whole(SIZE, SIZE, SIZE).as_row()}
            for index, image_id in enumerate(scores) if index % 2 == shard
        ]  # fmt: skip
        write_table(pd.DataFrame(rows), shards / f"{shard}.parquet", IMAGES)
    pd.DataFrame({"image_id": ["none of images"]}).to_parquet(shards / "0.rejected.parquet")
    return product, shards


def answered(tasks, user=1):
    """The tasks as an export in the format JSON: annotations that repeat the predictions, whose ids are numbers."""
    answers = []
    for number, task in enumerate(tasks, start=1):
        regions = copy.deepcopy(task["predictions"][0]["result"])
        for place, region in enumerate(regions):
            region |= {"id": f"r{place}", "origin": "prediction"}
        annotation = {"id": number, "completed_by": user, "was_cancelled": False, "result": regions[::-1]}
        answers.append({"id": number, "data": task["data"], "annotations": [annotation], "predictions": [number]})
    return answers


def save(content, path):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def decoded(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
