"""The check of a film's orientation: what is asked, and of which films."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.infer.anatomy.film import FilmReader
from cxrfactory.metrics.flags import FLAGS, MIRRORED
from cxrfactory.models.anatomy.network import FOUND, GIVEN, STATED

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
    assert one.notes(image, answer("PA", FOUND), radiograph) == ("read so", FLAGS[MIRRORED])
    assert one.notes(image, answer("LL", FOUND), radiograph) == ("read so",)
    assert reader(UPRIGHT, 0.5)[0].notes(image, answer("PA", FOUND), radiograph) == ("read so",)
