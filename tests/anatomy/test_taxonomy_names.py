import csv
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.anatomy import taxonomy
from cxrfactory.anatomy import taxonomy_tables as tables
from cxrfactory.errors import CxrError

V2 = taxonomy.totalsegmentator_v2()

# Names of the label table that comes with the embedded CT: TotalSegmentator's, and one class of its test task.
EMBEDDED_EXTRA = ("carpal",)


def test_total_has_117_names_in_order():
    assert list(V2) == list(range(1, 118))
    assert len(set(V2.values())) == 117
    # Corners of the official table: organs, spine downwards to upwards, heart, ribs, the last two.
    known = {1: "spleen", 5: "liver", 10: "lung_upper_lobe_left", 25: "sacrum", 26: "vertebrae_S1", 27: "vertebrae_L5"}
    known |= {50: "vertebrae_C1", 51: "heart", 52: "aorta", 61: "atrial_appendage_left", 79: "spinal_cord"}
    known |= {92: "rib_left_1", 103: "rib_left_12", 104: "rib_right_1", 115: "rib_right_12", 116: "sternum"}
    known |= {117: "costal_cartilages"}
    assert V2.items() >= known.items()


def test_every_source_name_is_a_class_or_a_drop_with_a_reason():
    for item in tables.read_source_names():
        assert (item.class_id is None) == (item.dropped is not None)
    v2 = Counter(item.class_id is None for item in tables.read_source_names() if item.version == "v2")
    assert v2 == {False: 101, True: 16}


def test_no_two_names_of_v2_mean_one_class():
    meant = [item.class_id for item in tables.read_source_names() if item.version == "v2" and item.class_id]
    assert len(meant) == len(set(meant))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("lung_upper_lobe_left", "left lung upper lobe"),
        ("rib_left_1", "left rib 1"),
        ("vertebrae_T5", "thoracic vertebrae 5 (t5)"),
        ("vertebrae_S1", "sacral vertebrae 1 (s1)"),
        ("atrial_appendage_left", "left auricle of heart"),
        ("heart_atrial_appendage_left", "left auricle of heart"),
        ("costal_cartilages", "costal cartilage"),
        ("kidney_cyst_left", "left kidney cyst"),
        ("portal_vein_and_splenic_vein", "portal vein and splenic vein"),
        ("iliac_vena_left", "left iliac vena"),
        ("clavicula_right", "right clavicle"),
        ("heart_myocardium", "myocardium"),
        ("lung_left", "left lung"),
    ],
)
def test_totalsegmentator_names(source, name):
    assert taxonomy.class_of(source).name == name


def test_sides_and_numbers_survive_the_mapping():
    for item in tables.read_source_names():
        if item.class_id is None:
            continue
        meant = taxonomy.class_by_id(item.class_id)
        for side in ("left", "right"):
            assert (side in item.source_name.split("_")) == (meant.laterality == side)
        digits = "".join(letter for letter in item.source_name if letter.isdigit())
        assert (str(meant.number) if meant.number else "") == digits


@pytest.mark.parametrize(
    "source", ["urinary_bladder", "hip_left", "brain", "skull", "autochthon_right", "face", "carpal"]
)
def test_deliberate_drops(source):
    found = taxonomy.resolve(source)
    assert found.class_id is None
    assert found.dropped
    assert taxonomy.class_of(source) is None


@pytest.mark.parametrize(
    "spelling",
    ["left rib 5", "Left_Rib_5.nii.gz", "LEFT-RIB-5.seg.nrrd", "  left  rib 5 ", "left rib 5.nii", "rib_left_5.nii.gz"],
)
def test_spellings(spelling):
    assert taxonomy.class_of(spelling).name == "left rib 5"


def test_brackets_do_not_matter():
    assert taxonomy.class_of("thoracic_vertebrae_5_(t5).nii.gz") == taxonomy.class_of("thoracic vertebrae 5 t5")


def test_canonical_names_go_first():
    assert taxonomy.resolve("thyroid_gland").vocabulary == "canonical"
    assert taxonomy.resolve("kidney_left").vocabulary == "TotalSegmentator v2"
    assert taxonomy.resolve("pulmonary_artery").vocabulary == "canonical"


@given(
    st.sampled_from([item.name for item in taxonomy.classes()]),
    st.sampled_from([str, str.upper, str.title]),
    st.sampled_from([" ", "_", "-"]),
    st.sampled_from(["", ".nii.gz", ".nii", ".nrrd", ".mha"]),
)
def test_every_canonical_name_resolves_to_itself(name, case, separator, suffix):
    assert taxonomy.class_of(case(name).replace(" ", separator) + suffix).name == name


def test_the_two_vocabularies_never_disagree():
    canonical = {item.name: item.class_id for item in taxonomy.classes()}
    for item in tables.read_source_names():
        plain = item.source_name.lower().replace("_", " ")
        assert canonical.get(plain, item.class_id) == item.class_id


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("lung_uper_lobe_left", "lung_upper_lobe_left"),
        ("rib_5_left", "rib_left_5"),
        ("left clavicula", "clavicula_left"),
        ("esophagos", "esophagus"),
    ],
)
def test_unknown_name_suggests_near_ones(wrong, hint):
    with pytest.raises(CxrError, match=f"did you mean.*'{hint}'") as error:
        taxonomy.resolve(wrong)
    assert "\n" not in str(error.value)
    assert repr(wrong) in str(error.value)


@pytest.mark.parametrize("wrong", ["", "  ", "qqqqqqqq", ".nii.gz", "left", "5", "segmentation\nof a name" + 300 * "x"])
def test_unknown_name_without_near_ones(wrong):
    with pytest.raises(CxrError, match="is unknown; expected one of the 210 classes") as error:
        taxonomy.resolve(wrong)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_what_totalsegmentator_makes_by_union():
    labelled = {item.class_id for item in tables.read_source_names() if item.version == "v2"} - {None}
    made = {taxonomy.class_by_id(group).name for group, _ in taxonomy.union_plan(labelled)}
    assert made >= {
        "lung",
        "left lung",
        "rib",
        "right rib",
        "rib 12",
        "vertebrae",
        "kidney",
        "thyroid",
        "rib cartilage",
    }
    # It labels the common carotids only, no chamber but the auricle, and neither hips nor skull as bone.
    assert made.isdisjoint({"carotid artery", "heart atrium", "bone", "muscle", "liver"})
    regions = {
        region for region, _ in taxonomy.region_plan(labelled | {group for group, _ in taxonomy.union_plan(labelled)})
    }
    assert regions == set(taxonomy.regions()) - {"breast", "pleura"}


def test_names_of_the_embedded_label_table_all_resolve(tmp_path):
    # The table numbers 118 structures: TotalSegmentator's 117 with 'carpal' put in before the last.
    table = tmp_path / "structures.csv"
    rows = [*list(V2.values())[:116], *EMBEDDED_EXTRA, V2[117]]
    table.write_text("structure,id\n" + "".join(f"{name},{value}\n" for value, name in enumerate(rows, 1)))
    with table.open() as lines:
        found = [taxonomy.resolve(row["structure"]) for row in csv.DictReader(lines)]
    assert sum(item.class_id is not None for item in found) == 101
    assert sum(item.dropped is not None for item in found) == 17


def test_a_missing_table_says_what_to_do():
    with pytest.raises(CxrError, match=r"lacks anatomy/resources/none\.csv; install it again"):
        list(tables._rows("none.csv"))
