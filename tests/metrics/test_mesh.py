import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.metrics.mesh import errors_by_part, mesh_errors


def test_errors_of_a_known_shift():
    truth = np.random.default_rng(0).normal(size=(10, 3))
    errors = mesh_errors(truth + np.array([3.0, 0.0, -4.0]), truth)
    assert errors.distance_mm == pytest.approx(5)
    assert errors.mae_mm == pytest.approx(7 / 3)
    assert errors.mse_mm2 == pytest.approx(25 / 3)
    assert errors.rmse_mm == pytest.approx((25 / 3) ** 0.5)


def test_parts_are_compared_alone():
    truth = np.zeros((4, 3))
    found = truth.copy()
    found[2:] += 1
    errors = errors_by_part(found, truth, {"lv": np.array([0, 1]), "rv": np.array([2, 3])})
    assert [errors[name].mae_mm for name in ("all", "lv", "rv")] == [0.5, 0, 1]


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (np.zeros((3, 3)), "expected two equal shapes"),
        (np.zeros((2, 2)), "expected two equal shapes"),
        (np.full((2, 3), np.nan), "not finite"),
    ],
)
def test_other_meshes_are_refused(found, fault):
    with pytest.raises(CxrError, match=fault):
        mesh_errors(found, np.zeros((2, 3)))
