import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.anatomy import taxonomy
from cxrfactory.anatomy import taxonomy_tables as tables
from cxrfactory.errors import CxrError

IDS = {item.name: item.class_id for item in taxonomy.classes()}
NAMES = {item.class_id: item.name for item in taxonomy.classes()}

# Section 3.2 of the paper gives six of the ten counts; the other four share what is left.
PAPER_COUNTS = {
    "Skeletal": 93,
    "Abdominal": 42,
    "Mediastinal": 25,
    "Neural / soft tissue": 5,
    "Breast": 3,
    "Esophageal": 2,
}


def ids(*names: str) -> set[int]:
    return {IDS[name] for name in names}


# --- classes ---------------------------------------------------------------------------------------------------------


def test_class_ids_count_through_the_210_names_in_alphabetical_order():
    assert [item.class_id for item in taxonomy.classes()] == list(range(1, 211))
    names = [item.name for item in taxonomy.classes()]
    assert len(set(names)) == 210
    assert names == sorted(names)


def test_names_are_those_of_the_source_dataset():
    root = os.environ.get("CXRFACTORY_REAL_DATA")
    if not root:
        pytest.skip("CXRFACTORY_REAL_DATA is not set: the source dataset's list of names is not at hand")
    lines = (Path(root) / "anatomy" / "classes_210.txt").read_text().splitlines()
    assert [item.name for item in taxonomy.classes()] == [line.strip() for line in lines if line.strip()]


def test_systems_hold_the_counts_of_the_paper():
    counts = {system: len(members) for system, members in taxonomy.systems().items()}
    assert len(counts) == 10
    assert counts.items() >= PAPER_COUNTS.items()
    assert sum(counts[system] for system in ("Cardiac", "Pulmonary", "Airway", "Endocrine")) == 40
    assert sorted(member for members in taxonomy.systems().values() for member in members) == list(range(1, 211))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("left lung upper lobe", ("Pulmonary", "lung", "left lung", "left lung upper lobe")),
        ("thoracic vertebrae 5 (t5)", ("Skeletal", "vertebrae", "thoracic vertebrae", "thoracic vertebrae 5 (t5)")),
        ("left auricle of heart", ("Cardiac", "heart atrium", "left heart atrium", "left auricle of heart")),
        ("right rib", ("Skeletal", "rib", "right rib")),
        ("skin", ("Neural / soft tissue", "skin")),
    ],
)
def test_path_runs_from_system_to_the_class(name, path):
    assert taxonomy.class_of(name).path == path


def test_every_level_of_the_hierarchy_stands_in_one_place():
    for item in taxonomy.classes():
        assert 2 <= len(item.path) <= 4
        organ = taxonomy.class_of(item.organ)  # raises where an organ is no class itself
        assert (organ.organ, organ.part, organ.system) == (item.organ, None, item.system)
        # S1 is the one leaf whose part is no class: the taxonomy has no sacrum.
        if item.part is not None and item.part != "sacral vertebrae":
            part = taxonomy.class_of(item.part)
            assert (part.organ, part.part) == (item.organ, item.part)


def test_table_a6_places_88_classes():
    placed = Counter(item.placed for item in taxonomy.classes())
    assert placed == {"paper": 88, "inferred": 122}


def test_laterality_follows_the_name():
    for item in taxonomy.classes():
        words = item.name.split()
        for side in ("left", "right"):
            assert (item.laterality == side) == (side in words)
    by_side = Counter(item.laterality for item in taxonomy.classes())
    assert set(by_side) == {"left", "right", "both", "midline"}


def test_left_and_right_classes_mirror_each_other():
    # The middle lobe, the auricle and the segments of the liver have no partner.
    alone = {"right lung middle lobe", "left auricle of heart"} | {name for name in IDS if "segment of liver" in name}
    for item in taxonomy.classes():
        if item.laterality not in ("left", "right") or item.name in alone:
            continue
        sides = ("left", "right") if item.laterality == "left" else ("right", "left")
        other = taxonomy.class_of(item.name.replace(*sides))
        assert (other.laterality, other.system, other.organ, other.number, other.regions) == (
            sides[1],
            item.system,
            item.organ,
            item.number,
            item.regions,
        )


def test_numbers_of_ribs_and_vertebrae():
    numbered = [item for item in taxonomy.classes() if item.number is not None]
    assert len(numbered) == 36 + 7 + 12 + 6 + 1
    assert taxonomy.class_of("right rib 11").number == 11
    assert taxonomy.class_of("lumbar vertebrae 6 (l6)").number == 6
    for part, count in (("thoracic vertebrae", 12), ("left rib", 12), ("cervical vertebrae", 7)):
        assert sorted(item.number for item in numbered if item.part == part) == list(range(1, count + 1))


def test_documented_tables_agree(request):
    page = (request.config.rootpath / "docs" / "anatomy.md").read_text(encoding="utf-8")
    for system, members in taxonomy.systems().items():
        assert f"\n| {system} | {len(members)} | " in page
    for region, core in tables.read_regions().items():
        names = ", ".join(NAMES[class_id] for class_id in core)
        assert f"\n| {region} | {len(taxonomy.regions()[region])} | {names} |\n" in page


@pytest.mark.parametrize("class_id", [0, -1, 211])
def test_unknown_id_is_refused(class_id):
    with pytest.raises(CxrError, match="expected 1 to 210"):
        taxonomy.class_by_id(class_id)


# --- regions ---------------------------------------------------------------------------------------------------------


def test_ten_regions_hold_their_core():
    assert list(taxonomy.regions()) == [
        "abdomen",
        "bone",
        "breast",
        "esophagus",
        "heart",
        "lung",
        "mediastinum",
        "pleura",
        "thyroid",
        "trachea and bronchie",
    ]
    for region, core in tables.read_regions().items():
        assert core
        assert taxonomy.regions()[region].issuperset(core)
    named = {region for item in taxonomy.classes() for region in item.regions}
    assert named == set(taxonomy.regions())


def test_region_needs_its_core():
    assert taxonomy.region_plan(ids("lung nodule", "left lung")) == []
    plan = taxonomy.region_plan(ids("lung", "lung nodule", "skin"))
    assert plan == [("lung", (IDS["lung"], IDS["lung nodule"]))]


def test_all_classes_make_all_regions():
    plan = taxonomy.region_plan(range(1, 211))
    assert {region: frozenset(members) for region, members in plan} == taxonomy.regions()


# --- unions ----------------------------------------------------------------------------------------------------------


def test_parts_come_before_groups_and_no_group_twice():
    groups = [group for group, _ in taxonomy.unions()]
    assert len(groups) == len(set(groups)) == len(tables.read_unions())
    made = set(range(1, 211)) - set(groups)
    for group, parts in taxonomy.unions():
        assert made.issuperset(parts)
        made.add(group)


def test_circles_are_refused(monkeypatch):
    loop = tuple(tables.UnionRule(group, (part,), (), "synonym", "") for group, part in ((1, 2), (2, 1)))
    monkeypatch.setattr(tables, "read_unions", lambda: loop)
    taxonomy.union_rules.cache_clear()
    try:
        with pytest.raises(CxrError, match="abdominal tissue, adrenal gland need one another"):
            taxonomy.union_rules()
    finally:
        taxonomy.union_rules.cache_clear()


def test_union_rules_stay_in_one_system_and_never_repeat_a_part():
    for rule in taxonomy.union_rules():
        group = taxonomy.class_by_id(rule.class_id)
        assert rule.parts
        assert len({*rule.parts, *rule.optional}) == len(rule.parts) + len(rule.optional)
        assert {taxonomy.class_by_id(part).system for part in rule.parts + rule.optional} == {group.system}
        assert rule.kind in ("exact", "approximate", "synonym")
        assert rule.kind == "exact" or rule.note


def test_every_group_of_both_sides_is_a_union():
    groups = {rule.class_id for rule in taxonomy.union_rules()}
    for name, class_id in IDS.items():
        if f"left {name}" in IDS and f"right {name}" in IDS:
            assert class_id in groups


@pytest.mark.parametrize(
    ("group", "leaves"),
    [
        ("lung", 5),
        ("right lung", 3),
        ("rib", 24),
        ("rib 5", 2),
        ("thoracic vertebrae", 12),
        ("vertebrae", 7 + 12 + 6 + 1),
        ("liver", 3 + 4 + 1),
        ("carotid artery", 4),
    ],
)
def test_leaves_of_a_group(group, leaves):
    parts = dict(taxonomy.unions())

    def expand(class_id: int) -> set[int]:
        return set().union(*(expand(part) for part in parts[class_id])) if class_id in parts else {class_id}

    assert len(expand(IDS[group])) == leaves


def test_a_group_lacking_an_essential_part_is_not_made():
    lobes = ids("right lung upper lobe", "right lung middle lobe")
    assert taxonomy.union_plan(lobes) == []
    plan = dict(taxonomy.union_plan(lobes | ids("right lung lower lobe")))
    assert plan == {IDS["right lung"]: tuple(sorted(lobes | ids("right lung lower lobe")))}


def test_optional_parts_join_where_labelled():
    five = {IDS[f"lumbar vertebrae {number} (l{number})"] for number in range(1, 6)}
    sixth = IDS["lumbar vertebrae 6 (l6)"]
    assert dict(taxonomy.union_plan(five))[IDS["lumbar vertebrae"]] == tuple(sorted(five))
    assert dict(taxonomy.union_plan(five | {sixth}))[IDS["lumbar vertebrae"]] == tuple(sorted(five | {sixth}))
    assert taxonomy.union_plan({sixth}) == []


def test_a_labelled_group_is_not_made_again():
    assert taxonomy.union_plan(ids("lung", "left lung", "right lung")) == []


def slow_plan(available: set[int]) -> dict[int, set[int]]:
    """The rule once more, without any order: repeat until nothing new can be made."""
    have, made = set(available), {}
    while True:
        new = {
            rule.class_id
            for rule in tables.read_unions()
            if rule.class_id not in have and all(part in have for part in rule.parts)
        }
        if not new:
            break
        have |= new
        made |= dict.fromkeys(new)
    rules = {rule.class_id: rule for rule in tables.read_unions()}
    return {group: {*rules[group].parts, *(have & set(rules[group].optional))} for group in made}


@given(st.sets(st.integers(1, 210)), st.booleans())
def test_plan_makes_what_can_be_made_in_a_usable_order(drawn, leaves_only):
    groups = {rule.class_id for rule in tables.read_unions()}
    # Random sets rarely hold all twelve ribs; all leaves but the drawn ones make long plans.
    available = set(range(1, 211)) - groups - drawn if leaves_only else drawn
    plan = taxonomy.union_plan(available)
    have = set(available)
    for group, parts in plan:
        assert group not in have
        assert have.issuperset(parts)
        have.add(group)
    assert {group: set(parts) for group, parts in plan} == slow_plan(available)


def test_plan_accepts_numpy_ids_and_refuses_unknown_ones():
    available = np.array(sorted(ids("left breast", "right breast")))
    assert taxonomy.union_plan(available) == [(IDS["breast"], tuple(sorted(ids("left breast", "right breast"))))]
    with pytest.raises(CxrError, match="id 300 is unknown"):
        taxonomy.union_plan({300})
