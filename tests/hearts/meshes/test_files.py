"""Mesh files, read back by programs that nobody here made."""

import numpy as np
import pytest

from cxrfactory.hearts.meshes.plain_files import write_obj, write_stl
from cxrfactory.hearts.meshes.vtk_xml import write_vtp, write_vtu


def _places(mesh):
    return np.asarray(mesh.vertices_mm, float) + np.array([0.1234, -5.5, 100])


def test_vtk_reads_a_surface_with_its_values(mesh, tmp_path):
    pyvista = pytest.importorskip("pyvista")
    faces, sides = mesh.interfaces
    std = np.linspace(0, 3, len(mesh.vertices_mm)).astype(np.float32)
    inner = np.ascontiguousarray(sides[:, 0])
    write_vtp(tmp_path / "a.vtp", _places(mesh), faces, {"inner": inner}, {"std_mm": std})
    read = pyvista.read(tmp_path / "a.vtp")
    np.testing.assert_array_equal(read.points, _places(mesh).astype(np.float32))
    np.testing.assert_array_equal(read.faces.reshape(-1, 4)[:, 1:], faces)
    np.testing.assert_array_equal(read.cell_data["inner"], inner)
    np.testing.assert_array_equal(read.point_data["std_mm"], std)


@pytest.mark.parametrize("library", ["pyvista", "meshio"])
def test_vtk_and_meshio_read_tetrahedra(mesh, tmp_path, library):
    reader = pytest.importorskip(library)
    write_vtu(tmp_path / "a.vtu", _places(mesh), mesh.tetrahedra, {"part": mesh.tetrahedron_parts})
    read = reader.read(tmp_path / "a.vtu")
    if library == "pyvista":
        cells, parts = read.cells_dict[10], read.cell_data["part"]
    else:
        cells, parts = read.cells_dict["tetra"], read.cell_data["part"][0]
    np.testing.assert_array_equal(cells, mesh.tetrahedra)
    np.testing.assert_array_equal(parts, mesh.tetrahedron_parts)
    np.testing.assert_array_equal(read.points, _places(mesh).astype(np.float32))


def test_the_groups_of_an_obj_are_the_parts(mesh, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    surfaces = {name: mesh.surface(name) for name in mesh.parts}
    write_obj(tmp_path / "a.obj", _places(mesh), surfaces)
    scene = trimesh.load_scene(tmp_path / "a.obj", split_groups=True, group_material=False, process=False)
    volumes = [each.volume for each in scene.geometry.values()]
    a, b, c, d = np.moveaxis(_places(mesh)[mesh.tetrahedra], 1, 0)
    filled = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) / 6
    expected = [filled[mesh.tetrahedron_parts == part].sum() for part in range(len(mesh.parts))]
    assert sorted(volumes) == pytest.approx(sorted(expected), rel=1e-4)


def test_an_stl_has_the_volume_of_its_part(mesh, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    write_stl(tmp_path / "a.stl", _places(mesh), mesh.surface("lv"))
    read = trimesh.load(tmp_path / "a.stl")
    a, b, c, d = np.moveaxis(_places(mesh)[mesh.tetrahedra[mesh.tetrahedron_parts == 0]], 1, 0)
    assert read.volume == pytest.approx(np.einsum("ij,ij->", b - a, np.cross(c - a, d - a)) / 6, rel=1e-5)
    np.testing.assert_allclose(np.linalg.norm(read.face_normals, axis=1), 1, rtol=1e-6)


def test_equal_meshes_give_equal_bytes(mesh, tmp_path):
    for name in ("a", "b"):
        write_vtu(tmp_path / f"{name}.vtu", _places(mesh), mesh.tetrahedra, {"part": mesh.tetrahedron_parts})
    assert (tmp_path / "a.vtu").read_bytes() == (tmp_path / "b.vtu").read_bytes()
