"""The check of a film's orientation: what is asked, and of which films."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.infer.anatomy.film import FilmReader
from cxrfactory.metrics.flags import CRUSHED, FLAGS, MIRRORED, NOT_FRONTAL
from cxrfactory.models.anatomy.network import FOUND, GIVEN, STATED

GEOMETRY = Geometry(4, 4, 0, 0, 4, 4, 4)
TURNED, UPRIGHT = np.array([0.01, 0.98, 0.005, 0.005]), np.array([0.98, 0.01, 0.005, 0.005])


def reader(odds, softness):
    """A reader whose network gives the turned film a softness, and notes what it was asked."""
    asked = []

    def read(image, view):
        asked.append((image.copy(), view))
        return SimpleNamespace(softness=[softness])

    return FilmReader(SimpleNamespace(read=read), Preparation(), (), None, 0.7, lambda image: odds, False), asked


def answer(view, view_from):
    return SimpleNamespace(view=view, view_from=view_from, softness=[0.5])


@pytest.mark.parametrize(("view", "view_from"), [("PA", FOUND), ("PA", STATED), ("LL", FOUND)])
def test_a_turned_film_is_refused_where_turning_makes_the_frontal_masks_surer(view, view_from):
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    one, asked = reader(TURNED, 0.9)
    with pytest.raises(ImageError, match="lies on its side"):
        one._check_upright(image, answer(view, view_from))
    assert [given for _, given in asked] == ["PA"]
    assert np.array_equal(asked[0][0], np.rot90(image))
    other, _ = reader(TURNED, 0.2)
    other._check_upright(image, answer(view, view_from))  # turning it makes the masks worse


def test_a_film_that_is_known_to_be_lateral_and_an_upright_one_are_not_turned():
    image = np.zeros((4, 4), np.uint8)
    for odds, view, view_from in ((TURNED, "LL", GIVEN), (TURNED, "LL", STATED), (UPRIGHT, "PA", FOUND)):
        one, asked = reader(odds, 0.9)
        one._check_upright(image, answer(view, view_from))
        assert not asked


def test_a_frontal_film_that_may_be_mirrored_has_a_note():
    one, _ = reader(UPRIGHT, 0.5)
    one = replace(one, mirrored_of=lambda image: 0.95)
    image, radiograph = np.zeros((4, 4), np.uint8), SimpleNamespace(notes=("read so",))
    assert one.notes(image, GEOMETRY, answer("PA", FOUND), radiograph) == ("read so", FLAGS[MIRRORED])
    assert one.notes(image, GEOMETRY, answer("LL", FOUND), radiograph) == ("read so",)
    assert reader(UPRIGHT, 0.5)[0].notes(image, GEOMETRY, answer("PA", FOUND), radiograph) == ("read so",)


def test_the_flags_of_a_picture_are_notes_and_what_is_no_film_is_not_mirrored():
    one, _ = reader(UPRIGHT, 0.5)
    asked = []

    def flags_of(image, geometry, frontal):
        asked.append((geometry, frontal))
        return [NOT_FRONTAL] if frontal else [CRUSHED]

    one = replace(one, mirrored_of=lambda image: 0.95, flags_of=flags_of)
    image, radiograph = np.zeros((4, 4), np.uint8), SimpleNamespace(notes=())
    assert one.notes(image, GEOMETRY, answer("PA", FOUND), radiograph) == (FLAGS[NOT_FRONTAL],)
    assert one.notes(image, GEOMETRY, answer("LL", FOUND), radiograph) == (FLAGS[CRUSHED],)
    assert asked == [(GEOMETRY, True), (GEOMETRY, False)]
