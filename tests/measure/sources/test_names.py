import re

import pytest

from cxrfactory.anatomy.snomed import coded_classes
from cxrfactory.anatomy.taxonomy import class_of, classes, totalsegmentator_v2
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.measure.sources.legend import read_legend
from cxrfactory.measure.sources.names import Label, is_part, structure_of, structure_of_code, structures_of


def test_every_class_and_every_name_of_totalsegmentator_is_known():
    for each in classes():
        assert class_of(structure_of(each.name.upper().replace(" ", "_"))) == each
    for name in totalsegmentator_v2().values():
        assert (structure_of(name) is None) == (class_of(name) is None)
        assert structure_of(name) is None or class_of(structure_of(name)) == class_of(name)


def test_codes_lead_back_to_their_structures():
    for name, code in coded_classes().items():
        triple = (code.kind.value, code.side.value if code.side else "", code.region.value if code.region else "")
        found = structure_of_code(triple)
        assert found is not None
        assert found == name or {found, name} in ({"thyroid", "thyroid gland"}, {"costal cartilage", "rib cartilage"})
    assert structure_of_code(("", "", "")) is None


def test_labels_get_their_structures():
    labels = [
        Label("1", "Heart"),
        Label("2", "part 2", code="left lung"),
        Label("3", "right lung", code="lung"),  # the code lacks the side
        Label("4", None, present=False),
        Label("5", "blob", present=False),
        Label("6", "heart", present=False),
        Label("7", "urinary_bladder"),
        Label("8", "blob"),
        Label("9", None),
    ]
    legend = {"8": "ignore", "9": "trachea"}
    assert structures_of(labels, legend, "f") == {"1": "heart", "2": "left lung", "3": "right lung", "9": "trachea"}


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (Label("2", None), "f: label 2 has no name; give a --legend with the row '2,NAME', or '2,ignore'"),
        (Label("2", "hart"), "f: label 2 is called 'hart', which is no known structure; did you mean 'heart'?"),
        (Label("2", "lung", code="left lung"), "f: label 2 is called lung, and its code means left lung; correct one"),
        (Label("2", "left lung"), "f: labels 1 and 2 are both left lung; expected one label a structure"),
        (Label("2", "x" * 90 + "\n"), f"f: label 2 is called '{'x' * 40}', which"),
    ],
)
def test_labels_without_a_structure_are_one_line(label, said):
    with pytest.raises(ImageError, match=re.escape(said)) as raised:
        structures_of([Label("1", "left lung"), label], {}, "f")
    assert "\n" not in str(raised.value)


def test_parts_of_parts():
    assert is_part("right lung upper lobe", "lung")
    assert not is_part("heart", "lung")
    assert not is_part("heart", "heart")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("value,name\n1,heart\n1.0,left lung\n", "l.csv row 3: value '1' comes twice"),
        ("value,name\n0,heart\n", "l.csv row 2: value 0 is called 'heart'; 0 is the background"),
        ("value,name\n0,background\n", "l.csv: no row; expected a value and a name in each"),
        ("value,name\n1,\n", "l.csv row 2: value '1', name ''; expected both"),
        ("value,name\n1,heart\n#ff0000,lung\n", "l.csv: colours and other values; expected colours alone, or none"),
        ("a,b\n1,heart\n", "l.csv: columns a, b; expected one called"),
    ],
)
def test_a_wrong_legend_is_one_line(text, said, tmp_path):
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(CxrError, match=re.escape(said)):
        read_legend(tmp_path / "l.csv")
    with pytest.raises(CxrError, match="no such file; expected a legend"):
        read_legend(tmp_path / "m.csv")


def test_values_of_a_legend_are_numbers_colours_or_names(tmp_path):
    (tmp_path / "l.csv").write_text("name;value\nheart;01\nleft lung;Cor 2\n")
    assert read_legend(tmp_path / "l.csv").names == {"1": "heart", "Cor 2": "left lung"}
    (tmp_path / "l.csv").write_text("value,name\n#FF00aa,heart\n")
    legend = read_legend(tmp_path / "l.csv")
    assert (legend.names, legend.colours) == ({"#ff00aa": "heart"}, {0xFF00AA: "#ff00aa"})
