import numpy as np
import torch
from scipy.interpolate import BSpline

from cxrfactory.models.pixel.zoo.u_kan import INTERVALS, ORDER, KanLinear


def test_the_basis_is_scipys():
    layer = KanLinear(1, 1).double()
    x = torch.linspace(-0.999, 0.999, 41, dtype=torch.float64)
    knots = np.arange(-ORDER, INTERVALS + ORDER + 1) * (2 / INTERVALS) - 1
    found = layer.splines(x[:, None])[:, 0].numpy()
    for index in range(INTERVALS + ORDER):
        expected = BSpline(knots, np.eye(INTERVALS + ORDER)[index], ORDER)(x.numpy())
        np.testing.assert_allclose(found[:, index], expected, atol=1e-6)  # the layer's knots are float32
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_a_layer_learns_a_curve_that_no_linear_layer_can():
    torch.manual_seed(0)
    layer, x = KanLinear(1, 1), torch.linspace(-0.9, 0.9, 64)[:, None]
    y = torch.sin(3 * x) * x
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        loss = (layer(x) - y).square().mean()
        loss.backward()
        optimiser.step()
    assert loss < 1e-3 < (y - y.mean()).square().mean()
