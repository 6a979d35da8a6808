from dataclasses import replace

import pytest
import torch

from cxrfactory.train.data.opacities import add_opacities
from tests.train.data.test_anatomy import SIDE, annotations, chest


def films(count, seed=1):
    return 0.2 + 0.6 * torch.rand(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(3))
def test_areas_only_brighten_and_stay_in_the_range_of_the_film(seed):
    images = films(6)
    found = add_opacities(images, annotations(chest(6)), 1.0, torch.Generator().manual_seed(seed))
    assert bool((found >= images - 1e-6).all())
    assert float(found.max()) <= float(images.max()) + 1e-6
    assert bool((found > images + 0.01).flatten(1).any(1).all())


def test_areas_begin_in_the_lungs():
    """Around an area's centre, which lies in a lung, the film changes most."""
    images = torch.zeros(40, 1, SIDE, SIDE)
    images[:, :, ::8] = 1  # an eighth of the pixels is bright, so that areas have a grey value to take
    given = annotations(chest(40))
    found = add_opacities(images, given, 1.0, torch.Generator().manual_seed(0)) - images
    lungs = given.region_masks(4).masks[:, :2].amax(1)
    inside, outside = (found[:, 0] * lungs).sum() / lungs.sum(), (found[:, 0] * (1 - lungs)).sum() / (1 - lungs).sum()
    assert float(inside) > 2 * float(outside)


def test_the_chance_is_the_share_of_changed_films():
    images = films(200)[:, :, ::4, ::4]
    points = chest(200)
    given = annotations(points)
    small = replace(given, masks=given.masks[..., ::4, ::4], ignored=given.ignored[..., ::4, ::4])
    found = add_opacities(images, small, 0.3, torch.Generator().manual_seed(0))
    share = float((found != images).flatten(1).any(1).float().mean())
    assert 0.2 < share < 0.4
    assert add_opacities(images, small, 0.0, torch.Generator()) is images


def test_films_without_known_lungs_stay_as_they_are():
    points = chest(3)
    points[:, :94] = torch.nan
    images = films(3)
    assert torch.equal(add_opacities(images, annotations(points), 1.0, torch.Generator().manual_seed(0)), images)


def test_drawn_lungs_count_and_the_given_images_are_not_changed():
    masks = annotations(chest(2)).region_masks(4).masks
    images = films(2)
    before = images.clone()
    unknown = torch.full((2, 120, 2), torch.nan)
    first, second = (
        add_opacities(images, annotations(unknown, masks), 1.0, torch.Generator().manual_seed(4)) for _ in range(2)
    )
    assert torch.equal(images, before)
    assert torch.equal(first, second)
    assert not torch.equal(first, images)


def test_the_contours_of_other_films_and_organs_are_not_filled(monkeypatch):
    """The areas lie where they would lie if all contours were filled, and only the lungs of brightened films are."""
    from cxrfactory.train.data import annotations as module

    fill, filled = module.filled_contour, []
    monkeypatch.setattr(module, "filled_contour", lambda *args: filled.append(1) or fill(*args))
    images, given = films(12), annotations(chest(12))
    found = add_opacities(images, given, 0.5, torch.Generator().manual_seed(2))
    changed = int((found != images).flatten(1).any(1).sum())
    assert 0 < changed < 12
    assert len(filled) == 2 * int((torch.rand(12, generator=torch.Generator().manual_seed(2)) < 0.5).sum())
