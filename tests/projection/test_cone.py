"""The cone beam: chords of a sphere seen from a point, magnification, and the parallel projection as its limit."""

import importlib.util
import sys

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.projection.cone import ConeBeam, cone_integrals, cone_occupancy
from cxrfactory.projection.conventions import MU_WATER_PER_MM
from cxrfactory.projection.frame import Frame
from cxrfactory.projection.integrals import AttenuationCurve, path_integrals
from cxrfactory.projection.occupancy import occupancy

needs_nanodrr = pytest.mark.skipif(importlib.util.find_spec("nanodrr") is None, reason="nanodrr is not installed")

SHAPE, SPACING = (40, 48, 56), (3.0, 2.0, 2.0)
FRAME = Frame.around(SHAPE, SPACING, 40)
BEAM = ConeBeam(600.0, 450.0)


def distances_mm(centre):
    """Distance of every voxel's centre from a point (z, y, x), mm about the volume's centre."""
    z, y, x = np.meshgrid(
        *[(np.arange(n) - (n - 1) / 2) * step for n, step in zip(SHAPE, SPACING, strict=True)], indexing="ij"
    )
    return np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)


@needs_nanodrr
@pytest.mark.parametrize("view", ["PA", "LL"])
def test_chords_of_a_sphere_from_a_point(view):
    centre, radius = np.array((10.0, 12.0, -15.0)), 25.0  # up, in front, on the patient's left
    hu = np.where(distances_mm(centre) <= radius, 0, -1000).astype(np.int16)
    found = cone_integrals(hu, FRAME, BEAM, view)
    across = (np.arange(40) - 19.5) * FRAME.pixel_mm
    down, right = np.meshgrid(-across, -across, indexing="ij")  # rows go down in z, columns to lower x or y
    along = np.full_like(down, BEAM.source_object_mm)
    if view == "PA":  # from behind, towards the front
        source, rays = np.array((0, -BEAM.source_object_mm, 0)), np.stack([down, along, right], axis=-1)
    else:  # from the patient's right, towards the left
        source, rays = np.array((0, 0, BEAM.source_object_mm)), np.stack([down, right, -along], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    nearest = ((centre - source) * rays).sum(axis=-1)
    squared = ((centre - source) ** 2).sum() - nearest**2
    wanted = MU_WATER_PER_MM * 2 * np.sqrt(np.maximum(radius**2 - squared, 0))
    assert np.sqrt(((found - wanted) ** 2).mean()) < 0.02 * wanted.max()
    assert found.sum() == pytest.approx(wanted.sum(), rel=0.02)
    mask = cone_occupancy((hu == 0).astype(np.uint8), [1], FRAME, BEAM, view)[0]
    ring = 3.5  # a voxel
    assert not (mask[squared > (radius + ring) ** 2]).any()
    assert mask[squared < (radius - ring) ** 2].all()


@needs_nanodrr
def test_a_far_source_is_the_parallel_projection():
    rng = np.random.default_rng(0)
    hu = np.full(SHAPE, -1000, np.int16)
    hu[5:-5, 6:-6, 7:-7] = np.kron(rng.integers(-900, 900, (6, 6, 6)), np.ones((5, 6, 7))).astype(np.int16)
    labels = np.zeros(SHAPE, np.uint8)
    labels[10:20, 8:30, 20:40], labels[25:30, 30:40, 12:22] = 4, 9
    far = ConeBeam(1e5, 0.99e5)
    curve = AttenuationCurve((-1000, 0, 1000), (0, 0.0192, 0.0573))
    body = np.ones(SHAPE, bool)
    body[:, :, :28] = False
    _, *masks = occupancy(labels, [9, 4])
    for view, path, stack in zip(("PA", "LL"), path_integrals(hu, SPACING, curve, body), masks, strict=True):
        wanted = FRAME.image(path, view)
        found = cone_integrals(hu, FRAME, far, view, curve, body)
        assert np.abs(found - wanted)[1:-1, 1:-1].mean() < 0.01 * wanted.max()
        both = cone_occupancy(labels, [9, 4], FRAME, far, view)
        wrong = both != FRAME.masks(stack, view)
        assert wrong.sum(axis=(1, 2)).max() < 0.05 * both.sum(axis=(1, 2)).min()


@needs_nanodrr
def test_a_volume_behind_the_detector_is_refused():
    hu = np.zeros(SHAPE, np.int16)
    with pytest.raises(CxrError, match="expected the whole volume between the two"):
        cone_integrals(hu, FRAME, ConeBeam(500.0, 470.0), "PA")
    with pytest.raises(CxrError, match="expected the whole volume between the two"):
        cone_integrals(hu, FRAME, ConeBeam(500.0, 40.0), "LL")
    with pytest.raises(CxrError, match="expected the frame's"):
        cone_integrals(hu[1:], FRAME, BEAM, "PA")


def test_without_nanodrr_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "nanodrr", None)
    for part in ("data", "camera", "drr"):
        monkeypatch.delitem(sys.modules, f"nanodrr.{part}", raising=False)
    with pytest.raises(CxrError, match=r"needs nanodrr.*pip install 'cxrfactory\[cone\]'"):
        cone_integrals(np.zeros(SHAPE, np.int16), FRAME, BEAM, "PA")
