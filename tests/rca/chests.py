"""A toy chest: two dark ellipses and a bright one, with landmarks on their outlines."""

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import ORGAN_NODES, landmark_graph
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.rca.labels import label_codes
from cxrfactory.rca.score import Reference
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import IMAGES, LABELLED_IMAGES, LANDMARKS

SIZE = 96
# (centre x, centre y, radius x, radius y) as fractions of the side
ELLIPSES = {
    "right_lung": (0.30, 0.45, 0.14, 0.32),
    "left_lung": (0.70, 0.45, 0.14, 0.32),
    "heart": (0.53, 0.62, 0.13, 0.15),
}
GREY = {"right_lung": 70, "left_lung": 75, "heart": 220}


def landmarks_of(shift=(0.0, 0.0), scale=1.0, size=SIZE):
    points = []
    for organ, (x, y, radius_x, radius_y) in ELLIPSES.items():
        angles = 2 * np.pi * np.arange(ORGAN_NODES[organ]) / ORGAN_NODES[organ]
        outline = np.stack([x + radius_x * np.cos(angles), y + radius_y * np.sin(angles)], axis=1)
        points.append((outline - 0.5) * scale * size + (size - 1) / 2)
    return np.concatenate(points) + shift


def chest(shift=(0.0, 0.0), scale=1.0, size=SIZE):
    rows, columns = np.mgrid[:size, :size]
    x = ((columns - shift[0]) - (size - 1) / 2) / scale / size + 0.5
    y = ((rows - shift[1]) - (size - 1) / 2) / scale / size + 0.5
    image = 150 + 15 * np.sin(40 * x) * np.cos(30 * y)
    for organ, (centre_x, centre_y, radius_x, radius_y) in ELLIPSES.items():
        inside = ((x - centre_x) / radius_x) ** 2 + ((y - centre_y) / radius_y) ** 2 < 1
        image[inside] = GREY[organ] + 10 * np.sin(25 * (x + y))[inside]
    return image.clip(0, 255).astype(np.uint8), landmarks_of(shift, scale, size)


def codes_of(points, size=SIZE, graph="lungs-heart"):
    return label_codes(points, landmark_graph(graph), size, size)


def reference(name, size=SIZE, **how):
    image, points = chest(size=size, **how)
    return Reference(name, image, codes_of(points, size))


def geometry(size):
    return {
        "original_height": size,
        "original_width": size,
        "crop_top": 0,
        "crop_left": 0,
        "crop_height": size,
        "crop_width": size,
        "size": size,
    }


def encode(image):
    """Stand in for the network: the image in coarse blocks."""
    side = image.shape[0] // 8
    return image.reshape(8, side, 8, side).mean(axis=(1, 3)).astype(np.float32).ravel() / 255


def write_shard(folder, hows, size=2 * SIZE, latent=64):
    """Write an image shard and its landmark shard, id -> keyword arguments of chest; ``latent`` numbers an image."""
    images, landmarks = [], []
    for image_id, how in hows.items():
        image, points = chest(**how, size=size)
        flat = points.astype(np.float32).ravel()
        images.append({"image_id": image_id, "png": encode_png(image), **geometry(size)})
        shared = {"landmarks": flat, "landmarks_mean": flat, "landmarks_std": np.zeros_like(flat)}
        landmarks.append({"image_id": image_id, **shared, "latent": encode(image)[:latent], **geometry(size)})
    write_table(pd.DataFrame(images, columns=IMAGES.names), folder / "images.parquet", IMAGES)
    write_table(pd.DataFrame(landmarks, columns=LANDMARKS.names), folder / "landmarks.parquet", LANDMARKS)


def write_labelled(path, hows, labels="LH", size=2 * SIZE, held_out=()):
    """Write a labelled set, id -> keyword arguments of chest; ``held_out`` are of split val."""
    nodes = {"L": slice(94), "LH": slice(120), "W": slice(94), "H": slice(94, 120), "M": slice(0)}
    rows = []
    for number, (image_id, how) in enumerate(hows.items()):
        image, points = chest(**how, size=size)
        code = labels if isinstance(labels, str) else labels[number]
        row = {"image_id": image_id, "png": encode_png(image), **geometry(size), "patient_id": image_id}
        row |= {"source": "Virtual", "labels": code, "split": "val" if image_id in held_out else "train"}
        rows.append(row | {"landmarks": points[nodes[code]].astype(np.float32).ravel()})
    write_table(pd.DataFrame(rows, columns=LABELLED_IMAGES.names), path, LABELLED_IMAGES)
