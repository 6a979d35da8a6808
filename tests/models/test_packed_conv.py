import pytest
import torch
from torch.nn import functional

from cxrfactory.models.packed_conv import (
    PackedWeights,
    add_convolved,
    convolved,
    interleaved,
    is_packable,
    of_enlarged,
)


def last(*shape, seed=0):
    """Random maps with channels last."""
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return made.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (8, 5)])
def test_four_small_kernels_do_what_one_does_on_the_enlarged_map(height, width):
    x, weight = last(1, 3, height, width), torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    parts = functional.conv2d(functional.pad(x, (1, 1, 1, 1)), of_enlarged(weight))
    enlarged = functional.interpolate(x, scale_factor=2.0, mode="nearest")
    expected = functional.conv2d(enlarged, weight, padding=1)
    torch.testing.assert_close(interleaved(parts), expected, atol=1e-5, rtol=1e-5)


def test_parts_are_interleaved_by_row_and_column():
    parts = torch.zeros(1, 4, 3, 3)
    for place in range(4):  # one channel; each part is read where its parity lies
        parts[0, place] = 10 * place + torch.arange(9).reshape(3, 3)
    expected = [[0, 11, 1, 12], [23, 34, 24, 35], [3, 14, 4, 15], [26, 37, 27, 38]]
    assert interleaved(parts)[0, 0].tolist() == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packed_convolutions_equal_ordinary_ones(dtype):
    x, onto = last(1, 8, 12, 12).to(dtype), last(1, 16, 12, 12, seed=2).to(dtype)
    weight, bias = last(16, 8, 3, 3, seed=1).to(dtype), torch.randn(16).to(dtype)
    packed = PackedWeights(lambda: weight)
    with torch.inference_mode():
        if not is_packable(x):
            pytest.skip(f"no packed convolutions of {dtype} on this machine")
        plain = functional.conv2d(x.float(), weight.float(), bias.float(), padding=1)
        slack = 1e-4 if dtype == torch.float32 else 0.05 * float(plain.abs().max())
        assert float((convolved(x, packed, bias, "none").float() - plain).abs().max()) < slack
        assert float((convolved(x, packed, bias).float() - plain.relu()).abs().max()) < slack
        added = (plain + onto.float()).relu()
        assert float((add_convolved(onto.clone(), x, packed, bias).float() - added).abs().max()) < slack


def test_gradients_and_other_numbers_need_ordinary_convolutions():
    assert not is_packable(last(1, 8, 4, 4))
    with torch.inference_mode():
        assert not is_packable(last(1, 8, 4, 4).double())
