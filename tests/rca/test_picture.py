"""Flags of pictures alone: a chest has none; noise, a negative, two films and crushed greys have theirs."""

import cv2
import numpy as np
import pytest

from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.metrics.flags import CRUSHED, NOT_FRONTAL, SEVERAL
from cxrfactory.rca.packaged import packaged_file
from cxrfactory.rca.picture import PictureJudge
from cxrfactory.rca.reference import read_reference


@pytest.fixture(scope="module")
def judge():
    """The judge of the package's registration network."""
    return PictureJudge()


@pytest.fixture(scope="module")
def film():
    """One of the virtual films of the package."""
    return cv2.resize(read_reference(packaged_file("jsrt")).references[0].image, (256, 256))


def flags(judge, pixels, frontal=True):
    return judge(*prepare(Radiograph(pixels), Preparation(size=256)), frontal)


def test_a_chest_has_no_flag(judge, film):
    assert flags(judge, film) == []


@pytest.mark.parametrize("kind", ["noise", "negative"])
def test_noise_and_a_negative_are_no_frontal_chest(judge, film, kind):
    noise = np.random.default_rng(1).integers(0, 256, film.shape, dtype=np.uint8)
    assert NOT_FRONTAL in flags(judge, noise if kind == "noise" else 255 - film)


def test_two_films_in_one_picture(judge, film):
    assert flags(judge, np.hstack([film, film]))[0] == SEVERAL


def test_a_lateral_film_is_judged_by_its_grey_values_alone(judge, film):
    assert flags(judge, np.hstack([film, film]), frontal=False) == []
    crushed = np.where(film > 128, np.uint8(255), np.uint8(0))
    assert flags(judge, crushed, frontal=False) == [CRUSHED]
