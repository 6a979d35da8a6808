import pytest
import torch

from cxrfactory.models.encoder import Encoder


@pytest.mark.parametrize("side", [32, 64, 96, 160])
def test_strips_change_no_bit(side):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    encoder = Encoder(side, 8).eval()
    for block in encoder.blocks:
        block.fold()
    encoder = encoder.to(memory_format=torch.channels_last)
    image = torch.rand(2, 1, side, side).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        whole = encoder(image)
        some = encoder(image, (3,))
        none = encoder(image, ())
    assert list(whole[0]) == [1, 2, 3, 4, 5, 6]
    assert list(some[0]) == [3]
    assert torch.equal(some[0][3], whole[0][3])
    assert torch.equal(some[1], whole[1])
    assert torch.equal(none[1], whole[1])
    assert torch.equal(none[2], whole[2])
