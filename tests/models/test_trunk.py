import pytest
import torch

from cxrfactory.models.trunk import DIVISOR, LEVELS, Trunk


def trunk(width=4):
    torch.manual_seed(0)
    made = Trunk(2, width)
    for layer in made.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
            layer.weight.data.uniform_(0.5, 1.5)
    return made


@pytest.mark.parametrize("side", [DIVISOR, 96])
def test_maps_run_from_half_the_side_down_and_the_bottom_is_below_them(side):
    maps, bottom = trunk()(torch.rand(2, 2, side, side))
    assert [tuple(each.shape) for each in maps] == [
        (2, 4, side // 2, side // 2),
        (2, 8, side // 4, side // 4),
        (2, 16, side // 8, side // 8),
        (2, 32, side // 16, side // 16),
    ]
    assert bottom.shape == (2, 32, side // DIVISOR, side // DIVISOR)
    assert len(maps) == LEVELS - 1


def test_folding_changes_no_map():
    network = trunk().eval()
    image = torch.rand(1, 2, 64, 64)
    with torch.inference_mode():
        maps, bottom = network(image)
        network.fold()
        folded, folded_bottom = network(image)
    assert not [each for each in network.modules() if isinstance(each, torch.nn.BatchNorm2d)]
    for one, other in zip([*folded, folded_bottom], [*maps, bottom], strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    assert float(maps[0].abs().max()) > 0.1


def test_every_pixel_reaches_the_finest_map():
    network = trunk().eval()
    image = torch.rand(1, 2, 32, 32)
    with torch.inference_mode():
        before = network(image)[0][0]
        for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):  # the four pixels of one cell are four channels
            changed = image.clone()
            changed[0, :, 10 + row, 14 + column] += 1
            assert not torch.equal(network(changed)[0][0][..., 5, 7], before[..., 5, 7])


def test_the_first_and_the_last_block_stay_in_fp32():
    network = trunk().eval()
    network.fold()
    network.to_bf16()
    kinds = [{value.dtype for value in block.parameters()} for block in (*network.down, *network.up)]
    fine, coarse = {torch.float32}, {torch.bfloat16}
    assert kinds == [fine, coarse, coarse, coarse, coarse, fine, coarse, coarse, coarse]
    with torch.inference_mode():
        maps, _ = network(torch.rand(1, 2, 64, 64))
    assert maps[0].dtype == torch.float32


@pytest.mark.parametrize("side", [32, 96])
def test_packed_convolutions_differ_from_ordinary_ones_by_rounding_only(side):
    network = trunk(8).eval()
    network.fold()
    image = torch.rand(1, 2, side, side)
    with torch.inference_mode():
        maps, bottom = network(image)
        assert maps[0].is_contiguous(memory_format=torch.channels_last)
    ordinary, ordinary_bottom = network(image)  # gradients are wanted, so the convolutions are the ordinary ones
    assert ordinary[0].requires_grad
    for one, other in zip([*maps, bottom], [*ordinary, ordinary_bottom], strict=True):
        torch.testing.assert_close(one, other.detach(), atol=2e-5, rtol=1e-5)


def test_weights_that_change_their_type_are_packed_again():
    network = trunk().eval()
    network.fold()
    image = torch.rand(1, 2, 32, 32)
    with torch.inference_mode():
        fine = network(image)[0]
        network.to_bf16()
        coarse = network(image)[0]
    assert coarse[1].dtype == torch.bfloat16
    torch.testing.assert_close(coarse[0], fine[0], atol=0.1, rtol=0.05)
    assert not torch.equal(coarse[0], fine[0])
