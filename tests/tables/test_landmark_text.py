import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.tables.landmark_text import NODE_COUNTS, landmark_text, parse_landmarks

POINTS = np.random.default_rng(1).integers(0, 3000, (120, 2))


def test_node_counts_are_those_of_the_graphs():
    assert (
        tuple(landmark_graph(name).nodes for name in ("lungs", "lungs-heart", "lungs-heart-clavicles")) == NODE_COUNTS
    )


@pytest.mark.parametrize(
    "text",
    [
        ",".join(map(str, POINTS.ravel())),
        ",".join(f"{value}.0" for value in POINTS.ravel()),
        ", ".join(map(str, POINTS.ravel())),
        json.dumps(POINTS.tolist()),
        json.dumps(POINTS.astype(float).tolist()),
        json.dumps(POINTS.ravel().tolist()),
        str(POINTS),
        str(POINTS.astype(float)),
        str(POINTS.ravel()),
        "\n" + str(POINTS) + "\n",
    ],
    ids=["csv", "csv floats", "csv spaced", "json", "json floats", "json flat", "printed", "printed floats",
         "printed flat", "printed padded"],
)  # fmt: skip
def test_every_notation_gives_the_same_points(text):
    parsed = parse_landmarks(text)
    assert parsed.dtype == np.float32
    assert np.array_equal(parsed, POINTS)


@pytest.mark.parametrize("nodes", NODE_COUNTS)
def test_other_graphs(nodes):
    points = np.arange(2 * nodes).reshape(-1, 2)
    assert np.array_equal(parse_landmarks(landmark_text(points)), points)


@given(st.lists(st.integers(-50, 10_000), min_size=240, max_size=240))
def test_text_round_trip(values):
    points = np.array(values).reshape(120, 2)
    assert landmark_text(points) == ",".join(str(value) for value in values)
    assert np.array_equal(parse_landmarks(landmark_text(points)), points)
    assert landmark_text(points.astype(np.float32)) == landmark_text(points)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (str(np.arange(2400).reshape(-1, 2)), r"'\.\.\.'"),
        ("1,2,3", "hold 3 numbers; expected 240"),
        (",".join(["7"] * 239) + ",", "number 240 is ''"),
        (",".join(["7"] * 239) + ",x", "number 240 is 'x'"),
        (",".join(["7"] * 239) + ",nan", "number 240 is nan; expected a finite number"),
        ("1 2 3 4", "number 1 is '1 2 3 4'"),
        ("[[1 2] [3 4]", "start with"),
        ("[[1 2 3] [4 5 6]]", "start with"),
        ("[[1, 2], [3, 4", "no JSON list"),
        ("[[1, 2], [3]]", "no JSON list"),
        ("[__import__('os').getcwd(), 1]", "no JSON list"),
        ("[[[1, 2]]]", "JSON list of shape"),
    ],
)
def test_bad_text_is_refused(text, message):
    with pytest.raises(CxrError, match=message):
        parse_landmarks(text)


def test_fractions_are_not_rounded_in_silence():
    points = POINTS.astype(float)
    points[3, 1] += 0.25
    with pytest.raises(CxrError, match="landmark 3 holds the coordinate"):
        landmark_text(points)
