"""Shapes fold nothing, contraction keeps the wall's volume, and volumes are those that another library finds."""

from dataclasses import replace

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.labelled import LabelledMesh
from cxrfactory.hearts.cohort import shape as module
from cxrfactory.hearts.cohort.shape import (
    PARTS_THAT_GROW,
    Shape,
    Ventricles,
    deform,
    draw_hearts,
    draw_shape,
    smallest_volume,
)

STILL = Ventricles(1.0, 1.0, np.zeros((3, 2)), np.zeros((3, 2)), 1.0, 1.0)
TEMPLATE = Shape(STILL, dict.fromkeys(PARTS_THAT_GROW, 0.0), {}, np.zeros((0, 7)), 1.0, np.ones(3))


def hearts(anatomy, seed):
    rng = np.random.default_rng(seed)
    return draw_hearts(rng, anatomy, draw_shape(rng, anatomy))


@pytest.fixture(scope="module")
def drawn(anatomy):
    return [hearts(anatomy, seed) for seed in range(6)]


def test_the_template_is_a_shape(anatomy):
    np.testing.assert_allclose(deform(anatomy, TEMPLATE), anatomy.mesh.vertices_mm, atol=1e-4)


def test_a_twist_winds_the_apex_and_keeps_the_base(anatomy):
    before = np.asarray(anatomy.mesh.vertices_mm, float)
    after = deform(anatomy, replace(TEMPLATE, twist=0.4))
    np.testing.assert_allclose(after[:, 2], before[:, 2], atol=1e-4)
    np.testing.assert_allclose(np.hypot(*after[:, :2].T), np.hypot(*before[:, :2].T), atol=1e-3)
    aside = np.hypot(*before[:, :2].T) > 5
    turn = np.degrees(np.angle((after[:, 0] + 1j * after[:, 1]) * (before[:, 0] - 1j * before[:, 1])))
    low, level = aside & (before[:, 2] < 0), aside & (before[:, 2] == 0)
    np.testing.assert_allclose(turn[low], 0.4 * before[low, 2], atol=0.05)
    np.testing.assert_allclose(turn[level], 0, atol=0.05)
    assert turn[aside & (before[:, 2] > 50)] == pytest.approx(0.4 * 20, abs=0.05)  # half of what it would be at 40 mm


def test_no_tetrahedron_folds(anatomy, drawn):
    for each in drawn:
        for points in (each.ed, each.es):
            assert points.dtype == np.float32
            mesh = LabelledMesh(points, anatomy.mesh.tetrahedra, anatomy.mesh.tetrahedron_parts, anatomy.mesh.parts)
            a, b, c, d = np.asarray(mesh.vertices_mm, float)[mesh.tetrahedra.T]
            assert np.linalg.det(np.stack([b - a, c - a, d - a], 1)).min() > 0
            assert smallest_volume(anatomy, points) > 0


def test_contraction_ejects_blood_and_keeps_the_wall(anatomy, drawn):
    trimesh = pytest.importorskip("trimesh")
    for each in drawn:
        volumes = {}
        for frame in ("ed", "es"):
            points = np.asarray(getattr(each, frame), float)
            for name, faces in (("blood", anatomy.blood), ("wall", anatomy.wall), ("right", anatomy.right)):
                surface = trimesh.Trimesh(points, faces, process=False)
                volumes[frame, name] = surface.volume / 1e3
        assert volumes["ed", "blood"] == pytest.approx(each.edv_ml, rel=1e-9)
        assert volumes["es", "blood"] == pytest.approx(each.esv_ml, rel=1e-9)
        assert 0.295 < 1 - each.esv_ml / each.edv_ml < 0.755
        thick = [volumes[frame, "wall"] - volumes[frame, "blood"] for frame in ("ed", "es")]
        assert thick[0] == pytest.approx(each.wall_ml, rel=1e-9)
        assert thick[1] == pytest.approx(thick[0], rel=4e-3)
        assert 0.2 < 1 - volumes["es", "right"] / volumes["ed", "right"] < 0.72


def test_the_apex_stays_and_the_base_moves_towards_it(anatomy, drawn):
    wall = anatomy.nodes_of["lv_myocardium"]
    valve = np.argsort(np.linalg.norm(anatomy.mesh.vertices_mm, axis=1))[:5]
    for each in drawn:
        assert abs(each.es[wall, 2].min() - each.ed[wall, 2].min()) < 1.0
        assert 2 < (each.ed[valve, 2] - each.es[valve, 2]).mean() < 30


def test_patients_differ_and_a_seed_repeats(anatomy, drawn):
    again = hearts(anatomy, 3)
    np.testing.assert_array_equal(again.ed, drawn[3].ed)
    np.testing.assert_array_equal(again.es, drawn[3].es)
    assert np.std([each.edv_ml for each in drawn]) > 10


def test_a_template_that_cannot_be_deformed_is_refused(anatomy, monkeypatch):
    monkeypatch.setattr(module, "smallest_volume", lambda anatomy, points: -1.0)
    with pytest.raises(CxrError, match="fold under small deformations"):
        hearts(anatomy, 0)
