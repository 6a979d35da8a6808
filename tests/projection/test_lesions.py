import numpy as np
import pytest

from cxrfactory.projection.lesions import TISSUE_IN_LUNG_PER_MM, LungField, effusion, nodule, opacity, plate

PIXEL_MM = (1.0, 2.0)


def field(depth_mm=120.0, lateral=1):
    depth = np.zeros((150, 140), np.float32)
    depth[25:125, 20:120] = depth_mm  # 100 mm wide, 200 mm high
    return LungField(depth, depth >= 15, PIXEL_MM, lateral)


@pytest.mark.parametrize("radius", [8.0, 15.0])
def test_a_nodule_adds_the_volume_of_its_ball(radius):
    for seed in range(20):
        added = nodule(field(), radius, np.random.default_rng(seed))
        where = np.argwhere(added > 0)
        if (where.min(axis=0) > [26, 21]).all() and (where.max(axis=0) < [123, 118]).all():
            break  # one that no border cuts
    volume = added.sum() * PIXEL_MM[0] * PIXEL_MM[1] / TISSUE_IN_LUNG_PER_MM
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)  # pixels of 2 mm
    assert added.max() == pytest.approx(2 * radius * TISSUE_IN_LUNG_PER_MM, rel=0.02)


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_added_beyond_the_lungs_own_depth(seed):
    lung, rng = field(depth_mm=20.0), np.random.default_rng(seed)
    for added in (
        nodule(lung, 15, rng),
        effusion(lung, 0.4, rng),
        opacity(lung, 30, 0.7, rng),
        plate(lung, 60, 5, rng),
    ):
        assert added.max() > 0
        assert (added >= 0).all()
        assert (added <= TISSUE_IN_LUNG_PER_MM * lung.depth_mm + 1e-6).all()
        assert added.shape == lung.depth_mm.shape


@pytest.mark.parametrize("lateral", [-1, 1])
def test_fluid_lies_below_and_climbs_the_outer_wall(lateral):
    lung = field(lateral=lateral)
    wet = effusion(lung, 0.3, np.random.default_rng(1)) / (TISSUE_IN_LUNG_PER_MM * 120)
    assert wet[124, 20:120].min() > 0.99  # the lowest row
    assert wet[25, 20:120].max() < 0.01  # the highest
    level = (wet[25:125, 20:120] > 0.5).argmax(axis=0)
    outer, inner = (level[0], level[-1]) if lateral < 0 else (level[-1], level[0])
    assert outer < inner
    assert inner == pytest.approx(70, abs=2)  # 0.3 of the height is wet


def test_findings_stand_where_the_lung_is_seen():
    lung = field()
    seen = lung.seen.copy()
    seen[60:] = False
    for seed in range(20):
        x, y = LungField(lung.depth_mm, seen, PIXEL_MM, 1).draw_place_mm(30, np.random.default_rng(seed), low=0.5)
        assert seen[int(y / PIXEL_MM[1]), int(x / PIXEL_MM[0])]
        assert y >= 2 * (25 + 0.5 * 34) - 2
