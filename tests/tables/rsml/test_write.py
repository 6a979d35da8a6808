import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.rsml import (
    RootScene,
    RsmlAnnotation,
    RsmlFunction,
    RsmlMetadata,
    RsmlPlant,
    RsmlRoot,
    read_rsml,
    rsml_text,
    write_rsml,
)
from cxrfactory.tables.rsml.write import decimal
from tests.tables.rsml.scenes import full_scene
from tests.tables.rsml.schema import faults

ROOT = RsmlRoot("1", "primary", np.array([[0.0, 0.0], [1.0, 2.0]]))


def scene_of(root: RsmlRoot, **metadata) -> RootScene:
    return RootScene(RsmlMetadata(**metadata), (RsmlPlant("1", "", (root,)),))


def test_what_is_read_back_is_equal(tmp_path):
    write_rsml(full_scene(), tmp_path / "a.rsml")
    assert read_rsml(tmp_path / "a.rsml") == full_scene()
    changed = full_scene().plants[0].roots[0].points.copy()
    changed[7, 1] = np.nextafter(changed[7, 1], 0)
    root = replace(full_scene().plants[0].roots[0], points=changed)
    assert full_scene().plants[0].roots[0] != root


def test_the_same_scene_gives_the_same_bytes_in_any_run(tmp_path):
    write_rsml(full_scene(), tmp_path / "a.rsml")
    write_rsml(full_scene(), tmp_path / "b.rsml", durable=False)
    assert (tmp_path / "a.rsml").read_bytes() == (tmp_path / "b.rsml").read_bytes()


@pytest.mark.parametrize("scene", [full_scene(), scene_of(ROOT), scene_of(ROOT, last_modified="6/24/2024 6:15:33 PM")])
def test_files_follow_the_schema(scene):
    assert faults(rsml_text(scene)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<unit>mm</unit>", ""),
        ("<user></user>", "<user></user><user></user>"),
        ("</metadata>", "<other/></metadata>"),
        ('<root id="2"', '<root size="2"'),
        ('position="0.25"', 'position="2.5e-1"'),
        ("<geometry>", "<geometry/><geometry>"),
        ("2020-01-02T03:04:05", "2020-01-02"),
        ("<index>7</index>", "<index>7.0</index>"),
        ("<unified>true</unified>", "<unified>yes</unified>"),
        ("    </plant>", "    <properties/></plant>"),
        ('<function name="diameter"', "<function"),
        ("<value>", "<value/><value>"),
    ],
)
def test_the_check_of_the_schema_finds_faults(old, new):
    text = rsml_text(full_scene())
    assert old in text
    assert faults(text.replace(old, new, 1))


def test_files_are_valid_by_the_schema_itself(tmp_path):
    xmlschema = pytest.importorskip("xmlschema")
    if not (path := os.environ.get("CXRFACTORY_RSML_XSD")):
        pytest.skip("CXRFACTORY_RSML_XSD names no schema of RSML (rsml.xsd)")
    schema = xmlschema.XMLSchema(path)
    for number, scene in enumerate([full_scene(), scene_of(ROOT)]):
        write_rsml(scene, tmp_path / f"{number}.rsml")
        schema.validate(str(tmp_path / f"{number}.rsml"))
    invalid = rsml_text(full_scene()).replace('position="0.25"', 'position="2.5e-1"')
    assert not schema.is_valid(invalid)


@pytest.mark.parametrize("number", [0.0, -0.0, 0.1, 1 / 3, 1e-5, 5e-324, 1e22, 1.7976931348623157e308, 123456.0])
def test_numbers_without_exponents_are_read_back_exactly(number):
    text = decimal(number)
    assert "e" not in text
    assert float(text) == number
    assert np.signbit(float(text)) == np.signbit(number)


@pytest.mark.parametrize(
    ("scene", "says"),
    [
        (RootScene(RsmlMetadata(), ()), "without plants"),
        (RootScene(RsmlMetadata(), (RsmlPlant("7", "", ()),)), "plant '7' has no roots"),
        (scene_of(replace(ROOT, points=np.zeros((1, 2)))), "root '1' has 1 points"),
        (scene_of(replace(ROOT, points=np.full((2, 2), np.nan))), "number nan"),
        (scene_of(replace(ROOT, properties=(("a b", "c"),))), "property 'a b'"),
        (scene_of(replace(ROOT, label="\x00")), "character"),
        (scene_of(replace(ROOT, functions=(RsmlFunction("f", "time", np.zeros(0)),))), "function 'f' has no numbers"),
        (scene_of(replace(ROOT, annotations=(RsmlAnnotation("a", np.zeros((0, 2)), "v"),))), "annotation 'a'"),
        (scene_of(ROOT, resolution=0.0), "resolution 0.0"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path: Path, scene, says):
    with pytest.raises(CxrError, match=says) as caught:
        write_rsml(scene, tmp_path / "a.rsml")
    assert str(caught.value).startswith(str(tmp_path / "a.rsml"))
    assert list(tmp_path.iterdir()) == []
