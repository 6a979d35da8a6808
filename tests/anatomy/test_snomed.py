"""Codes of the classes: they exist in pydicom's dictionary of DICOM's context groups, and none is mistyped."""

import pytest
from pydicom.sr._concepts_dict import concepts

from cxrfactory.anatomy import snomed
from cxrfactory.anatomy.snomed import PRIVATE_SCHEME, code_of, coded_classes, plain_text, private_code
from cxrfactory.anatomy.taxonomy import classes

KNOWN = {}
for each in concepts["SCT"].values():
    for value, (meaning, _) in each.items():
        KNOWN.setdefault(value, set()).add(meaning.lower())
WITHOUT = {
    "cricopharyngeal inlet",
    "eustachian tube bone",
    "left eustachian tube bone",
    "right eustachian tube bone",
    "left lobe of liver",
    "right lobe of liver",
    "lumbar vertebrae 6 (l6)",
}
# The dihedral group D5 and its permutation, of the check digit of SNOMED CT identifiers (Verhoeff 1969).
TIMES = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
         [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
         [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
         [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]  # fmt: skip
MOVED = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def has_check_digit(value):
    state, moves = 0, list(range(10))
    for place, digit in enumerate(reversed(value)):
        if place:
            moves = [MOVED[move] for move in moves]
        state = TIMES[state][moves[int(digit)]]
    return state == 0


def all_codes():
    for name, code in coded_classes().items():
        yield name, code.kind, code.source
        if code.region:
            yield name, code.region, "pydicom"
    for code in (*snomed.CATEGORIES.values(), *snomed.SIDES.values()):
        yield code.meaning, code, "pydicom"


def test_all_classes_but_seven_have_a_code():
    names = {each.name for each in classes()}
    assert set(coded_classes()) == names - WITHOUT
    assert len(coded_classes()) == 203
    for name in WITHOUT:
        assert code_of(name).kind.scheme == PRIVATE_SCHEME


def test_the_check_digit_finds_a_mistyped_code():
    assert has_check_digit("80891009")
    assert not has_check_digit("80891008")
    assert not has_check_digit("80981009")


def test_codes_exist():
    for name, code, source in all_codes():
        assert has_check_digit(code.value), name
        # What pydicom does not know was looked up elsewhere, and the table says where.
        assert (code.value in KNOWN) == (source == "pydicom"), name
    elsewhere = {code.source for code in coded_classes().values()} - {"pydicom"}
    assert elsewhere == {"HL7 CodeX", "TotalSegmentator"}


def test_meanings_are_those_of_pydicom():
    other = {
        "Anatomical Structure": "body structure (body structure)",  # the meaning in the context group of DICOM's SEG
        "Brachiocephalic trunk": "brachiocephalic trunk",
    }
    for name, code, source in all_codes():
        if source == "pydicom":
            assert other.get(code.meaning, code.meaning.lower()) in KNOWN[code.value], (name, code.meaning)


def test_sides_are_those_of_the_names():
    by_name = {each.name: each for each in classes()}
    for name, code in coded_classes().items():
        side = by_name[name].laterality
        if code.side is not None:
            assert code.side.meaning.lower() == side, name
        elif side in ("left", "right") and "segment" not in code.kind.meaning:
            # The side, or the organ's own name for it, is part of the code.
            assert side in code.kind.meaning.lower(), name


def test_right_and_left_have_the_same_code_or_the_side_in_it():
    known = coded_classes()
    pairs = [(name, name.replace("left", "right", 1)) for name in known if name.startswith("left ")]
    for left, right in pairs:
        if right in known and known[left].side is not None:
            assert known[left].kind == known[right].kind
            assert known[right].side.meaning == "Right"
        elif right in known:
            assert known[left].kind != known[right].kind


@pytest.mark.parametrize(
    ("name", "value", "side"),
    [
        ("right_lung", "39607008", "Right"),
        ("left_whole_lung", "39607008", "Left"),
        ("lungs", "39607008", None),
        ("heart", "80891009", None),
        ("right_clavicle", "51299004", "Right"),
        ("rib_left_5", "15339008", "Left"),
        ("thoracic vertebrae 5 (t5)", "56401006", None),
    ],
)
def test_masks_of_products_have_codes(name, value, side):
    code = code_of(name)
    assert (code.kind.scheme, code.kind.value) == ("SCT", value)
    assert (code.side and code.side.meaning) == side


def test_other_names_get_a_private_code_that_fits_dicom():
    code = code_of("own\\region " + "x" * 80)
    assert code.kind.scheme == PRIVATE_SCHEME
    assert len(code.kind.value) <= 16
    assert len(code.kind.meaning) == 64
    assert "\\" not in code.kind.meaning
    assert private_code("a").value != private_code("b").value


def test_plain_text_is_never_empty():
    assert plain_text("\n") == "_"
    assert plain_text("  a\tb ") == "a_b"
