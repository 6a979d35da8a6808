import pytest

from cxrfactory.anatomy.structure_groups import (
    GROUPS,
    PANELS,
    choose_structures,
    class_of_structure,
    mirrored,
    one_piece,
    panel_of,
)
from cxrfactory.anatomy.taxonomy import classes
from cxrfactory.errors import CxrError

NAMES = [each.name for each in classes()]


def test_words_choose_structures_in_the_order_of_the_names():
    some = ["heart", "left rib 1", "left rib", "right rib 2", "left clavicle", "thoracic vertebrae 5 (t5)", "left lung"]
    assert choose_structures(["ribs"], some) == ["left rib 1", "left rib", "right rib 2"]
    assert choose_structures(["left ribs", "clavicle"], some) == ["left rib 1", "left rib", "left clavicle"]
    assert choose_structures(["Spine", "HEART"], some) == ["heart", "thoracic vertebrae 5 (t5)"]
    assert choose_structures(None, some) == some


def test_one_structure_may_be_named_as_any_vocabulary_names_it():
    some = ["left rib 1", "thoracic vertebrae 5 (t5)", "left lung upper lobe"]
    assert choose_structures(["vertebrae_T5", "rib_left_1"], some) == ["left rib 1", "thoracic vertebrae 5 (t5)"]
    assert choose_structures(["left_lung_upper_lobe"], some) == ["left lung upper lobe"]
    assert choose_structures(["pacemaker"], ["pacemaker", "heart"]) == ["pacemaker"]


@pytest.mark.parametrize("word", ["ribz", "kidneys", "", "left"])
def test_a_word_that_chooses_nothing_is_named_with_what_is_expected(word):
    with pytest.raises(CxrError, match=rf"structures: '{word}' is none .*ribs, .*names: heart"):
        choose_structures([word], ["heart", "left rib 1"])


def test_every_group_has_classes_and_every_class_has_a_panel():
    assert all(any(fits(each) for each in classes()) for fits in GROUPS.values())
    panels = {panel: {name for name in NAMES if panel_of(name) == panel} for panel in PANELS}
    assert sum(map(len, panels.values())) == 210
    assert {"left rib 5", "sternum", "right scapula"} <= panels["bones"]
    assert {"trachea", "right lung middle lobe"} <= panels["lungs"]
    assert {"heart", "aorta", "superior vena cava"} <= panels["heart and vessels"]
    assert {"liver", "spleen", "stomach"} <= panels["abdomen"]
    assert (panel_of("right_lung"), panel_of("pacemaker")) == ("lungs", "others")


@pytest.mark.parametrize(
    ("name", "single"),
    [
        ("left rib 5", True),
        ("heart", True),
        ("left lung upper lobe", True),
        ("thoracic vertebrae 5 (t5)", True),
        ("left rib", False),
        ("thoracic vertebrae", False),
        ("lung", False),
        ("costal cartilage", False),
        ("pacemaker", False),
    ],
)
def test_one_piece_is_an_organ_of_one_side_or_of_the_middle(name, single):
    assert one_piece(name) is single


def test_names_of_regions_denote_classes_but_drawn_lungs_do_not():
    assert class_of_structure("left_rib_1").name == "left rib 1"
    assert class_of_structure("thoracic_vertebrae_1_t1").name == "thoracic vertebrae 1 (t1)"
    assert class_of_structure("left_projected_lung").name == "left lung"
    assert [class_of_structure(name) for name in ("right_lung", "left_whole_lung", "pacemaker")] == [None] * 3


def test_the_other_side_of_a_name():
    assert mirrored("left rib 1") == "right rib 1"
    assert mirrored("right_clavicle") == "left_clavicle"
    assert mirrored("head of left femur") == "head of right femur"
    assert mirrored("heart") is None
    # Every class with a side has the other one, but for organs of one side.
    alone = {name for name in NAMES if (other := mirrored(name)) is not None and other not in NAMES}
    assert {name for name in alone if "rib" in name or "clavicle" in name} == set()
