import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.registration import Alignment
from cxrfactory.train.registration.losses import Smoothness, facts_of, filled, folded, soft_dice, warped
from tests.rca.chests import SIZE, chest, landmarks_of

IDENTITY, MIRROR = torch.eye(2, 3)[None], torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]])


def field(cells=16):
    """x and y of the centres of cells [16, 16]."""
    centres = (torch.arange(cells) * 2 + 1) / cells - 1
    return torch.meshgrid(centres, centres, indexing="xy")


def still(cells=16):
    return torch.zeros(1, 2, cells, cells)


def test_masks_are_those_of_the_landmarks():
    graph, hows = landmark_graph("lungs-heart"), [{}, {"shift": (3, -2)}]
    points = [landmarks_of(**how) for how in hows]
    targets = torch.from_numpy(np.stack([(each + 0.5) / SIZE for each in points])).float()
    found = filled(targets, graph, SIZE)
    assert found.shape == (2, 3, SIZE, SIZE)
    for masks, each in zip(found, points, strict=True):
        for mask, (organ, known) in zip(masks, landmarks_to_masks(each, graph, SIZE, SIZE).items(), strict=True):
            assert dice(mask.numpy() > 0, known) > 0.995, organ  # float32 moves a point by 1e-5 px


def test_dice_of_soft_masks_by_hand():
    one = torch.tensor([[1.0, 1], [0, 0]]).expand(1, 2, 2, 2).clone()
    other = torch.tensor([[1.0, 0], [0.5, 0]]).expand(1, 2, 2, 2).clone()
    one[:, 1], other[:, 1] = 0, 0
    # Shared 1, sides 2 and 1.5; a pixel is added to both. Two empty masks agree.
    torch.testing.assert_close(soft_dice(one, other), torch.tensor([[3 / 4.5, 1.0]]))
    full = torch.ones(1, 1, 50, 50)
    assert soft_dice(full, full).item() == pytest.approx(1)
    assert soft_dice(full, 0 * full).item() < 1e-3


def test_warping_shows_the_moving_image_and_nothing_outside():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    grid = Alignment(torch.tensor([[[1.0, 0, 0.5], [0, 1, 0]]]), still(4)).grid(4)  # one pixel to the right
    for mode in ("bilinear", "nearest"):
        found = warped(image, grid, mode)[0, 0]
        torch.testing.assert_close(found[:, :3], image[0, 0, :, 1:])
        assert (found[:, 3] == 0).all()


@pytest.mark.parametrize(
    ("affine", "share"), [(IDENTITY, 0.0), (MIRROR, 1.0), (0 * IDENTITY, 1.0), (IDENTITY * 0.5, 0.0)]
)
def test_folds_of_an_affine_map_are_nowhere_or_everywhere(affine, share):
    assert folded(Alignment(affine, still())) == share


def test_a_fold_is_counted_where_it_is():
    moved = still()
    x = field()[0]
    moved[0, 0] = torch.where(x > 0, -2.0, 0.0)  # the right half jumps over the left one
    assert folded(Alignment(IDENTITY, moved)) == pytest.approx(1 / 15)  # the one column of cells between


def test_bending_of_what_an_affine_map_could_do_is_nothing():
    x, y = field()
    linear = torch.stack([0.3 * x - 0.2 * y + 0.1, 0.5 * y])[None]
    smooth = Smoothness()
    assert smooth.bending(Alignment(IDENTITY, linear)).item() == pytest.approx(0, abs=1e-9)
    # A parabola along x: d2/dcell2 of (cells / 2) x^2 is (cells / 2) 2 (2 / cells)^2 = 4 / cells, in one of two
    # components, squared and averaged.
    bent = torch.stack([x**2, torch.zeros_like(x)])[None]
    found = smooth.bending(Alignment(IDENTITY, bent)).item()
    assert found == pytest.approx((4 / 16) ** 2 / 2, rel=1e-3)
    assert smooth.bending(Alignment(IDENTITY, 2 * bent)).item() == pytest.approx(4 * found)


def test_correlation_is_best_where_images_lie_on_each_other():
    image = torch.from_numpy(chest(size=64)[0]).float()[None, None] / 255
    smooth = Smoothness()
    same = smooth.correlation(image, image, Alignment(IDENTITY, still())).item()
    beside = Alignment(torch.tensor([[[1.0, 0, 0.3], [0, 1, 0]]]), still())
    assert -1 <= same < -0.9
    assert smooth.correlation(image, image, beside).item() > same + 0.2


def test_facts_are_means():
    assert facts_of([{"a": 1.0, "b": 2}, {"a": 2.0, "b": 4}], ("b",)) == {"b": 3.0}
