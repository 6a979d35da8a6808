"""The default template; CXRFACTORY_SLOW=1 adds two coarser ones, and makes the default one twice."""

import os

import numpy as np
import pytest

from cxrfactory.geometry.mesh.labelled import OUTSIDE
from cxrfactory.geometry.mesh.quality import flipped, scaled_jacobian
from cxrfactory.geometry.mesh.raster import voxelise
from cxrfactory.geometry.mesh.surface import genus, volume_mm3
from cxrfactory.hearts.template import make_template, read_template, write_template
from cxrfactory.hearts.template.shapes import PARTS, solids

SIZES = (5.0, 6.5, 8.0) if "CXRFACTORY_SLOW" in os.environ else (5.0,)
VOLUMES_ML = {"lv": 130, "lv_myocardium": 125, "rv": 150, "la": 70, "ra": 80, "aorta": 40, "pulmonary_artery": 24}


@pytest.fixture(scope="module", params=SIZES)
def template(request):
    return make_template(request.param)


def test_no_tetrahedron_is_flipped_or_nearly_flat(template):
    mesh = template.mesh
    assert not flipped(mesh.vertices_mm, mesh.tetrahedra).any()
    quality = scaled_jacobian(mesh.vertices_mm, mesh.tetrahedra)
    assert quality.min() > 0.1
    assert quality.mean() > 0.7


@pytest.mark.parametrize("names", [*((name,) for name in PARTS), ("lv", "lv_myocardium")], ids="+".join)
def test_every_part_is_a_closed_ball(template, names):
    assert genus(template.mesh.surface(*names)) == 0


def test_volumes_are_those_of_a_normal_heart_and_equal_the_voxels(template):
    mesh = template.mesh
    grid = voxelise(mesh, np.array([-50.0, -50, -105]), 1.0, (140, 140, 190))
    assert (grid[[0, -1]] == OUTSIDE).all()
    for index, name in enumerate(PARTS):
        volume = volume_mm3(mesh.vertices_mm, mesh.surface(name)) / 1000
        assert volume == pytest.approx((grid == index).sum() / 1000, rel=0.01), name
        assert volume == pytest.approx(VOLUMES_ML[name], rel=0.12), name


def test_the_frame_is_that_of_the_left_ventricle(template):
    mesh, marks = template.mesh, template.landmarks_mm
    rim = mesh.vertices_mm[[name == "left_endocardium+left_base" for name in template.source]]
    assert np.abs(rim[:, 2]).max() < 0.1
    cavity = mesh.vertices_mm[np.unique(mesh.surface("lv"))]
    assert np.abs(cavity[cavity[:, 2] < -20][:, :2].mean(0)).max() < 2  # the axis runs through the cavity
    assert marks["apex"][2] < -85
    assert np.hypot(*marks["apex"][:2]) < 6
    right = mesh.vertices_mm[np.unique(mesh.surface("rv"))].mean(0)
    assert right[0] > 20
    assert abs(right[1]) < 12
    assert marks["tricuspid"][0] > 30
    assert marks["pulmonary"][1] > marks["aortic"][1] + 20  # in front of the aortic valve
    assert marks["aortic"][1] > marks["mitral"][1]


def test_nodes_of_surfaces_come_first_and_lie_on_what_placed_them(template):
    mesh = template.mesh
    count = template.surface_nodes
    assert np.array_equal(np.unique(mesh.interfaces[0]), np.arange(count))
    functions = solids()
    for name, solid in functions.items():
        nodes = [name in source.split("+") for source in template.source]
        assert np.abs(solid(mesh.vertices_mm[nodes].astype(float))).max() < 0.05, name
    assert set(template.source[count:]) <= {"inside", *functions}
    assert "inside" not in template.source[: count // 2]


def test_every_node_has_a_tetrahedron(template):
    assert np.array_equal(np.unique(template.mesh.tetrahedra), np.arange(len(template.mesh.vertices_mm)))
    assert len(template.source) == len(template.mesh.vertices_mm)
    assert template.mesh.vertices_mm.dtype == np.float32


def test_file_holds_the_template_and_has_the_same_bytes_each_time(template, tmp_path):
    write_template(template, tmp_path / "one.npz")
    again = read_template(tmp_path / "one.npz")
    write_template(again, tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert np.array_equal(again.mesh.vertices_mm, template.mesh.vertices_mm)
    assert np.array_equal(again.mesh.tetrahedra, template.mesh.tetrahedra)
    assert again.mesh.parts == PARTS
    assert again.source == template.source
    assert {name: place.tolist() for name, place in again.landmarks_mm.items()} == {
        name: place.tolist() for name, place in template.landmarks_mm.items()
    }


@pytest.mark.skipif("CXRFACTORY_SLOW" not in os.environ, reason="makes a second template: set CXRFACTORY_SLOW=1")
def test_two_calls_make_the_same_template():
    one, again = make_template(), make_template.__wrapped__()
    assert np.array_equal(again.mesh.vertices_mm, one.mesh.vertices_mm)
    assert np.array_equal(again.mesh.tetrahedra, one.mesh.tetrahedra)


@pytest.mark.parametrize("edge_mm", SIZES[:1])
def test_the_default_template_has_the_size_that_networks_expect(edge_mm):
    template = make_template(edge_mm)
    assert 2500 <= template.surface_nodes <= 5000
    assert 6000 <= len(template.mesh.vertices_mm) <= 12000
