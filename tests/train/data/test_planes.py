import numpy as np
import torch

from cxrfactory.train.data.planes import PlaneMasks, Runs, moved_planes, unpacked


def random_masks(regions, rows=20, columns=24, seed=0):
    rng = np.random.default_rng(seed)
    return {place: rng.random((rows, columns)) > 0.6 for place in range(regions)}


def places(rows, columns):
    """The place of each pixel in an image of which nothing moves."""
    x, y = ((np.arange(side) + 0.5) / side * 2 - 1 for side in (columns, rows))
    return np.stack(np.meshgrid(x, y), -1).astype(np.float32)


def bits(planes, regions):
    return unpacked(torch.from_numpy(planes)[None], regions)[0].numpy()


def test_masks_of_any_number_of_regions_come_back():
    for count in (1, 8, 64, 65, 130):
        masks = random_masks(count)
        found = bits(moved_planes(Runs.of_masks(masks, (20, 24)), count, places(20, 24)), count)
        assert found.shape == (count, 20, 24)
        assert all(np.array_equal(found[place], mask) for place, mask in masks.items())


def test_masks_are_read_at_the_nearest_pixel_and_nothing_is_outside():
    masks = random_masks(3)
    where = places(20, 24)
    where[..., 0] += 2 * 5 / 24  # five columns to the right
    found = bits(moved_planes(Runs.of_masks(masks, (20, 24)), 3, where), 3)
    assert np.array_equal(found[1, :, :19], masks[1][:, 5:])
    assert not found[:, :, 19:].any()
    coarse = bits(moved_planes(Runs.of_masks(masks, (20, 24)), 3, places(4, 8)), 3)
    assert np.array_equal(coarse[2], masks[2][2::5, 1::3])


def test_a_region_without_a_mask_and_an_empty_mask_have_no_pixel():
    runs = Runs.of_masks({2: np.zeros((20, 24), bool)}, (20, 24))
    assert len(runs.starts) == 0
    assert not moved_planes(runs, 9, places(20, 24)).any()


def test_runs_join_no_rows_that_do_not_touch_the_border():
    mask = np.zeros((3, 4), bool)
    mask[0, 2:], mask[2, 1] = True, True
    runs = Runs.of_masks({5: mask}, (3, 4))
    assert (runs.starts.tolist(), runs.lengths.tolist(), runs.regions.tolist()) == ([2, 9], [2, 1], [5, 5])


def test_ignored_pixels_are_not_valid():
    planes = torch.zeros(1, 1, 2, 2, dtype=torch.uint8)
    ignored = planes.clone()
    ignored[0, 0, 1, 1] = 0b10
    found = PlaneMasks(planes, torch.ones(1, 2, dtype=torch.bool), ignored).valid()
    assert found[0, 0].all()
    assert found[0, 1].tolist() == [[True, True], [True, False]]
    assert PlaneMasks(planes, torch.ones(1, 2, dtype=torch.bool)).valid() is None
