import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.metrics.overlap import dice
from cxrfactory.registration.outlines import fit_to_outlines, outer_nodes

SIDE = 512
GRAPH = landmark_graph("lungs-heart")


def ring(count, centre, radii, start=0.0):
    angle = start + np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)], axis=1)


def chest(shift=(0, 0), scale=1.0):
    points = np.concatenate(
        [ring(44, (150, 220), (70, 130)), ring(50, (360, 220), (70, 130)), ring(26, (270, 310), (70, 55))]
    )
    return (points - 256) * scale + 256 + np.array(shift)


def test_outer_nodes_are_lateral_or_at_the_apex():
    shape = (chest() + 0.5) / SIDE
    outer = outer_nodes(shape, GRAPH)
    assert not outer[GRAPH.slices["heart"]].any()
    right = shape[:44]
    assert outer[:44][right[:, 0] < 0.25].all()
    low_and_medial = (right[:, 0] > 0.33) & (right[:, 1] > 0.5)
    assert not outer[:44][low_and_medial].any()


@pytest.mark.parametrize(("shift", "scale"), [((14, -9), 1.0), ((0, 0), 1.08), ((-10, 12), 0.94)])
def test_a_moved_shape_is_brought_back(shift, scale):
    truth = chest(shift, scale)
    masks = landmarks_to_masks(truth, GRAPH, SIDE, SIDE)
    lungs = {organ: masks[organ] for organ in ("right_lung", "left_lung")}
    outer = outer_nodes((chest() + 0.5) / SIDE, GRAPH)
    found, gap = fit_to_outlines(chest(), lungs, outer, GRAPH)
    assert gap < 2.5
    filled = landmarks_to_masks(found, GRAPH, SIDE, SIDE)
    for organ in lungs:
        assert dice(filled[organ], lungs[organ]) > 0.975
    before = landmarks_to_masks(chest(), GRAPH, SIDE, SIDE)["heart"]
    assert dice(filled["heart"], masks["heart"]) > dice(before, masks["heart"])  # the heart moves along


def test_lungs_that_reach_behind_the_heart_do_not_pull_the_medial_border():
    truth = chest()
    masks = landmarks_to_masks(truth, GRAPH, SIDE, SIDE)
    lungs = {organ: masks[organ].copy() for organ in ("right_lung", "left_lung")}
    lungs["right_lung"][250:340, 180:250] = 1
    outer = outer_nodes((truth + 0.5) / SIDE, GRAPH)
    found, _ = fit_to_outlines(truth, lungs, outer, GRAPH)
    inner = ~outer[:44] & (truth[:44, 1] > 260)
    assert np.abs(found[:44][inner] - truth[:44][inner]).max() < 4
