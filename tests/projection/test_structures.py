import numpy as np
import pytest

from cxrfactory.anatomy.taxonomy import class_of
from cxrfactory.errors import CxrError
from cxrfactory.projection.structures import dropped, labelled, to_classes


def stack(*pixels):
    masks = np.zeros((len(pixels), 4, 4), np.uint8)
    for mask, at in zip(masks, pixels, strict=True):
        mask.flat[list(at)] = 1
    return {"PA": masks, "LL": masks[:, ::-1]}


def test_groups_are_unions_of_what_the_source_labels():
    names = ["lung_upper_lobe_left", "lung_lower_lobe_left", "heart", "hip_left"]
    structures, masks = to_classes(
        names, [10, 11, 51, 77], stack([0], [5, 6], [], [15]), np.array([True, False, False, True])
    )
    found = {each.name: (each.origin, each.source_id, place) for place, each in enumerate(structures)}
    assert list(found) == sorted(found, key=lambda name: class_of(name).class_id)
    assert found["left lung upper lobe"][:2] == ("label", 10)
    assert found["left lung"][:2] == ("union", None)
    assert "lung" not in found  # the right one is not labelled
    assert "hip_left" not in found
    cut_off = {each.name: each.cut_off for each in structures}
    assert cut_off["left lung"]  # a part that is cut off cuts the whole off
    assert not cut_off["left lung lower lobe"]
    assert np.flatnonzero(masks["PA"][found["left lung"][2]]).tolist() == [0, 5, 6]
    assert np.flatnonzero(masks["LL"][found["left lung"][2]][::-1]).tolist() == [0, 5, 6]
    assert not masks["PA"][found["heart"][2]].any()


def test_two_labels_of_one_class_are_united():
    structures, masks = to_classes(
        ["atrial_appendage_left", "heart_atrial_appendage_left"], [61, 62], stack([1], [2]), np.zeros(2, bool)
    )
    assert [(each.name, each.origin, each.source_id) for each in structures] == [
        ("left auricle of heart", "union", None)
    ]
    assert np.flatnonzero(masks["PA"][0]).tolist() == [1, 2]


def test_unknown_names_stop_a_release_and_not_a_study_by_hand():
    with pytest.raises(CxrError, match="structure name 'flux capacitor' is unknown"):
        dropped(["heart", "flux capacitor"])
    by_hand = labelled(["flux capacitor", "heart", "hip_left"], [1, 2, 3], np.zeros(3, bool))
    assert [each.class_id for each in by_hand] == [None, class_of("heart").class_id, None]


def test_dropped_names_say_why():
    assert list(dropped(["hip_left", "heart"])) == ["hip_left"]


def test_no_structure_is_no_mask():
    structures, masks = to_classes(["hip_left"], [77], stack([3]), np.zeros(1, bool))
    assert structures == []
    assert masks["PA"].shape == (0, 4, 4)
