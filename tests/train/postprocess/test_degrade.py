import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.train.postprocess.degrade import CLEAN, KINDS, degrade, degrade_at_random

SIDE = 128


@pytest.fixture
def masks():
    """Two lungs and a heart between them that touch nothing."""
    y, x = np.mgrid[:SIDE, :SIDE]
    places = [(36, 60, 18, 38), (92, 60, 18, 38), (64, 84, 9, 12)]
    found = [((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1 for cx, cy, rx, ry in places]
    return np.stack(found).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_something_and_leaves_the_input_alone(masks, kind):
    before = masks.copy()
    changed = 0
    for seed in range(12):
        spoiled = degrade(masks, kind, np.random.default_rng(seed))
        assert (masks == before).all()
        assert (spoiled.dtype, spoiled.shape) == (np.uint8, masks.shape)
        assert spoiled.max() <= 1
        changed += bool((spoiled != masks).any())
    assert changed >= 6  # opening and closing leave smooth masks as they are


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_stream_spoils_alike(masks, kind):
    first, second = (degrade(masks, kind, np.random.default_rng(5)) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize(("kind", "sign"), [("holes", -1), ("erased", -1), ("missing", -1), ("islands", 1)])
def test_what_only_removes_or_only_adds(masks, kind, sign):
    for seed in range(12):
        difference = degrade(masks, kind, np.random.default_rng(seed)).astype(int) - masks
        assert set(np.unique(difference)) <= {0, sign}


def test_missing_loses_exactly_one_organ(masks):
    for seed in range(6):
        spoiled = degrade(masks, "missing", np.random.default_rng(seed))
        gone = [place for place in range(3) if not spoiled[place].any()]
        assert len(gone) == 1
        kept = [place for place in range(3) if place not in gone]
        assert (spoiled[kept] == masks[kept]).all()


def test_swapped_labels_keep_every_pixel_labelled(masks):
    for seed in range(12):
        spoiled = degrade(masks, "swapped", np.random.default_rng(seed))
        assert (spoiled.any(axis=0) == masks.any(axis=0)).all()
        assert (spoiled.sum(axis=0) == masks.sum(axis=0)).all()


def test_border_swaps_stay_at_the_border(masks):
    import cv2

    reach = round(SIDE * 0.06)
    kernel = np.ones((reach + 1, reach + 1), np.uint8)
    for seed in range(8):
        spoiled = degrade(masks, "border", np.random.default_rng(seed))
        for mask, changed in zip(masks, spoiled != masks, strict=True):
            assert not changed[cv2.erode(mask, kernel) > 0].any()
            assert not changed[cv2.dilate(mask, kernel) == 0].any()


def test_noise_touches_a_tenth_at_most(masks):
    shares = [(degrade(masks, "noise", np.random.default_rng(seed)) != masks).mean() for seed in range(20)]
    assert min(shares) > 0.005
    assert max(shares) < 0.12


@pytest.mark.parametrize("kind", KINDS)
def test_empty_masks_are_no_trouble(kind):
    blank = np.zeros((3, SIDE, SIDE), np.uint8)
    assert degrade(blank, kind, np.random.default_rng(0)).shape == blank.shape


def test_a_share_is_left_clean(masks):
    clean = [(degrade_at_random(masks, np.random.default_rng(seed)) == masks).all() for seed in range(300)]
    assert abs(np.mean(clean) - CLEAN) < 0.07


def test_unknown_kind_is_one_line(masks):
    with pytest.raises(CxrError, match="unknown way to spoil a mask 'rust'; expected one of holes, islands"):
        degrade(masks, "rust", np.random.default_rng(0))
