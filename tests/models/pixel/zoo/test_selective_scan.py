import torch

from cxrfactory.models.pixel.zoo.selective_scan import SelectiveScan, scan


def by_steps(a, b):
    state, states = torch.zeros_like(a[..., 0]), []
    for step in range(a.shape[-1]):
        state = a[..., step] * state + b[..., step]
        states.append(state)
    return torch.stack(states, -1)


def test_scan_is_the_recurrence():
    generator = torch.Generator().manual_seed(0)
    for length in (1, 2, 3, 9, 10, 50):
        a, b = (torch.rand(2, 3, length, generator=generator, dtype=torch.float64) for _ in range(2))
        torch.testing.assert_close(scan(a, b), by_steps(a, b), atol=1e-14, rtol=1e-14)


def test_scan_has_the_gradient_of_the_recurrence():
    a, b = (torch.rand(2, 7, dtype=torch.float64, requires_grad=True) for _ in range(2))
    expected = torch.autograd.grad(by_steps(a, b).square().sum(), (a, b))
    for found, wanted in zip(torch.autograd.grad(scan(a, b).square().sum(), (a, b)), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_the_layer_is_causal_and_forgets_at_its_own_rate():
    torch.manual_seed(0)
    layer = SelectiveScan(4, states=2)
    x = torch.rand(1, 4, 12)
    changed = x.clone()
    changed[..., 7] += 1
    before, after = layer(x), layer(changed)
    torch.testing.assert_close(before[..., :7], after[..., :7])
    assert ((before - after).abs().amax(1)[0, 7:] > 0).all()  # the past reaches every later step
