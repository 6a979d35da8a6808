"""Solid organs of air and lungs on the wrong side are refused, whatever the names' source."""

import numpy as np
import pytest

from cxrfactory.drr.label_tables import names_of
from cxrfactory.drr.organ_places import OrganPlaces
from cxrfactory.errors import ImageError

SHAPE, SPACING_MM = (40, 40, 60), (5.0, 5.0, 5.0)
LUNGS = {10: "left", 11: "left", 12: "right", 13: "right", 14: "right"}  # TotalSegmentator v2


def chest():
    """HU and v2 labels [z, y, x], x towards the patient's right: five lobes, spleen, heart."""
    hu = np.full(SHAPE, 30, np.int16)
    labels = np.zeros(SHAPE, np.uint8)
    for value, side in LUNGS.items():
        x = slice(40, 55) if side == "right" else slice(5, 20)
        z = slice(10 + 5 * (value % 5), 15 + 5 * (value % 5))
        hu[z, 5:30, x], labels[z, 5:30, x] = -850, value
    labels[0:6, 10:20, 5:15] = 1
    labels[12:22, 12:24, 24:34] = 51
    labels[0:6, 10:20, 25:35] = 7
    return hu, labels


def check(hu, labels, names):
    places = OrganPlaces(hu, SPACING_MM)
    places.add(labels, names)
    places.check()


def test_true_names_pass():
    check(*chest(), names_of("totalsegmentator-v2"))


def test_names_of_another_version_are_refused():
    hu, labels = chest()
    with pytest.raises(ImageError, match=r"called 'pancreas' lies in air \(mean -850 HU.* totalsegmentator-v1 or "):
        check(hu, labels, names_of("totalsegmentator-v1"))
    first = {name: value for value, name in names_of("totalsegmentator-v1").items()}
    v1 = np.zeros_like(labels)
    for value, name in names_of("totalsegmentator-v2").items():
        v1[labels == value] = first.get(name, 0)
    check(hu, v1, names_of("totalsegmentator-v1"))
    with pytest.raises(ImageError, match="called 'thyroid_gland' lies in air"):
        check(hu, v1, names_of("totalsegmentator-v2"))


def test_mirrored_labels_are_refused():
    hu, labels = chest()
    with pytest.raises(ImageError, match="left lung lies"):
        check(hu, labels[:, :, ::-1], {value: f"lung_upper_lobe_{side}" for value, side in LUNGS.items()})


@pytest.mark.parametrize("names", [{10: "lung_left"}, {14: "lung_right"}, {10: "label_10", 14: "nothing known"}])
def test_one_lung_or_unknown_names_say_nothing(names):
    check(*chest(), names)


def test_a_speck_in_the_lung_is_tolerated():
    hu, labels = chest()
    labels[12:14, 6:8, 42:44] = 3  # 1 ml of kidney
    check(hu, labels, names_of("totalsegmentator-v2"))
