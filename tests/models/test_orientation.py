"""The small networks of orientation and sides: their versions compete, and other weights are refused."""

import numpy as np
import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models.orientation import OrientationCheck, OrientationNet, SideCheck, SideNet


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(0, 256, (300, 300), dtype=np.uint8)


def test_a_turned_picture_gets_the_same_odds_in_another_order(picture):
    check = OrientationCheck()
    upright = check(picture)
    assert upright.sum() == pytest.approx(1)
    turned = check(np.ascontiguousarray(np.rot90(picture)))
    np.testing.assert_allclose(turned, np.roll(upright, -1), atol=1e-3)


def test_a_mirrored_picture_gets_the_opposite_probability(picture):
    check = SideCheck()
    mirrored = check(np.ascontiguousarray(picture[:, ::-1]))
    assert mirrored == pytest.approx(1 - check(picture), abs=1e-3)
    both = np.concatenate([picture[:, :150], picture[:, :150][:, ::-1]], 1)
    assert check(both) == pytest.approx(0.5, abs=1e-3)


def test_the_versions_are_scored_by_the_same_layers():
    torch.manual_seed(0)
    network, images = SideNet(), torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        ranks = network.normaliser(images) - 0.5
        logits = network(images)
        np.testing.assert_allclose(logits[:, 0], network.score(ranks), atol=1e-6)
        np.testing.assert_allclose(logits[:, 1], network.score(torch.flip(ranks, (3,))), atol=1e-6)
        assert logits.shape == (2, 2)
        assert OrientationNet()(images).shape == (2, 4)


def test_weights_of_the_other_network_are_refused():
    with pytest.raises(CxrError, match="weights of 'orientation'; expected those of 'sides'"):
        SideCheck("pretrained-orientation")
    with pytest.raises(CxrError, match="weights of 'sides'; expected those of 'orientation'"):
        OrientationCheck("pretrained-sides")
