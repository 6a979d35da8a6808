import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models import build_model
from cxrfactory.models.pixel.sa_unet import DropBlock, SpatialAttention


def test_drop_block_sets_whole_blocks_to_zero_and_keeps_the_mean():
    torch.manual_seed(0)
    layer = DropBlock(0.1, 5).train()
    x = torch.ones(8, 16, 32, 32)
    out = layer(x)
    zero = out == 0
    assert 0.06 < zero.float().mean() < 0.12
    torch.testing.assert_close(out.mean(dim=(1, 2, 3)), torch.ones(8))
    # Every dropped pixel belongs to a dropped 5 x 5 block: eroding and dilating the zeros changes nothing.
    eroded = 1 - torch.nn.functional.max_pool2d(1 - zero.float(), 5, stride=1)
    opened = torch.nn.functional.max_pool2d(torch.nn.functional.pad(eroded, (4,) * 4), 5, stride=1)
    assert torch.equal(opened, zero.float())
    assert not torch.equal(zero[0, 0], zero[0, 1])  # each channel on its own


def test_drop_block_is_nothing_at_inference_and_fits_small_maps():
    x = torch.rand(2, 3, 4, 6)
    assert DropBlock(0.5, 7).eval()(x) is x
    assert DropBlock(0.0, 7).train()(x) is x
    assert DropBlock(0.5, 7).train()(x).shape == x.shape


def test_attention_is_exact_for_a_known_kernel():
    layer = SpatialAttention()
    torch.nn.init.zeros_(layer.conv.weight)
    x = torch.randn(2, 4, 9, 9)
    torch.testing.assert_close(layer(x), x / 2)
    layer.conv.weight.data[0, 1, 3, 3] = 1  # the maximum at the pixel itself
    torch.testing.assert_close(layer(x), x * torch.sigmoid(x.amax(1, keepdim=True)))


def test_even_blocks_are_refused():
    with pytest.raises(CxrError, match="drop_block is 6; expected an odd number"):
        build_model("sa-unet", {"drop_block": 6})


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    network = build_model("sa-unet", {"width": 4, "drop_chance": 0.3})
    image = torch.rand(1, 1, 64, 64)
    assert not torch.equal(network.train()(image), network(image))
    assert torch.equal(network.eval()(image), network(image))
