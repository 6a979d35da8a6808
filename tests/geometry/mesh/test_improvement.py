import numpy as np

from cxrfactory.geometry.mesh.improvement import edges_replaced, smoothed
from cxrfactory.geometry.mesh.labelled import LabelledMesh
from cxrfactory.geometry.mesh.quality import flipped, scaled_jacobian, signed_volumes
from tests.geometry.mesh.bodies import block


def shaken():
    mesh = block(5)
    inner = ((mesh.vertices_mm > 0) & (mesh.vertices_mm < 10)).all(1) & (mesh.vertices_mm[:, 2] != 4)
    shift = 0.35 * np.random.default_rng(2).uniform(-1, 1, mesh.vertices_mm.shape)
    vertices = mesh.vertices_mm + shift * inner[:, None]
    assert not flipped(vertices, mesh.tetrahedra).any()
    return LabelledMesh(vertices, mesh.tetrahedra, mesh.tetrahedron_parts, mesh.parts), inner


def test_replaced_edges_keep_volumes_and_interfaces_and_raise_the_worst():
    mesh, _ = shaken()
    tetrahedra, parts = edges_replaced(mesh.vertices_mm, mesh.tetrahedra, mesh.tetrahedron_parts, below=0.9)
    after = LabelledMesh(mesh.vertices_mm, tetrahedra, parts, mesh.parts)
    assert not np.array_equal(tetrahedra, mesh.tetrahedra)
    faces = [{tuple(face) for face in np.sort(each.interfaces[0], 1).tolist()} for each in (mesh, after)]
    assert faces[0] == faces[1]
    for part in (0, 1):
        volumes = [
            signed_volumes(m.vertices_mm, m.tetrahedra)[m.tetrahedron_parts == part].sum() for m in (mesh, after)
        ]
        assert np.isclose(*volumes, rtol=1e-12)
    before, now = (scaled_jacobian(m.vertices_mm, m.tetrahedra) for m in (mesh, after))
    assert now.min() > before.min()


def test_smoothing_moves_free_nodes_only_and_raises_the_quality():
    mesh, inner = shaken()
    axes = np.tile(np.eye(3), (len(inner), 1, 1)), np.where(inner, 3, 0)
    vertices = smoothed(mesh.vertices_mm, mesh.tetrahedra, lambda _: axes, lambda moved: moved, 0.3, 3)
    assert np.array_equal(vertices[~inner], mesh.vertices_mm[~inner])
    before, now = (scaled_jacobian(each, mesh.tetrahedra) for each in (mesh.vertices_mm, vertices))
    assert now.min() > before.min()
    assert now.mean() > before.mean()
