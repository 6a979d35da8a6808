"""The meshes of the product for the browser: the surfaces, the nodes of one frame, and where its slice lies."""

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.surface import volume_mm3
from cxrfactory.products.hearts.meshes import HeartMeshes
from cxrfactory.tables.parquet import read_table
from tests.hearts.toy import toy_stack
from tests.products.hearts.packed import pack, shards_of


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hearts")
    return pack(folder, shards_of(folder))


def test_surfaces_and_nodes_give_the_volumes_of_the_rows(product):
    meshes = HeartMeshes(product)
    rows = read_table(product / "hearts.parquet").set_index(["case_id", "frame"])
    surfaces = meshes.surfaces()
    assert list(surfaces) == ["lv", "lv_myocardium", "rv", "la", "ra", "aorta", "pulmonary_artery"]
    for frame in ("ED", "ES"):
        mesh = meshes.mesh(f"b/{frame}/sax-3")
        assert mesh.std_mm.shape == (len(mesh.vertices_mm),)
        for name, faces in surfaces.items():
            assert volume_mm3(mesh.vertices_mm, faces) / 1000 == pytest.approx(
                rows.loc[("b", frame), f"{name}_ml"], 1e-5
            )


def test_the_plane_reaches_from_border_to_border(product):
    plane = HeartMeshes(product).mesh("a/ED/sax-2").plane
    wanted = toy_stack()[2]
    middle = plane.corner_mm + plane.across_mm / 2 + plane.down_mm / 2
    centres = wanted.origin_mm + 31.5 * 3.0 * (wanted.across + wanted.down)
    np.testing.assert_allclose(middle, centres, atol=1e-9)
    np.testing.assert_allclose(plane.across_mm, 64 * 3.0 * wanted.across)
    np.testing.assert_allclose(plane.down_mm, 64 * 3.0 * wanted.down)


def test_what_is_not_there_is_named(product, tmp_path):
    with pytest.raises(CxrError, match=r"slices\.parquet: no row of a/ED/sax/77; make the product again"):
        HeartMeshes(product).mesh("a/ED/sax-77")
    (tmp_path / "template.npz").write_bytes(b"PK")
    with pytest.raises(CxrError, match=r"template\.npz: no NumPy archive can be read"):
        HeartMeshes(tmp_path).surfaces()
    np.savez(tmp_path / "template.npz", vertices_mm=np.zeros((4, 3)))
    with pytest.raises(CxrError, match=r"template\.npz: the array parts is missing; expected a mesh with parts"):
        HeartMeshes(tmp_path).surfaces()
