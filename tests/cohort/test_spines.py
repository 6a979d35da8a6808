"""Bent spines of virtual patients, and where their vertebrae really lie."""

from dataclasses import replace

import numpy as np
import pytest

from cxrfactory.cohort.film_source import load_film_source
from cxrfactory.cohort.films import project_with_structures
from cxrfactory.cohort.patient import Person, deformation_of, draw_person
from cxrfactory.cohort.spines import (
    DEVIATIONS,
    MEANS,
    moved_points,
    source_centres,
    spine_of,
    with_scoliosis,
)
from cxrfactory.projection.deform import SPINE_BOTTOM, SPINE_TOP, STANDING_RANGES, identity_shape

HEART = 51


@pytest.fixture(scope="module")
def source(ct_folder):
    (ct_folder / "structures.csv").write_text("id,structure\n35,vertebrae_T9\n51,heart\n79,spinal_cord\n")
    return load_film_source(ct_folder)


def test_centres_are_means_of_the_voxels_and_what_the_scan_cuts_has_none(source):
    labels, step = source.labels.values[0].numpy(), np.array(source.labels.spacing_mm)
    index = np.argwhere(labels == HEART).mean(axis=0)[::-1]
    found = source_centres(source, word="heart")
    np.testing.assert_allclose(found["heart"], np.array(source.labels.first_mm) + step * index)
    z, y = np.nonzero((labels == HEART).any(axis=2))
    outline = source_centres(source, "LL", "heart")["heart"]
    np.testing.assert_allclose(outline[1:], (np.array(source.labels.first_mm) + step * [0, y.mean(), z.mean()])[1:])
    assert outline[0] == found["heart"][0]
    # The bone of this scan runs from its first slice to its last.
    assert "vertebrae_T9" in source.names
    assert source_centres(source) == {} == spine_of(source, Person(1, "M", 50, identity_shape()))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_moved_point_comes_from_where_it_was(source, number):
    person = with_scoliosis(source, draw_person(number, 0, STANDING_RANGES), 1.0, 0)
    deformation, _, _ = deformation_of(source, person)
    points = {"a": np.array([10.0, -60.0, 40.0]), "b": np.array([-30.0, 20.0, -50.0])}
    moved = moved_points(deformation, points)
    for name, point in points.items():
        # The deformation is linear between its nodes, so a plain interpolation of the eight around it is exact.
        place = (moved[name] - deformation.origin_mm) / deformation.spacing_mm
        low = np.floor(place).astype(int)
        share = place - low
        value = np.zeros(3)
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(np.array(corner), share, 1 - share))
            x, y, z = low + corner
            value += weight * deformation.source_mm[z, y, x]
        np.testing.assert_allclose(value, point, atol=0.005)


def test_the_projected_mask_lies_at_the_true_centre(source):
    person = Person(1, "M", 50, replace(identity_shape(), bend_mm=(25.0, 0.0, 0.0), turn_deg=3.0))
    projected = project_with_structures(source, person, ["PA"])
    _, columns = np.nonzero(projected.masks["PA"][source.names.index("heart")])
    right_mm = -(projected.first_mm["PA"][0] + columns.mean() * projected.masks_pixel_mm["PA"][0])
    centre = source_centres(source, "PA", "heart")
    moved = moved_points(deformation_of(source, person)[0], centre)["heart"]
    assert right_mm == pytest.approx(moved[0], abs=source.labels.spacing_mm[0])  # the outline weighs depth otherwise
    assert moved[0] - centre["heart"][0] == pytest.approx(25, abs=6)  # and not where it was


def test_bends_follow_the_statistics_of_the_real_spines(source):
    plain = [Person(number, "M", 50, identity_shape()) for number in range(1, 1501)]
    bent = [with_scoliosis(source, person, 0.6, 0) for person in plain]
    bends = np.array([person.shape.bend_mm for person in bent])
    assert np.mean(bends.any(axis=1)) == pytest.approx(0.6, abs=0.04)
    length = (SPINE_TOP - SPINE_BOTTOM) * source.anatomy.half_height_mm
    shares = bends[bends.any(axis=1)] / length
    # A severity u, uniform in [0, 1], has E u = 1/2 and E u^2 = 1/3.
    np.testing.assert_allclose(shares.mean(axis=0), np.array(MEANS) / 2, atol=0.005)
    expected = (np.square(DEVIATIONS) + np.square(MEANS)) / 3
    np.testing.assert_allclose((shares**2).mean(axis=0), expected, rtol=0.15)
    assert with_scoliosis(source, plain[0], 0.6, 0) == bent[0]
    assert with_scoliosis(source, plain[0], 0.0, 0) is plain[0]
