import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.rsml import RootScene, RsmlFunction, TimeSequence, mm_per_pixel, read_rsml, rsml_text, walk
from tests.tables.rsml.scenes import full_scene, line, rsml, spline
from tests.tables.rsml.schema import faults

LINE = line((0, 0), (3, 4))
WRONG = 'tension="x"'


def read(tmp_path: Path, text: str | bytes, encoding: str = "utf-8") -> RootScene:
    path = tmp_path / "a.rsml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_rsml(path)


def refusal(tmp_path: Path, text: str | bytes, encoding: str = "utf-8") -> str:
    with pytest.raises(CxrError) as caught:
        read(tmp_path, text, encoding)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'a.rsml'}: ")
    return str(caught.value).removeprefix(f"{tmp_path / 'a.rsml'}: ")


def test_points_of_a_polyline_are_those_of_the_file(tmp_path):
    scene = read(
        tmp_path, rsml(f'<plant id="p" label="x"><root id="r" label="y">{line((1.25, 2), (-3, 4e2))}</root></plant>')
    )
    root = scene.plants[0].roots[0]
    np.testing.assert_array_equal(root.points, [[1.25, 2], [-3, 400]])
    assert root.points.dtype == np.float64
    assert (scene.plants[0].id, scene.plants[0].label, root.id, root.label, root.parent) == ("p", "x", "r", "y", None)


def test_walk_gives_plant_root_order_and_parent_in_the_order_of_the_file(tmp_path):
    inner = f"<root ID='a'>{LINE}<root ID='b'>{LINE}<root ID='c'>{LINE}</root></root><root ID='d'>{LINE}</root></root>"
    scene = read(
        tmp_path,
        rsml(
            f"<plant ID='1'>{inner}<root ID='e'>{LINE}</root></plant><plant ID='2'><root ID='f'>{LINE}</root></plant>"
        ),
    )
    found = [(plant.id, root.id, order, parent and parent.id) for plant, root, order, parent in walk(scene)]
    assert found == [
        ("1", "a", 1, None),
        ("1", "b", 2, "a"),
        ("1", "c", 3, "b"),
        ("1", "d", 2, "a"),
        ("1", "e", 1, None),
        ("2", "f", 1, None),
    ]
    assert all(root.parent == (parent and parent.id) for _, root, _, parent in walk(scene))


def test_ids_that_are_missing_or_used_twice_become_places(tmp_path):
    inner = f"<root ID=''>{LINE}<root>{LINE}</root></root><root id='1.1'>{LINE}</root><root id='1.1'>{LINE}</root>"
    scene = read(
        tmp_path,
        rsml(f"<plant>{inner}</plant><plant id='1'><root/></plant>".replace("<root/>", f"<root>{LINE}</root>")),
    )
    assert [plant.id for plant in scene.plants] == ["1'", "1"]
    assert [root.id for _, root, *_ in walk(scene)] == ["1.1'", "1.1.1", "1.1", "1.3", "2.1"]
    assert scene.plants[0].roots[0].roots[0].parent == "1.1'"


def test_curve_of_rootnav_passes_through_its_control_points(tmp_path):
    control = [(0, 0), (100, 10), (110, 90), (400, 95)]
    scene = read(tmp_path, rsml(f"<plant><root>{spline(*control)}</root></plant>"))
    points = scene.plants[0].roots[0].points
    places = [int(np.flatnonzero((points == each).all(1))[0]) for each in control]
    assert places[0] == 0
    assert places[-1] == len(points) - 1
    assert places == sorted(places)
    assert np.hypot(*np.diff(points, axis=0).T).max() < 3


def test_a_polyline_goes_before_the_curve_and_a_curve_alone_needs_no_tension(tmp_path):
    both = LINE.replace("</geometry>", spline((0, 0), (9, 9)).removeprefix("<geometry>"))
    scene = read(tmp_path, rsml(f"<plant><root>{both}</root><root>{spline((0, 0), (0, 2), tension='')}</root></plant>"))
    np.testing.assert_array_equal(scene.plants[0].roots[0].points, [[0, 0], [3, 4]])
    np.testing.assert_array_equal(scene.plants[0].roots[1].points, [[0, 0], [0, 2]])


def test_third_coordinates_and_other_names_of_coordinates(tmp_path):
    deep = "<geometry><polyline><point x='1' y='2' z='3'/><point coord_x='4' coord_y='5' z='6'/></polyline></geometry>"
    root = read(tmp_path, rsml(f"<plant><root>{deep}</root></plant>")).plants[0].roots[0]
    np.testing.assert_array_equal(root.points, [[1, 2], [4, 5]])
    np.testing.assert_array_equal(root.depths, [3, 6])
    nested = "<geometry><polyline><point><x>1</x><y>2</y></point><point><x>4</x><y>5</y></point></polyline></geometry>"
    root = read(tmp_path, rsml(f"<plant><root>{nested}</root></plant>")).plants[0].roots[0]
    np.testing.assert_array_equal(root.points, [[1, 2], [4, 5]])
    assert root.depths is None


def test_functions_with_values_as_attributes_or_text_and_with_positions(tmp_path):
    functions = (
        "<functions><function name='d' domain='polyline'><sample value='1'/><sample>2.5</sample></function>"
        "<function name='l' domain='time' origin='tip'><sample position='0' value='7'/>"
        "<sample position='24' value='nan'/></function><function name='none' domain='length'/></functions>"
    )
    root = read(tmp_path, rsml(f"<plant><root>{LINE}{functions}</root></plant>")).plants[0].roots[0]
    assert root.functions == (
        RsmlFunction("d", "polyline", np.array([1, 2.5])),
        RsmlFunction("l", "time", np.array([7, np.nan]), np.array([0.0, 24.0]), "tip"),
    )


def test_properties_and_annotations_are_kept(tmp_path):
    words = "<annotations>annotation</annotations>"
    marks = "<annotations><annotation name='n'><point x='1' y='2'/><value>v</value></annotation></annotations>"
    facts = "<properties><parentNode>4</parentNode><len value='2'/></properties>"
    scene = read(tmp_path, rsml(f"<plant>{words}<root po:accession='PO:1'>{facts}{LINE}{marks}</root></plant>"))
    root = scene.plants[0].roots[0]
    assert scene.plants[0].annotations == ()
    assert root.properties == (("parentNode", "4"), ("len", "2"))
    assert root.accession == "PO:1"
    (mark,) = root.annotations
    assert (mark.name, mark.value, mark.software) == ("n", "v", "")
    np.testing.assert_array_equal(mark.points, [[1, 2]])


@pytest.mark.parametrize(
    ("unit", "resolution", "mm"),
    [
        ("pixel", "1", None),
        ("pixel", "xxx dpi", None),
        ("", "", None),
        ("parsec", "3", None),
        ("mm", "0", None),
        ("cm", "-4", None),
        ("mm", "1e999", None),
        ("pixel", "300", None),
        ("inch", "300.0", 25.4 / 300),
        ("in", "300 dpi", 25.4 / 300),
        ("pixel", "254 DPI", 0.1),
        ("cm", "100", 0.1),
        ("Centimeters", "100,0", 0.1),
        ("pixel", "100 px/cm", 0.1),
        ("mm", "20", 0.05),
        ("mm", "0.05 mm/px", 0.05),
        ("pixel", "20 pixels per mm", 0.05),
        ("um", "0.02", 0.05),
        ("µm", "0.02", 0.05),
        ("m", "20000", 0.05),
    ],
)
def test_scales_in_many_spellings(tmp_path, unit, resolution, mm):
    scene = read(tmp_path, rsml("", f"<unit> {unit} </unit><resolution>{resolution}</resolution>"))
    if mm is None:
        assert mm_per_pixel(scene.metadata) is None
        assert (scene.metadata.unit, scene.metadata.resolution) == ("pixel", 1.0)
    else:
        assert mm_per_pixel(scene.metadata) == pytest.approx(mm, rel=1e-12)


def test_time_sequence_and_image(tmp_path):
    text = "<time-sequence><label>a</label><index>3</index><unified>True</unified></time-sequence>"
    text += "<image><label>b.png</label></image>"
    metadata = read(tmp_path, rsml("", text)).metadata
    assert metadata.time_sequence == TimeSequence("a", 3, True)
    assert metadata.image.name == "b.png"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_encodings(tmp_path, encoding):
    declared = {"utf-8-sig": "utf-8", "latin-1": "ISO-8859-1", "cp1252": "windows-1252"}.get(encoding, encoding)
    text = rsml(f"<plant label='Rübe'><root>{LINE}</root></plant>", head=f'<?xml version="1.0" encoding="{declared}"?>')
    assert read(tmp_path, text, encoding).plants[0].label == "Rübe"


def test_blank_lines_before_the_declaration_and_namespaces(tmp_path):
    text = rsml(f"<r:plant><r:root>{LINE}</r:root></r:plant>").replace("<rsml>", "<rsml xmlns='urn:x' xmlns:r='urn:x'>")
    assert len(list(walk(read(tmp_path, "\n\n " + text)))) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("roots", "line 1: not XML"),
        ("<rsml><scene>", "line 1: not XML (no element found)"),
        ("<xml/>", "element 'xml' is outermost; expected 'rsml'"),
        ("<rsml><metadata/></rsml>", "has no 'scene'"),
        (rsml("\n\n<plant><root id='r'/></plant>"), "line 4: element 'root' has no 'geometry'"),
        (rsml("<plant><root><geometry/></root></plant>"), "element 'geometry' has no points"),
        (rsml(f"<plant><root>{LINE.replace('3', 'three')}</root></plant>"), "element 'point' has x 'three'"),
        (rsml(f"<plant><root>{LINE.replace('3', 'nan')}</root></plant>"), "element 'point' has x 'nan'"),
        (rsml(f"<plant><root>{LINE.replace('3', '1e300')}</root></plant>"), "element 'point' has x '1e300'"),
        (rsml(f"<plant><root>{LINE.replace('3', '1_0')}</root></plant>"), "element 'point' has x '1_0'"),
        (rsml("<plant><root><geometry><polyline><point x='1'/></polyline></geometry></root></plant>"), "has no y"),
        (rsml(f"<plant><root>{spline((0, 0), (1, 1), tension=WRONG)}</root></plant>"), "has tension 'x'"),
        (
            rsml(f"<plant><root>{LINE}<functions><function><sample/></function></functions></root></plant>"),
            "element 'sample' has no value",
        ),
        (rsml("", "<time-sequence><index>two</index></time-sequence>"), "has index 'two'"),
        (rsml("<root>" * 120 + "</root>" * 120), "lies in 100 others"),
        ("<?xml version='1.0' encoding='nonsense'?><rsml/>", "nonsense"),
    ],
)
def test_malformed_files_are_refused_in_one_line_with_line_and_element(tmp_path, text, says):
    assert says in refusal(tmp_path, text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CxrError, match=r"b\.rsml: cannot be read"):
        read_rsml(tmp_path / "b.rsml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_they_are_expanded(tmp_path, encoding):
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(12))
    text = f'<!DOCTYPE rsml [<!ENTITY l0 "ha">{laughs}]>' + rsml("<plant label='&l12;'/>", head="")
    assert "document type declaration" in refusal(tmp_path, text, encoding)


def test_external_entities_are_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    text = f'<!DOCTYPE rsml [<!ENTITY x SYSTEM "{secret.as_uri()}">]>' + rsml("<plant label='a'>&x;</plant>", head="")
    assert "secret" not in refusal(tmp_path, text)
    assert "not XML (undefined entity)" in refusal(tmp_path, rsml("<plant>&x;</plant>"))


def test_mutated_files_give_a_scene_or_an_error_of_one_line(tmp_path):
    chance = random.Random(5)
    whole = rsml_text(full_scene()).encode()
    path = tmp_path / "a.rsml"
    pieces = [
        b"<",
        b">",
        b"</root>",
        b"<root>",
        b"&#0;",
        b"&lt;",
        b'"',
        b"\xff",
        b"\x00",
        b"x=",
        b"1e999",
        b"<![CDATA[",
        b"]]>",
    ]
    pieces += [
        b"<polyline/>",
        b"<?x?>",
        b"<!-- -->",
        b"nan",
        b"<!DOCTYPE a>",
        b" xmlns:a=''",
        b"</rsml>",
        "根".encode(),
    ]
    read_well = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 1, 1, 3])):
            place = chance.randrange(len(data))
            kind = chance.randrange(5)
            if kind == 0:
                data[place] = chance.randrange(256)
            elif kind == 1:
                del data[place : place + chance.randint(1, 60)]
            elif kind == 2:
                data[place:place] = chance.choice(pieces)
            elif kind == 3:
                other = chance.randrange(len(data))
                data[place:place] = data[other : other + chance.randint(1, 200)]
            else:
                words = [b"root", b"point", b"polyline", b"geometry", b"scene", b"value", b"position", b"index"]
                data = bytearray(data.replace(chance.choice(words), chance.choice(words), chance.randint(1, 3)))
        path.write_bytes(data)
        try:
            scene = read_rsml(path)
        except CxrError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
        else:
            read_well += 1
            assert all(root.points.shape[1:] == (2,) and np.isfinite(root.points).all() for _, root, *_ in walk(scene))
    assert 40 < read_well < 360


def test_all_files_of_the_field_are_read_and_written_again(real_data, tmp_path):
    paths = sorted((real_data / "roots").glob("*/*.rsml"))
    assert len(paths) >= 45
    orders, count = set(), 0
    for path in paths:
        scene = read_rsml(path)
        scene = replace(scene, plants=tuple(plant for plant in scene.plants if plant.roots))
        (tmp_path / "b.rsml").write_text(rsml_text(scene), encoding="utf-8")
        if path.parent.name != "rapeseed":  # for speed
            assert faults(rsml_text(scene)) == []
        again = read_rsml(tmp_path / "b.rsml")
        assert again.plants == scene.plants
        assert again.annotations == scene.annotations
        for plant in scene.plants:
            ids = [root.id for other, root, *_ in walk(scene) if other is plant]
            assert len(set(ids)) == len(ids)
        count += sum(1 for _ in walk(scene))
        orders |= {order for *_, order, _ in walk(scene)}
    assert count >= 987
    assert orders == {1, 2, 3}


def test_a_second_scene_is_refused_and_not_left_out(tmp_path):
    path = tmp_path / "two.rsml"
    path.write_text("<rsml><metadata/>\n<scene/>\n<scene/></rsml>")
    with pytest.raises(CxrError, match=r"two.rsml: line 3: element 'scene' is the second one"):
        read_rsml(path)
