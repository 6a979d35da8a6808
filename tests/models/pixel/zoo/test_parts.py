"""Single layers of the zoo against what their papers say of them."""

import pytest
import torch

from cxrfactory.models.pixel.zoo.pointrend import PointHead, PointRend
from cxrfactory.models.pixel.zoo.s_sam import SingularLinear
from cxrfactory.models.pixel.zoo.unext import shifted


def test_shift_moves_five_groups_by_minus_two_to_two():
    x = torch.zeros(1, 5, 5, 5)
    x[:, :, 2, 2] = 1
    along_rows = shifted(x, axis=3)
    assert [row.nonzero().tolist() for row in along_rows[0]] == [[[2, c]] for c in (4, 3, 2, 1, 0)]
    along_columns = shifted(x, axis=2)
    assert [row.nonzero().tolist() for row in along_columns[0]] == [[[r, 2]] for r in (4, 3, 2, 1, 0)]


def test_scaling_a_singular_value_scales_that_direction_only():
    layer = torch.nn.Linear(4, 6)
    adapted, x = SingularLinear(layer), torch.rand(3, 4)
    torch.testing.assert_close(adapted(x), layer(x))
    left, values, right = torch.linalg.svd(layer.weight, full_matrices=False)
    with torch.no_grad():
        adapted.scale[1] = 3
        adapted.shift[2] = -100  # below 0 is cut off
    wanted = left @ torch.diag(values * torch.tensor([1.0, 3.0, 0.0, 1.0])) @ right
    torch.testing.assert_close(adapted(x), x @ wanted.T + layer.bias, atol=1e-5, rtol=1e-5)
    assert [name for name, value in adapted.named_parameters() if value.requires_grad] == ["scale", "shift"]


class _Seven(PointHead):
    def forward(self, fine, coarse):
        return torch.full_like(coarse, 7)


def test_pointrend_predicts_the_least_certain_points_again():
    network = PointRend.__new__(PointRend)
    torch.nn.Module.__init__(network)
    network.points = _Seven(2, 1, 4)
    logits = torch.full((1, 1, 8, 8), 5.0)
    logits[0, 0, 1, 3] = logits[0, 0, 6, 2] = 0.1
    logits[0, 0, 7, 7] = logits[0, 0, 0, 5] = -0.2
    refined = network.refined(logits, torch.rand(1, 2, 4, 4), torch.rand(1, 1, 4, 4))
    changed = (refined != logits).nonzero()[:, 2:].tolist()
    assert changed == [[0, 5], [1, 3], [6, 2], [7, 7]]  # 64 / 16 points
    assert refined[0, 0, 1, 3] == pytest.approx(7)


def test_pointrend_reads_the_features_at_the_points():
    network = PointRend.__new__(PointRend)
    torch.nn.Module.__init__(network)
    seen = {}

    class Keep(PointHead):
        def forward(self, fine, coarse):
            seen["fine"] = fine
            return coarse

    network.points = Keep(2, 1, 4)
    logits = torch.full((1, 1, 4, 4), 5.0)
    logits[0, 0, 3, 1] = 0
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    network.refined(logits, torch.stack([rows, columns])[None], torch.zeros(1, 1, 4, 4))
    torch.testing.assert_close(seen["fine"], torch.tensor([[[3.0, 1.0]]]))
