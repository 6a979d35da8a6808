import base64
import copy
import random
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.gold.studio import (
    corrected_landmarks,
    labelling_config,
    landmark_labels,
    task,
    to_percent,
    to_pixel,
)

GRAPH = landmark_graph("lungs-heart")
SIZE = 64
POINTS = np.random.default_rng(1).uniform(0, 63, (120, 2))


def regions():
    return copy.deepcopy(task("CheXpert", "a", b"png", POINTS, SIZE, GRAPH, "v")["predictions"][0]["result"])


def test_labels_name_organ_and_place():
    labels = landmark_labels(GRAPH)
    assert [labels[place] for place in (0, 43, 44, 93, 94, 119)] == ["RL01", "RL44", "LL01", "LL50", "H01", "H26"]
    assert len(set(labels)) == 120
    assert landmark_labels(landmark_graph("lungs")) == labels[:94]
    with pytest.raises(CxrError, match="right_clavicle"):
        landmark_labels(landmark_graph("lungs-heart-clavicles"))


def test_config_is_xml_whose_names_are_those_of_the_tasks():
    view = ElementTree.fromstring(labelling_config(GRAPH))
    image, keypoints = list(view)
    made = task("CheXpert", "a", b"png", POINTS, SIZE, GRAPH, "v")
    region = made["predictions"][0]["result"][0]
    assert (image.tag, keypoints.tag) == ("Image", "KeyPointLabels")
    assert image.get("value").removeprefix("$") in made["data"]
    assert (keypoints.get("name"), keypoints.get("toName")) == (region["from_name"], region["to_name"])
    assert image.get("name") == region["to_name"]
    assert [label.get("value") for label in keypoints] == landmark_labels(GRAPH)


def test_task_holds_the_image_itself_and_no_score():
    data = task("CheXpert", "a/b.jpg", b"\x89PNG", POINTS, SIZE, GRAPH, "v")["data"]
    assert set(data) == {"image", "image_id", "release", "graph"}
    kind, content = data["image"].split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == b"\x89PNG"


def test_percent_runs_from_edge_to_edge_of_the_image():
    assert to_percent(-0.5, 1024) == 0
    assert to_percent(1023.5, 1024) == 100
    assert to_percent(0, 2) == 25  # the centre of the first of two pixels


@given(st.floats(-100, 2000), st.integers(1, 4096))
def test_percent_and_back(pixel, size):
    assert to_pixel(to_percent(pixel, size), size) == pytest.approx(pixel, abs=1e-9)


def test_landmarks_come_back_from_any_order_and_with_new_ids():
    shuffled = regions()
    random.Random(3).shuffle(shuffled)
    for place, region in enumerate(shuffled):
        region["id"] = f"new{place}"
    points, size = corrected_landmarks(shuffled, GRAPH)
    assert size == SIZE
    np.testing.assert_allclose(points, POINTS, atol=1e-9)


def test_a_moved_point_moves_alone():
    moved = regions()
    moved[94]["value"]["x"] += 100 * 5 / SIZE
    points, _ = corrected_landmarks(moved, GRAPH)
    expected = POINTS.copy()
    expected[94, 0] += 5
    np.testing.assert_allclose(points, expected, atol=1e-9)


def _without(items):
    del items[50]


def _twice(items):
    items.append(items[7])


def _unknown(items):
    items[3]["value"]["keypointlabels"] = ["RL45"]


def _brush(items):
    items[3]["type"] = "brushlabels"


def _turned(items):
    items[3]["image_rotation"] = 90


def _oblong(items):
    items[3]["original_height"] = 48


def _other_size(items):
    items[3]["original_height"] = items[3]["original_width"] = 32


def _text(items):
    items[3]["value"]["y"] = "12"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without, "1 of 120 landmarks are missing, first 'LL07'"),
        (_twice, "landmark 'RL08' occurs twice"),
        (_unknown, "labelled 'RL45'"),
        (_brush, "brushlabels"),
        (_turned, "rotated"),
        (_oblong, "64 x 48"),
        (_other_size, r"sides \[32, 64\]"),
        (_text, "landmark 'RL04' has y = '12'"),
    ],
)
def test_refused(spoil, message):
    items = regions()
    spoil(items)
    with pytest.raises(ImageError, match=message):
        corrected_landmarks(items, GRAPH)
