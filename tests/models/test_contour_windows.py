import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.models.contour_windows import (
    neighbours,
    sample_points,
    sample_profiles,
    sample_window,
    tangents_and_normals,
)

GRAPH = landmark_graph("lungs-heart")
SIDE = 16


def ramps(batch=1):
    """Two maps whose values are the x and the y of each pixel's centre, as fractions of the side."""
    centres = (torch.arange(SIDE) + 0.5) / SIDE
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y]).repeat(batch, 1, 1, 1)


def clockwise(count, centre=0.5, radius=0.25):
    """Nodes that run clockwise in the image, where y points down."""
    angles = torch.arange(count) * 2 * torch.pi / count
    return centre + radius * torch.stack([torch.cos(angles), torch.sin(angles)], -1)


def test_a_position_reads_its_own_place():
    places = torch.rand(1, 30, 2, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    torch.testing.assert_close(sample_points(ramps(), places), places, atol=1e-5, rtol=0)
    torch.testing.assert_close(sample_window(ramps(), places), places, atol=1e-5, rtol=0)


def test_beyond_the_border_its_values_are_repeated():
    places = torch.tensor([[[-3.0, 0.5], [2.0, 0.5], [0.5, 9.0]]])
    found = sample_points(ramps(), places)[0]
    first, last = 0.5 / SIDE, 1 - 0.5 / SIDE
    torch.testing.assert_close(found, torch.tensor([[first, 0.5], [last, 0.5], [0.5, last]]))


def test_several_rows_of_positions_read_their_own_image():
    maps = torch.stack([torch.full((3, SIDE, SIDE), 1.0), torch.full((3, SIDE, SIDE), 2.0)])
    found = sample_points(maps, torch.rand(6, 5, 2))
    assert found.shape == (6, 5, 3)
    torch.testing.assert_close(found[:3], torch.full((3, 5, 3), 1.0))
    torch.testing.assert_close(found[3:], torch.full((3, 5, 3), 2.0))


def test_neighbours_stay_on_their_contour():
    before, after = neighbours(GRAPH)
    assert (before[0], after[0], before[1], after[43]) == (43, 1, 0, 0)
    assert (before[44], after[93], before[94], after[119]) == (93, 44, 119, 94)
    assert torch.equal(after[before], torch.arange(120))
    assert torch.equal(before[after], torch.arange(120))


def test_normals_of_a_clockwise_contour_point_outwards_and_have_unit_length():
    points = torch.cat([clockwise(where.stop - where.start) for where in GRAPH.slices.values()])[None]
    tangents, normals = tangents_and_normals(points, *neighbours(GRAPH))
    outwards = torch.nn.functional.normalize(points - 0.5, dim=-1)
    torch.testing.assert_close(normals, outwards, atol=1e-4, rtol=0)
    assert float((tangents * normals).sum(-1).abs().max()) < 1e-6


def test_a_node_without_extent_has_no_direction():
    tangents, normals = tangents_and_normals(torch.full((1, 120, 2), 0.3), *neighbours(GRAPH))
    assert not tangents.any()
    assert not normals.any()


@pytest.mark.parametrize("rows", [1, 3])
def test_a_profile_reads_the_map_of_its_own_contour_along_the_normal(rows):
    slices = list(GRAPH.slices.values())
    x = ramps(2)[:, :1]
    maps = torch.cat([x + number for number in range(4)], 1)  # a further map that belongs to no contour
    points = torch.full((2 * rows, 120, 2), 0.5)
    normals = torch.zeros_like(points)
    normals[..., 0] = 1
    offsets = torch.tensor([-0.25, 0.0, 0.125])
    found = sample_profiles(maps, points, normals, offsets, slices)
    assert found.shape == (2 * rows, 120, 3)
    for number, where in enumerate(slices):
        expected = (0.5 + offsets + number).expand(2 * rows, where.stop - where.start, 3)
        torch.testing.assert_close(found[:, where], expected, atol=1e-5, rtol=0)
