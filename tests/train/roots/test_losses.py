import math

import pytest
import torch

from cxrfactory.train.roots.losses import root_loss

LOGITS = torch.tensor([[[[0.0, math.log(3)]]], [[[-math.log(3), 0.0]]]])
TARGET = torch.tensor([[[[0.0, 1.0]]], [[[0.0, 1.0]]]])


def test_values() -> None:
    entropy = -(math.log(0.5) + math.log(0.75) + math.log(0.75) + math.log(0.5)) / 4
    dice = 1 - (2 * (0.75 + 0.5) + 1) / (0.5 + 0.75 + 0.25 + 0.5 + 2 + 1)
    assert float(root_loss(LOGITS, TARGET, "cross-entropy")) == pytest.approx(entropy)
    assert float(root_loss(LOGITS, TARGET, "dice")) == pytest.approx(dice)
    assert float(root_loss(LOGITS, TARGET, "both")) == pytest.approx(entropy + dice)
    assert float(root_loss([LOGITS, LOGITS], TARGET, "both")) == pytest.approx(2 * (entropy + dice))


def test_empty_patches_that_are_found_empty_cost_nothing() -> None:
    assert float(root_loss(torch.full((1, 1, 4, 4), -50.0), torch.zeros(1, 1, 4, 4), "both")) < 1e-6
