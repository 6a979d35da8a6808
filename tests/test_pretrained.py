"""The weights that come with the package."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.imaging.prepare import Preparation, prepare
from cxrfactory.imaging.reading import read_radiograph
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.keys import put_aside
from cxrfactory.tables.weights import card_path, read_weights, weights_file


@pytest.mark.parametrize("name", ["pretrained", "pretrained-whole-lungs"])
def test_they_are_small_and_say_what_they_are(name):
    path = weights_file(name)
    assert path.stat().st_size < 20e6
    card = json.loads(card_path(path).read_text())
    assert {"intended_use", "training_data", "training_data_licence", "measured", "failure_cases"} <= set(card)
    assert card["settings"]["normalise"] == "equalise"


def test_each_says_what_its_lungs_include():
    assert Segmenter(*read_weights("pretrained")).definition == "jsrt"
    assert Segmenter(*read_weights("pretrained-whole-lungs")).definition == "whole-lungs"


@pytest.mark.parametrize("name", ["pretrained", "pretrained-whole-lungs"])
def test_a_negative_gives_the_same_landmarks(name):
    segmenter = Segmenter(*read_weights(name))
    y, x = np.mgrid[:512, :512] / 512
    lungs = np.exp(-((((x - 0.3) / 0.1) ** 2 + ((y - 0.45) / 0.22) ** 2) ** 2))
    lungs += np.exp(-((((x - 0.7) / 0.1) ** 2 + ((y - 0.45) / 0.22) ** 2) ** 2))
    film = (200 - 150 * lungs + 20 * y).clip(1, 254).astype(np.uint8)
    one, other = segmenter(film, 1024).landmarks, segmenter(255 - film, 1024).landmarks
    assert np.abs(one - other).max() < 1
    assert one[:44, 0].mean() < 512 < one[44:94, 0].mean()


@pytest.fixture
def root():
    folder = os.environ.get("CXRFACTORY_REAL_DATA")
    if not folder:
        pytest.skip("CXRFACTORY_REAL_DATA names no folder of real radiographs")
    return Path(folder)


def test_whole_lungs_of_held_out_patients(root):
    table = pd.read_csv(root / "v7_lungs/table.csv", dtype=str).sort_values("image_id")
    kept = [row for row in table.itertuples() if put_aside(f"V7-{row.patient_id}", "split", 0.25)]
    segmenter, scores = Segmenter(*read_weights("pretrained-whole-lungs")), []
    for row in kept[::4]:
        files = [next((root / "v7_lungs" / part).glob(f"{row.image_id}.*")) for part in ("images", "masks")]
        image, geometry = prepare(read_radiograph(files[0]), Preparation())
        truth = (
            geometry.forward_image((cv2.imread(str(files[1]), cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8) * 255) > 127
        )
        found = segmenter(image, 1024).masks
        scores.append(dice(found["right_lung"] | found["left_lung"], truth.astype(np.uint8)))
    assert len(scores) == 18
    assert np.mean(scores) > 0.93


def test_real_radiographs(root):
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
