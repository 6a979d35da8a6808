import math

import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.losses import PIXEL_LOSSES, dice_cross_entropy, pixel_loss, tanimoto_loss
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


@pytest.mark.parametrize("name", PIXEL_LOSSES)
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
