import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.rca.spoil import BEND, KINDS, SHIFT, spoil
from tests.rca.chests import SIZE, landmarks_of

GRAPH = landmark_graph("lungs-heart")
POINTS = landmarks_of()
OTHER = landmarks_of(shift=(9, -6), scale=0.8)


def spoiled(kind, severity, image_id="a"):
    return spoil(POINTS, GRAPH, kind, severity, image_id, SIZE, OTHER)


@pytest.mark.parametrize("kind", KINDS)
def test_severity_zero_changes_nothing_and_more_changes_more(kind):
    np.testing.assert_array_equal(spoiled(kind, 0.0), POINTS)
    errors = [np.abs(spoiled(kind, severity) - POINTS).mean() for severity in (0.25, 0.5, 1.0)]
    assert 0 < errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_image_is_spoiled_alike_and_the_input_is_left_alone(kind):
    before = POINTS.copy()
    np.testing.assert_array_equal(spoiled(kind, 0.7), spoiled(kind, 0.7))
    np.testing.assert_array_equal(POINTS, before)


def test_shift_moves_everything_by_its_share_of_the_side():
    moved = spoiled("shift", 0.5) - POINTS
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape))
    assert np.linalg.norm(moved[0]) == pytest.approx(0.5 * SHIFT * SIZE)


def test_scale_keeps_centre_and_shape():
    grown = spoiled("scale", 1.0)
    np.testing.assert_allclose(grown.mean(axis=0), POINTS.mean(axis=0))
    ratio = (grown - grown.mean(axis=0)) / (POINTS - POINTS.mean(axis=0))
    np.testing.assert_allclose(ratio, ratio[0, 0])


def test_collapse_touches_one_organ_only():
    changed = {
        organ for organ, where in GRAPH.slices.items() if not np.allclose(spoiled("collapse", 1)[where], POINTS[where])
    }
    assert len(changed) == 1
    hit = {
        organ
        for number in range(30)
        for organ, where in GRAPH.slices.items()
        if not np.allclose(spoiled("collapse", 1, str(number))[where], POINTS[where])
    }
    assert hit == set(GRAPH.organs)


def test_deformation_has_the_stated_size_on_average():
    moved = np.concatenate([spoiled("deform", 1.0, str(number)) - POINTS for number in range(60)])
    assert np.sqrt((moved**2).mean()) == pytest.approx(BEND * SIZE, rel=0.1)


def test_swap_at_one_is_the_other_patient():
    np.testing.assert_allclose(spoiled("swap", 1.0), OTHER)


@pytest.mark.parametrize(
    ("kind", "severity", "points", "said"),
    [
        ("melt", 0.5, POINTS, "unknown way to spoil 'melt'"),
        ("shift", 1.5, POINTS, "severity 1.5"),
        ("shift", 0.5, POINTS[:7], "landmarks of shape"),
        ("swap", 0.5, POINTS, "another patient"),
    ],
)
def test_bad_arguments_are_refused(kind, severity, points, said):
    with pytest.raises(CxrError, match=said):
        spoil(points, GRAPH, kind, severity, "a", SIZE)
