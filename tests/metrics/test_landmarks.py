import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.metrics.landmarks import landmark_distances, landmark_mse


def test_mean_runs_over_nodes_and_coordinates():
    a = np.array([[0.0, 0.0], [10.0, 10.0]])
    b = np.array([[3.0, 4.0], [10.0, 10.0]])
    assert landmark_mse(a, b) == 25 / 4
    np.testing.assert_array_equal(landmark_distances(a, b), [5, 0])


def test_other_frames_are_scaled_to_1024():
    a, b = np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32)
    assert landmark_mse(a, b, size=256) == 16
    np.testing.assert_allclose(landmark_distances(a, b, size=512), np.sqrt(8))


@pytest.mark.parametrize(
    ("a", "b", "size", "said"),
    [
        (np.zeros((3, 2)), np.zeros((4, 2)), 1024, "shapes"),
        (np.zeros((0, 2)), np.zeros((0, 2)), 1024, "shapes"),
        (np.zeros((3, 2)), np.full((3, 2), np.nan), 1024, "finite"),
        (np.zeros((3, 2)), np.zeros((3, 2)), 0, "size"),
    ],
)
def test_bad_landmarks_are_refused(a, b, size, said):
    with pytest.raises(CxrError, match=said):
        landmark_mse(a, b, size)
