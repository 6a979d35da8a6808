import math

import pytest
import torch

from cxrfactory.models.encoder import Encoder
from cxrfactory.train.segmenter.dense import DenseHeads


@pytest.fixture
def heads():
    made = DenseHeads(Encoder(64, 4, (2, 2, 2, 2, 2, 2)), (5, 4), 3)
    for head in made.heads:
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    return made


def maps():
    return {4: torch.randn(2, 2, 8, 8), 5: torch.randn(2, 2, 4, 4)}


def test_a_head_that_knows_nothing_pays_one_bit_a_block(heads):
    masks = (torch.rand(2, 3, 64, 64) < 0.3).float()
    loss = heads(maps(), masks, torch.ones(2, 3, dtype=torch.bool))
    assert float(loss.detach()) == pytest.approx(2 * math.log(2))


def test_cells_are_compared_with_the_share_of_the_mask(heads):
    # A head that answers 1/4 everywhere, and a mask that covers a quarter of every cell: the entropy of 1/4.
    for head in heads.heads:
        torch.nn.init.constant_(head.bias, math.log(1 / 3))
    masks = torch.zeros(2, 3, 64, 64)
    masks[..., ::2, ::2] = 1
    expected = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    loss = heads(maps(), masks, torch.ones(2, 3, dtype=torch.bool))
    assert float(loss.detach()) == pytest.approx(2 * expected, rel=1e-5)


def test_organs_without_annotation_take_no_loss(heads):
    for head in heads.heads:
        torch.nn.init.normal_(head.weight)
    known = torch.tensor([[True, True, False], [True, False, False]])
    read, masks = maps(), (torch.rand(2, 3, 64, 64) < 0.3).float()
    other = masks.clone()
    other[0, 2], other[1, 1:] = 1 - masks[0, 2], 1 - masks[1, 1:]
    assert heads(read, masks, known).item() == heads(read, other, known).item()
    other[1, 0] = 1 - masks[1, 0]
    assert heads(read, masks, known).item() != heads(read, other, known).item()


def test_cells_count_as_much_as_is_known_of_them_and_nothing_known_costs_nothing(heads):
    for head in heads.heads:
        torch.nn.init.normal_(head.weight)
    read, masks = maps(), (torch.rand(2, 3, 64, 64) < 0.3).float()
    known, valid = torch.ones(2, 3, dtype=torch.bool), torch.ones(2, 3, 64, 64, dtype=torch.bool)
    assert heads(read, masks, known, valid).item() == pytest.approx(heads(read, masks, known).item(), rel=1e-6)
    valid[:, 0, :32] = False
    other = masks.clone()
    other[:, 0, :32] = 0  # as the annotations give it
    half = heads(read, other, known, valid).item()
    other[:, 0, 32:] = 1 - masks[:, 0, 32:]
    assert heads(read, other, known, valid).item() != half
    assert heads(read, masks, torch.zeros_like(known)).item() == 0
