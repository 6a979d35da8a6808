"""Alpha channels: opaque, equal, transparent at the border, transparent inside."""

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.transparency import transparent_border


def alpha(**parts):
    found = np.full((80, 96), 255, np.uint8)
    for value, place in parts.values():
        found[place] = value
    return found


@pytest.mark.parametrize(("value", "notes"), [(255, 0), (128, 1), (1, 1)])
def test_the_same_alpha_everywhere_says_nothing(value, notes):
    said = []
    assert transparent_border(np.full((80, 96), value, np.uint8), "PNG", said) is None
    assert len(said) == notes


def test_a_border_with_soft_edges_is_no_part_of_the_picture():
    given, said = alpha(left=(0, np.s_[:, :10]), soft=(90, np.s_[:, 10]), corner=(0, np.s_[75:, 90:])), []
    assert np.array_equal(transparent_border(given, "PNG", said), given < 255)
    assert said == ["its transparent border (11.8% of the pixels) counts as no part of the image"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (alpha(hole=(0, np.s_[30:40, 30:40])), "inside the picture"),
        (alpha(border=(0, np.s_[:5]), pixel=(200, np.s_[30, 30])), "inside the picture"),
        (alpha(most=(0, np.s_[:50])), "in 62% of it"),
        (np.zeros((80, 96), np.uint8), "in 100% of it"),
    ],
)
def test_other_transparency_is_refused(given, says):
    with pytest.raises(ImageError, match=f"TIFF with transparent pixels {says}"):
        transparent_border(given, "TIFF", [])
