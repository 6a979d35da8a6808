"""A case is the same at every call, its frames share the slices, and its images show its mesh."""

from dataclasses import replace

import numpy as np
import pytest

from cxrfactory.geometry.mesh.labelled import OUTSIDE
from cxrfactory.hearts.cohort.case import case_of, draw_patient, make_case
from cxrfactory.hearts.cohort.cut import cut
from cxrfactory.hearts.cohort.render import render


@pytest.fixture(scope="module")
def patient(anatomy):
    return draw_patient(anatomy, "heart0003")


@pytest.fixture(scope="module")
def cases(patient):
    return {frame: case_of(patient, frame) for frame in ("ED", "ES")}


def test_a_case_is_the_same_at_every_call(heart, cases):
    again = make_case(heart, "heart0003", "ES")
    np.testing.assert_array_equal(again.vertices_mm, cases["ES"].vertices_mm)
    for mine, theirs in zip(again.views.short_axis, cases["ES"].views.short_axis, strict=True):
        np.testing.assert_array_equal(mine.pixels, theirs.pixels)
    assert again.facts == cases["ES"].facts


def test_the_seed_and_the_id_change_the_patient(anatomy, cases):
    for patient_id, seed in (("heart0003", 1), ("heart0004", 0)):
        other = draw_patient(anatomy, patient_id, seed).hearts
        assert other.edv_ml != cases["ED"].edv_ml


def test_frames_share_slices_and_volumes(cases):
    ed, es = cases["ED"].views, cases["ES"].views
    assert (ed.frame, es.frame) == ("ED", "ES")
    assert (cases["ED"].edv_ml, cases["ED"].esv_ml) == (cases["ES"].edv_ml, cases["ES"].esv_ml)
    assert set(ed.long_axis) == set(es.long_axis)
    for one, other in zip(ed.short_axis, es.short_axis, strict=True):
        np.testing.assert_array_equal(one.origin_mm, other.origin_mm)
        assert (one.pixels != other.pixels).any()


def test_pixels_are_whole_grey_values(cases):
    for plane in (*cases["ED"].views.short_axis, *cases["ED"].views.long_axis.values()):
        assert plane.pixels.dtype == np.float32
        assert plane.pixels.min() >= 0
        np.testing.assert_array_equal(plane.pixels, np.rint(plane.pixels))
        assert len(np.unique(plane.pixels)) > 40


def plain(patient):
    """The scanner without faults: blood of 1000, muscle of 250, no noise, no muscles within cavities."""
    look = patient.scanner.look._replace(
        muscle=0.25, mottle=0.0, right_blood=1.0, left_rough=99.0, right_rough=99.0, valve=0.0, jet=0.0
    )
    return replace(
        patient.scanner,
        look=look,
        bars=np.zeros((0, 8)),
        gain=1000.0,
        noise=0.0,
        kept=(2.0, 2.0),
        bias=np.zeros(6),
        bands=np.array([0, 0, 0, 1e4, 0.5, 0.0]),
    )


def middle_slice(patient):
    stack = patient.plan.short_axis
    return replace(stack[len(stack) // 2], moved_mm=np.zeros(3))


def parts_of(patient, plan, frame):
    """Parts at the pixel centres, cut from the true mesh."""
    apart = patient.scenes[frame].heart_mm - plan.origin_mm
    shown = np.stack([apart @ plan.across, apart @ plan.down, apart @ np.cross(plan.across, plan.down)], 1)
    shown[:, :2] /= plan.spacing_mm
    mesh = patient.anatomy.mesh
    offsets = np.zeros((1, 3))
    fields = patient.anatomy.fields
    return cut(shown, mesh.tetrahedra, mesh.tetrahedron_parts, fields, offsets, plan.height, plan.width)[0][0]


@pytest.mark.parametrize("frame", ["ED", "ES"])
def test_the_image_shows_the_mesh(patient, frame):
    plan = middle_slice(patient)
    image = render(np.random.default_rng(0), patient.anatomy, patient.scenes[frame], plain(patient), plan)
    parts = parts_of(patient, plan, frame)
    heart = (parts == 0) | (parts == 1)
    assert heart.sum() > 300
    blood = heart & (image > 625)
    cavity = parts == 0
    dice = 2 * (blood & cavity).sum() / (blood.sum() + cavity.sum())
    assert dice > 0.93  # the edge of a small cavity is one pixel in twenty
    # A pixel that is inside a part with all its neighbours has the part's grey value, but for the slice's thickness.
    assert np.median(image[cavity]) == pytest.approx(1000, abs=20)
    assert np.median(image[parts == 1]) == pytest.approx(250, abs=20)


def test_a_shift_of_the_patient_shifts_the_image_and_not_the_truth(patient):
    plan = middle_slice(patient)
    moved = replace(plan, moved_mm=5 * plan.spacing_mm * plan.across)
    images = [
        render(np.random.default_rng(0), patient.anatomy, patient.scenes["ED"], plain(patient), each)
        for each in (plan, moved)
    ]
    near = np.abs(images[1][5:-5, 10:-5] - images[0][5:-5, 5:-10])
    assert np.percentile(near, 99) < 30
    assert np.percentile(np.abs(images[1] - images[0]), 99) > 300


def test_noise_has_the_drawn_strength(patient):
    plan = middle_slice(patient)
    noisy = replace(plain(patient), noise=0.03)
    image = render(np.random.default_rng(0), patient.anatomy, patient.scenes["ED"], noisy, plan)
    clean = render(np.random.default_rng(0), patient.anatomy, patient.scenes["ED"], plain(patient), plan)
    bright = clean > 600
    assert np.std((image - clean)[bright]) == pytest.approx(30, rel=0.15)


def test_the_heart_is_in_the_images(patient, cases):
    for plane in cases["ED"].views.short_axis[:-1]:
        columns, rows, _ = plane.coordinates(cases["ED"].vertices_mm.mean(0, keepdims=True))[0]
        height, width = plane.pixels.shape
        assert 0 < columns < width
        assert 0 < rows < height
    plan = middle_slice(patient)
    assert (parts_of(patient, plan, "ED") != OUTSIDE).sum() > 500
