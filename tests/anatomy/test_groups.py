"""The benchmark's partitions: every class has one of the seven groups, and levels unite regions."""

from collections import Counter

import pytest

from cxrfactory.anatomy.groups import GROUPS, LEVELS, class_of_region, group_of, is_pathology, nodes_of
from cxrfactory.anatomy.regions import region_of_structure
from cxrfactory.anatomy.taxonomy import classes


def test_every_class_has_a_group_and_every_group_has_classes():
    counts = Counter(group_of(item) for item in classes())
    assert tuple(sorted(counts, key=GROUPS.index)) == GROUPS
    assert counts["Bone"] == 93  # the paper's number of skeletal classes
    assert counts["Cardiac"] == 11


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("aorta", "Vascular"),
        ("inferior vena cava", "Vascular"),
        ("trachea", "Mediastinum"),
        ("esophagus", "Mediastinum"),
        ("left adrenal gland", "Abdomen"),
        ("thyroid gland", "Other"),
        ("left rib 5", "Bone"),
        ("left lung upper lobe", "Lung"),
    ],
)
def test_groups_of_known_classes(name, group):
    (item,) = (item for item in classes() if item.name == name)
    assert group_of(item) == group


def test_pathologies_are_cysts_tumours_nodules_effusions_and_emboli():
    assert {item.name for item in classes() if is_pathology(item)} == {
        *("kidney cyst", "left kidney cyst", "right kidney cyst", "kidney tumor", "liver tumor", "pancreas tumor"),
        *("lung effusion", "lung nodule", "lung tumor", "pulmonary embolism"),
    }


def test_regions_of_all_classes_are_found_again():
    for item in classes():
        assert class_of_region(region_of_structure(item.name)) == item
    assert class_of_region("left_whole_lung").name == "left lung"
    assert class_of_region("airways") is None


def test_levels_unite_what_is_below():
    regions = ["left_rib_1", "left_rib_2", "aorta", "right_lung_upper_lobe", "airways"]
    found = {(node.level, node.name): node for node in nodes_of(regions)}
    assert [level for level, _ in found] == sorted(level for level, _ in found)
    assert found["L1", "Skeletal"].regions == ("left_rib_1", "left_rib_2")
    assert found["L2", "rib"].regions == found["L3", "left rib"].regions == ("left_rib_1", "left_rib_2")
    assert found["L4", "left rib 2"].regions == ("left_rib_2",)
    assert found["L2", "aorta"].regions == found["L3", "aorta"].regions == found["L4", "aorta"].regions == ("aorta",)
    assert found["L4", "airways"].group == "Other"
    assert ("L1", "airways") not in found
    assert {level for level, _ in found} == set(LEVELS)
    assert found["L1", "Skeletal"].group == "Bone"
