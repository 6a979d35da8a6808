import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.metrics.uncertainty import organ_spread


def test_spread_by_hand():
    graph = landmark_graph("lungs-heart")
    std = np.zeros((120, 2), np.float32)
    std[graph.slices["right_lung"]] = (3, 4)  # 5 px on 44 of 94 nodes
    std[graph.slices["heart"]] = (0, 2)
    found = organ_spread(std, graph, 100)
    lungs = 0.05 * 44 / 94
    assert found == pytest.approx({"lungs": lungs, "heart": 0.02, "both": (lungs + 0.02) / 2})


def test_without_a_heart_both_is_the_lungs():
    graph = landmark_graph("lungs")
    found = organ_spread(np.full((94, 2), 3.0), graph, 10)
    assert found == pytest.approx({"lungs": np.sqrt(18) / 10, "both": np.sqrt(18) / 10})
    with pytest.raises(CxrError, match=r"shape \(120, 2\).*\(94, 2\)"):
        organ_spread(np.zeros((120, 2)), graph, 10)
