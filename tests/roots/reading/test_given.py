"""Tables of plants and groups: what is read, and errors that name file and row."""

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.roots.reading.given import plant_rows, read_groups, read_plants, read_scales

HEADER = "plate,plant,seed_x,seed_y,left,top,right,bottom\n"


def _none(plate: str, plant: str) -> None:
    return None


def test_regions_are_read_and_missing_ones_are_columns(tmp_path):
    path = tmp_path / "plants.csv"
    path.write_text("\ufeff" + HEADER + "b,1,30,5,,,,\na,2,70.5,8,50,0,100,90\n\na,1,20,6,,,,\n", encoding="utf-8")
    plants = read_plants(path)
    assert [(each.plate, each.plant, each.seed, each.region, each.row) for each in plants] == [
        ("b", "1", (30, 5), None, 2),
        ("a", "2", (70.5, 8), (50, 0, 100, 90), 3),
        ("a", "1", (20, 6), None, 5),
    ]
    rows = plant_rows(path, plants, {"a": (90, 100), "b": (80, 60), "c": (9, 9)}, _none)
    assert [[row[key] for key in ("plate", "plant", "left", "top", "right", "bottom")] for row in rows] == [
        ["a", "2", 50, 0, 100, 90],
        ["a", "1", 0, 0, 45, 90],
        ["b", "1", 0, 0, 60, 80],
    ]
    assert plant_rows(path, plants, {"a": None, "b": None}, _none) == []  # no picture of them can be used


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plate,plant,seed_x\n", "column 'seed_y' is missing"),
        (HEADER + "a,1,x,5,,,,\n", "row 2: 'seed_x' is 'x'"),
        (HEADER + 'a,1,"1,200",5,,,,\n', "row 2: 'seed_x' is '1,200'"),
        (HEADER + "a,1,nan,5,,,,\n", "row 2: 'seed_x' is 'nan'"),
        (HEADER + "a,,3,5,,,,\n", "row 2: 'plant' is empty"),
        (HEADER + "a,1,3,5\n", "row 2 has 4 cells; expected 8"),
        (HEADER + "a,1,3,5,0,,9,9\n", "row 2 lacks top"),
        (HEADER + "a,1,30,5,0,0,9,9\n", "row 2: the seed .* outside of its region"),
        (HEADER + "a,1,3,5,,,,\na,1,4,5,,,,\n", "row 3 gives plant '1' of plate 'a' again, after row 2"),
    ],
)
def test_a_wrong_table_of_plants_is_an_error_with_file_and_row(tmp_path, text, message):
    (tmp_path / "plants.csv").write_text(text)
    with pytest.raises(CxrError, match=f"plants.csv: {message}"):
        read_plants(tmp_path / "plants.csv")


@pytest.mark.parametrize(("separator", "half"), [(";", "70,5"), ("\t", "70,5"), (";", "70.5"), (",", "70.5")])
def test_tables_have_commas_semicolons_or_tabs(tmp_path, separator, half):
    plants, groups = tmp_path / "plants.csv", tmp_path / "groups.tsv"
    plants.write_text(
        separator.join(["plate", "plant", "seed_x", "seed_y"]) + "\n" + separator.join(["a", "1", half, "8"])
    )
    groups.write_text(separator.join(["plate", "group"]) + "\n" + separator.join(["a", "wild"]))
    assert [(each.plate, each.seed) for each in read_plants(plants)] == [("a", (70.5, 8))]
    assert read_groups(groups)("a", "1") == "wild"


def test_plants_must_fit_the_plates(tmp_path):
    path = tmp_path / "plants.csv"
    path.write_text("plate,plant,seed_x,seed_y\na,1,30,5\n")
    with pytest.raises(CxrError, match="row 2 names plate 'a'; the 1 known plates are 'b'"):
        plant_rows(path, read_plants(path), {"b": (9, 9)}, _none)
    with pytest.raises(CxrError, match=r"row 2: seed .* lies outside of the plate's pictures of 20 x 90 px"):
        plant_rows(path, read_plants(path), {"a": (90, 20)}, _none)


def test_groups_of_plates_and_of_single_plants(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("plate,group,plant\na,wild,\na,mutant,2\nb,mutant,1\n")
    group_of = read_groups(path)
    found = [group_of(*key) for key in (("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("c", "1"))]
    assert found == ["wild", "mutant", "mutant", None, None]
    group_of.check({"a": None, "b": None})
    assert read_groups()("a", "1") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plate\n", "column 'group' is missing"),
        ("plate,group\na,\n", "row 2: 'group' is empty"),
        ("plate,group\na,x\na,y\n", "row 3 gives a group of plate 'a' again, after row 2"),
        ("plate,group,plant\na,x,1\na,y,1\n", "row 3 gives a group of plant '1' of plate 'a' again"),
    ],
)
def test_a_wrong_table_of_groups_is_an_error_with_file_and_row(tmp_path, text, message):
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(CxrError, match=f"groups.csv: {message}"):
        read_groups(tmp_path / "groups.csv")


def test_groups_must_fit_the_plates(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("plate,group,plant\na,x,\nb,x,7\n")
    with pytest.raises(CxrError, match=r"groups\.csv: row 3 names plate 'b'"):
        read_groups(path).check({"a": None})
    with pytest.raises(CxrError, match="row 3 names plant '7', which plate 'b' does not have"):
        read_groups(path).check({"a": None, "b": None}, {"a": ["1"], "b": ["1"]})
    with pytest.raises(CxrError, match="no such file"):
        read_groups(tmp_path / "none.csv")


def test_scales_of_plates_are_read_by_the_unit_of_their_column(tmp_path):
    plants, groups = tmp_path / "plants.csv", tmp_path / "groups.csv"
    plants.write_text("plate,plant,seed_x,seed_y,dpi\na,1,5,5,600\na,2,9,5,600\n")
    groups.write_text("plate,group,scale\na,wild,\nb,wild,62.5 px/cm\nother,wild,x\n")
    found = read_scales([plants, groups], {"a", "b"})
    assert found == pytest.approx({"a": 25.4 / 600, "b": 0.16})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plate,group,scale\na,wild,62\n", "row 2: 'scale' is '62'; expected mm of a pixel"),
        ("plate,group,mm_per_pixel\na,wild,62\n", "row 2: 'mm_per_pixel' is '62'; expected mm of a pixel"),
        ("plate,group,dpi\na,wild,600\na,wild,300\n", "row 3, 'dpi' gives plate 'a' 0.084667 mm a pixel, and"),
    ],
)
def test_a_wrong_scale_is_an_error_with_file_and_row(tmp_path, text, message):
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(CxrError, match=f"groups.csv(: |, ){message}"):
        read_scales([tmp_path / "groups.csv"], {"a"})
