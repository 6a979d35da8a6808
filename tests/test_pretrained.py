"""The weights that come with the package."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.weights import card_path, read_weights, weights_file


def test_they_are_small_and_say_what_they_are():
    path = weights_file("pretrained")
    assert path.stat().st_size < 20e6
    card = json.loads(card_path(path).read_text())
    assert {"intended_use", "training_data", "training_data_licence", "measured", "failure_cases"} <= set(card)
    assert card["settings"]["normalise"] == "equalise"


def test_a_negative_gives_the_same_landmarks():
    segmenter = Segmenter(*read_weights("pretrained"))
    y, x = np.mgrid[:512, :512] / 512
    lungs = np.exp(-((((x - 0.3) / 0.1) ** 2 + ((y - 0.45) / 0.22) ** 2) ** 2))
    lungs += np.exp(-((((x - 0.7) / 0.1) ** 2 + ((y - 0.45) / 0.22) ** 2) ** 2))
    film = (200 - 150 * lungs + 20 * y).clip(1, 254).astype(np.uint8)
    one, other = segmenter(film, 1024).landmarks, segmenter(255 - film, 1024).landmarks
    assert np.abs(one - other).max() < 1
    assert one[:44, 0].mean() < 512 < one[44:94, 0].mean()


def test_real_radiographs():
    folder = os.environ.get("CXRFACTORY_REAL_DATA")
    if not folder:
        pytest.skip("CXRFACTORY_REAL_DATA names no folder of real radiographs")
    from cxrfactory.imaging.prepare import Preparation, prepare
    from cxrfactory.imaging.reading import read_radiograph

    root = Path(folder)
    segmenter = Segmenter(*read_weights("pretrained"))
    graph = landmark_graph("lungs-heart")
    scores = []
    for image_id in (root / "jsrt/val.txt").read_text().split():
        image, geometry = prepare(read_radiograph(root / f"jsrt/images/{image_id}.png"), Preparation())
        parts = [np.load(root / f"landmarks/{part}/{image_id}.npy") for part in ("RL", "LL", "H")]
        truth = landmarks_to_masks(geometry.forward_points(np.concatenate(parts).astype(float)), graph, 1024, 1024)
        found = segmenter(image, 1024).masks
        lungs = [masks["right_lung"] | masks["left_lung"] for masks in (found, truth)]
        scores.append((dice(*lungs), dice(found["heart"], truth["heart"])))
    lungs, heart = np.mean(scores, axis=0)
    assert lungs > 0.95
    assert heart > 0.92
