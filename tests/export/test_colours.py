import pytest

from cxrfactory.anatomy.taxonomy import classes
from cxrfactory.export.colours import colour_of
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS


def test_every_class_has_a_colour_of_its_own():
    assert len({colour_of(each.name) for each in classes()}) == 210


@pytest.mark.parametrize("name", ["right_lung", "right lung", "right_whole_lung"])
def test_organs_have_the_colours_of_the_overlays(name):
    assert colour_of(name) == ORGAN_COLOURS["right_lung"]


def test_other_names_have_a_colour_too():
    assert colour_of("airways") == colour_of("airways") != colour_of("device")
    assert all(0 <= part <= 255 for part in colour_of("airways"))
