import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.metrics.flags import (
    AT_BORDER,
    CRUSHED,
    FLAGS,
    LOW_RCA,
    MIRROR,
    MIRRORED,
    NOT_FRONTAL,
    SHAPE,
    SMALL,
    content_box,
    contour_area,
    crossings,
    parts_of,
    picture_flags,
    score_flags,
    shape_flags,
    side_flags,
)
from tests.rca.chests import landmarks_of

SIZE = 256
WHOLE = Geometry.whole(SIZE, SIZE, SIZE)
GRAPH = landmark_graph("lungs-heart")
SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)


def film():
    return np.random.default_rng(0).integers(1, 250, (SIZE, SIZE), dtype=np.uint8)


def test_flags_are_sentences():
    assert all(sentence.strip() and "\n" not in sentence for sentence in FLAGS.values())


def test_a_plausible_chest_has_no_flag():
    assert shape_flags(landmarks_of(size=SIZE), GRAPH, WHOLE) == []
    assert picture_flags(film(), WHOLE) == []


@pytest.mark.parametrize(
    ("points", "flag"),
    [
        (landmarks_of(size=SIZE) + np.array([50, 0]), AT_BORDER),
        (landmarks_of(size=SIZE) - [0, 40], AT_BORDER),
        (landmarks_of(size=SIZE, scale=0.4), SMALL),
        (landmarks_of(size=SIZE) * [-1, 1] + np.array([SIZE - 1, 0]), SHAPE),  # the sides are exchanged
        (np.roll(landmarks_of(size=SIZE)[:, ::-1], 0), SHAPE),  # the lungs lie on top of each other
    ],
)
def test_contours_that_a_person_should_see(points, flag):
    assert flag in shape_flags(points, GRAPH, WHOLE)


@pytest.mark.parametrize("organ", ["right_lung", "left_lung", "heart"])
def test_one_organ_that_collapsed_is_implausible(organ):
    points = landmarks_of(size=SIZE)
    where = GRAPH.slices[organ]
    points[where] = points[where].mean(axis=0) + 0.2 * (points[where] - points[where].mean(axis=0))
    assert SHAPE in shape_flags(points, GRAPH, WHOLE)


def test_a_tangled_contour_is_implausible():
    points = landmarks_of(size=SIZE)
    points[:44] = points[:44][np.random.default_rng(0).permutation(44)]
    assert SHAPE in shape_flags(points, GRAPH, WHOLE)


def test_lungs_without_a_heart_are_judged_too():
    graph = landmark_graph("whole-lungs")
    assert shape_flags(landmarks_of(size=SIZE)[:94], graph, WHOLE) == []
    assert SMALL in shape_flags(landmarks_of(size=SIZE, scale=0.4)[:94], graph, WHOLE)


@pytest.mark.parametrize(
    "crush",
    [
        lambda image: np.where(image > 150, 255, image),
        lambda image: np.where(image < 150, 0, image),
        lambda image: image // 32 * 32,
        lambda image: np.zeros_like(image),
    ],
    ids=["white", "black", "few levels", "blank"],
)
def test_a_window_that_crushes_the_picture_is_flagged(crush):
    assert picture_flags(crush(film()).astype(np.uint8), WHOLE) == [CRUSHED]


def test_black_lungs_are_flagged_and_black_padding_is_not():
    image, lungs = film(), np.zeros((SIZE, SIZE), np.uint8)
    lungs[100:150, 50:100] = 1
    image[lungs > 0] = 0
    assert picture_flags(image, WHOLE, lungs) == [CRUSHED]
    oblong = Geometry.whole(100, 200, SIZE)
    padded = film()
    padded[:64] = padded[192:] = 0
    assert picture_flags(padded, oblong) == []


def test_scores_that_are_low_are_flagged():
    assert score_flags(0.5, 0.4) == [NOT_FRONTAL, LOW_RCA]
    assert score_flags(1.0, 0.9) == []
    assert score_flags(1.0, None) == []


def test_only_a_picture_that_is_probably_mirrored_is_flagged():
    assert side_flags(MIRROR) == []
    assert side_flags(np.nextafter(MIRROR, 1)) == [MIRRORED]


def test_padding_is_no_content():
    rows, columns = content_box(Geometry.whole(100, 200, SIZE))
    assert (rows, columns) == (slice(64, 192), slice(0, 256))


def test_parts_have_the_aspect_of_a_film():
    wide = [part.shape for part in parts_of(film(), Geometry.whole(100, 200, SIZE))]
    assert (128, 128) in wide
    assert all(0.55 <= columns / rows <= 1.8 for rows, columns in wide)
    assert [part.shape for part in parts_of(film(), WHOLE)] == [(128, 128)] * 4


def test_area_and_crossings_of_contours():
    assert contour_area(SQUARE) == 100
    assert crossings(SQUARE) == 0
    assert crossings(SQUARE[[0, 2, 1, 3]]) == 1
