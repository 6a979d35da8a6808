import math

import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.losses import (
    PIXEL_LOSSES,
    batch_dice_cross_entropy,
    dice_cross_entropy,
    pixel_loss,
    tanimoto_loss,
)
from cxrfactory.models.tanimoto import contour_weights, tanimoto


def masks(*shape, seed=0):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) > 0.5).float()


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_organs_without_annotation_take_no_loss_and_no_gradient(name):
    logits = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    target = masks(2, 3, 16, 16)
    annotated = torch.tensor([[True, True, True], [True, True, False]])
    loss = pixel_loss(name)(logits, target, annotated)
    loss.backward()
    assert logits.grad[annotated].abs().amax(dim=(1, 2)).min() > 0
    assert logits.grad[~annotated].abs().max() == 0
    target[1, 2] = math.nan  # what stands there is never read
    assert torch.equal(pixel_loss(name)(logits, target, annotated), loss)


@pytest.mark.parametrize("name", ["dice-cross-entropy", "tanimoto"])
def test_loss_of_a_batch_is_the_mean_over_its_images(name):
    logits, target = torch.randn(3, 2, 16, 16, generator=torch.Generator().manual_seed(1)), masks(3, 2, 16, 16)
    one = torch.ones(1, 2, dtype=torch.bool)
    alone = [pixel_loss(name)(logits[i : i + 1], target[i : i + 1], one) for i in range(3)]
    together = pixel_loss(name)(logits, target, one.expand(3, 2))
    torch.testing.assert_close(together, torch.stack(alone).mean())


def test_dice_and_cross_entropy_are_exact():
    logits = torch.zeros(1, 1, 2, 2)  # 1/2 everywhere
    target = torch.tensor([[[[1.0, 0], [0, 0]]]])
    dice = 1 - (2 * 0.5 + 1e-5) / (2 + 1 + 1e-5)
    loss = dice_cross_entropy(logits, target, torch.ones(1, 1, dtype=torch.bool))
    assert math.isclose(float(loss), dice + math.log(2), rel_tol=1e-6)


def test_tanimoto_loss_is_built_of_its_parts():
    logits, target = torch.randn(1, 2, 40, 40), masks(1, 2, 40, 40)
    target[0, 0, :, :20] = 1
    expected = 1 - tanimoto(torch.sigmoid(logits), target, contour_weights(target)).mean()
    torch.testing.assert_close(tanimoto_loss(logits, target, torch.ones(1, 2, dtype=torch.bool)), expected)


def test_faults_are_named():
    logits = torch.zeros(2, 3, 8, 8)
    with pytest.raises(CxrError, match="no image of the batch has an annotated organ"):
        dice_cross_entropy(logits, logits, torch.zeros(2, 3, dtype=torch.bool))
    with pytest.raises(CxrError, match=r"annotated \[2, 2\]; expected"):
        dice_cross_entropy(logits, logits, torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(CxrError, match="unknown loss 'mse'; expected one of dice-cross-entropy, tanimoto"):
        pixel_loss("mse")


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_pixels_that_do_not_count_are_never_read(name):
    logits = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    target, annotated = masks(2, 1, 16, 16), torch.ones(2, 1, dtype=torch.bool)
    valid = torch.ones(2, 1, 16, 16, dtype=torch.bool)
    everything = pixel_loss(name)(logits, target, annotated, valid)
    torch.testing.assert_close(everything, pixel_loss(name)(logits, target, annotated))
    valid[:, :, :, 12:] = False
    loss = pixel_loss(name)(logits, target, annotated, valid)
    loss.backward()
    assert logits.grad[..., 12:].abs().max() == 0
    assert logits.grad[..., :12].abs().max() > 0
    other = logits.detach().clone()
    other[..., 12:] = 5
    changed = torch.where(valid, target, 1 - target)
    assert torch.equal(pixel_loss(name)(other, changed, annotated, valid), loss)


def test_dice_of_the_pixels_that_count_is_exact():
    logits, target = torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, 1], [0, 0]]]])
    valid = torch.tensor([[[[True, False], [True, True]]]])
    dice = 1 - (2 * 0.5 + 1e-5) / (1.5 + 1 + 1e-5)
    loss = dice_cross_entropy(logits, target, torch.ones(1, 1, dtype=torch.bool), valid)
    assert math.isclose(float(loss), dice + 0.75 * math.log(2), rel_tol=1e-5)


def planes_of(found):
    """Bit planes of masks, in plain loops."""
    planes = torch.zeros(len(found), -(-found.shape[1] // 8), *found.shape[2:], dtype=torch.uint8)
    for organ in range(found.shape[1]):
        planes[:, organ // 8] += found[:, organ].to(torch.uint8) * 2 ** (organ % 8)
    return planes


def plainly(logits, target, annotated, valid):
    """The loss of an organ over the batch, without chunks and with PyTorch's own gradient."""
    counts = annotated[:, :, None, None] * valid.float()
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    chance = torch.sigmoid(logits)
    both = (chance * target * counts).sum((0, 2, 3))
    sizes = ((chance + target) * counts).sum((0, 2, 3))
    shown = (target * counts).sum((0, 2, 3)) > 0
    dice = 1 - (2 * both + 1) / (sizes + 1)
    return (entropy * counts).sum() / (annotated.sum() * target[0, 0].numel()) + dice[shown].mean()


@pytest.mark.parametrize("packed", [False, True])
def test_batch_dice_and_its_gradient_equal_a_plain_computation(packed):
    stream = torch.Generator().manual_seed(3)
    logits = torch.randn(3, 11, 9, 7, generator=stream, requires_grad=True)
    annotated = torch.rand(3, 11, generator=stream) > 0.2
    target = masks(3, 11, 9, 7, seed=4) * annotated[:, :, None, None]
    target[:, 3] = 0  # an organ that no image of the batch shows
    valid = torch.rand(3, 11, 9, 7, generator=stream) > 0.1
    expected = plainly(logits, target, annotated, valid)
    wanted = torch.autograd.grad(expected, logits)[0]
    given = (planes_of(target > 0), annotated, planes_of(~valid)) if packed else (target, annotated, valid)
    loss = batch_dice_cross_entropy(logits, *given)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(loss, logits)[0], wanted)


def test_batch_dice_weighs_a_small_organ_as_much_as_a_large_one():
    target = torch.zeros(1, 2, 8, 8)
    target[0, 0, :6], target[0, 1, 0, 0] = 1, 1
    logits = torch.where(target > 0, 30.0, -30.0)
    perfect = float(batch_dice_cross_entropy(logits, target, torch.ones(1, 2, dtype=torch.bool)))
    assert perfect < 1e-6
    for missed in (0, 1):
        without = logits.clone()
        without[0, missed] = -30
        dice = float(batch_dice_cross_entropy(without, target, torch.ones(1, 2, dtype=torch.bool)))
        pixels = float(target[0, missed].sum())
        assert math.isclose(dice, (1 - 1 / (pixels + 1)) / 2 + 30 * pixels / 128, rel_tol=1e-5)
