import numpy as np
import pytest

from cxrfactory.geometry.mesh.surface import area_mm2, edges, genus, is_watertight, pieces, pinched, volume_mm3
from tests.geometry.mesh.bodies import ball, block, torus


def test_volume_of_a_block_is_exact_wherever_it_lies():
    mesh = block()
    for shift in (0.0, 1000.0):
        assert volume_mm3(mesh.vertices_mm + shift, mesh.surface("low", "high")) == pytest.approx(512, rel=1e-9)
        assert volume_mm3(mesh.vertices_mm + shift, mesh.surface("high")) == pytest.approx(256, rel=1e-9)
    assert area_mm2(mesh.vertices_mm, mesh.surface("high")) == pytest.approx(2 * 64 + 4 * 32)


def test_a_surface_turned_inside_out_has_negative_volume():
    vertices, faces = ball()
    assert volume_mm3(vertices, faces[:, ::-1]) == -volume_mm3(vertices, faces) < 0


@pytest.mark.parametrize(("body", "holes"), [(ball, 0), (torus, 1)])
def test_genus_counts_holes_as_a_library_does(body, holes):
    trimesh = pytest.importorskip("trimesh")
    vertices, faces = body()
    theirs = trimesh.Trimesh(vertices, faces, process=False)
    assert genus(faces) == holes == (2 - theirs.euler_number) // 2
    assert is_watertight(faces)
    assert theirs.is_watertight
    assert theirs.is_winding_consistent
    assert volume_mm3(vertices, faces) == pytest.approx(theirs.volume, rel=1e-9)
    assert area_mm2(vertices, faces) == pytest.approx(theirs.area, rel=1e-9)
    assert np.array_equal(edges(faces), np.unique(np.sort(theirs.edges_unique, 1), axis=0))


def test_a_missing_or_a_turned_face_is_a_leak():
    _, faces = ball()
    turned = faces.copy()
    turned[7] = turned[7][::-1]
    assert not is_watertight(faces[1:])
    assert not is_watertight(turned)
    with pytest.raises(ValueError, match="not watertight"):
        genus(faces[1:])


def test_two_balls_that_share_a_node_touch_there():
    _, faces = ball()
    count = faces.max()
    other = faces + count  # their first node is our last
    both = np.concatenate([faces, other])
    assert pinched(both).tolist() == [count]
    assert pieces(both) == 2
    assert not pinched(faces).size
    with pytest.raises(ValueError, match="touches itself"):
        genus(both)


def test_parts_of_a_block_meet_in_one_interface():
    mesh = block()
    faces, sides = mesh.interfaces
    between = faces[(sides == [0, 1]).all(1)]
    assert len(between) == 2 * 16
    assert (mesh.vertices_mm[between][..., 2] == 4).all()
    a, b, c = np.moveaxis(mesh.vertices_mm[between], 1, 0)
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()  # from the lower part to the upper one
    assert genus(mesh.surface("low")) == genus(mesh.surface("high")) == genus(mesh.surface("low", "high")) == 0
