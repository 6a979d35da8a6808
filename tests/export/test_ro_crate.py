"""The crate of a run, read by the rocrate package: its products, their makers, its files."""

import json
import os

import pytest

from cxrfactory.cli import main
from cxrfactory.errors import CxrError
from cxrfactory.export.ro_crate import CRATE, export_ro_crate
from cxrfactory.products.croissant import CROISSANT

COMMIT = "ab" * 20


@pytest.fixture
def results(tmp_path):
    """Results of a run: two finished products, one that is not closed, a log and a table of times."""
    for name, title in (("first", "First, with “quotes”"), ("second", "Second")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / CROISSANT).write_text(json.dumps({"name": title, "description": f"{title}.", "version": "0.1.0"}))
        (folder / "README.md").write_text(f"# {title}\n\n| source commit | {COMMIT} |\n")
        (folder / "SHA256SUMS").write_text("")
        os.utime(folder / "SHA256SUMS", (1_700_000_000, 1_700_000_000))
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "train.log").write_text("")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    return tmp_path


def test_the_crate_names_products_and_what_made_them(results):
    rocrate = pytest.importorskip("rocrate.rocrate", reason="python -m pip install -e '.[test]'")
    assert main(["export", "ro-crate", str(results)]) == 0
    crate = rocrate.ROCrate(results)
    assert crate.name == "A run of cxrfactory"
    assert crate.datePublished.date().isoformat() == "2023-11-14"
    parts = {each.id: each for each in crate.data_entities}
    assert {"first/", "second/", "logs/", "benchmarks/", "config.yaml"} <= set(parts)
    assert not any("unfinished" in name for name in parts)
    for name in parts:  # nothing is named that is not there
        assert (results / name).exists(), name
    assert parts["first/"]["name"] == "First, with “quotes”"
    assert {each.id for each in parts["first/"]["hasPart"]} == {f"first/{name}" for name in
                                                               ("README.md", CROISSANT, "SHA256SUMS")}  # fmt: skip
    actions = [each for each in crate.contextual_entities if each.type == "CreateAction"]
    assert {each["result"][0].id for each in actions} == {"first/", "second/"}
    for action in actions:
        assert action["object"][0].id == "config.yaml"
        assert (action["instrument"]["name"], action["instrument"]["version"]) == ("cxrfactory", "0.1.0")
        assert action["instrument"]["softwareVersion"] == f"git {COMMIT}"
    assert len([each for each in crate.contextual_entities if each.type == "SoftwareApplication"]) == 1


def test_every_reference_inside_the_crate_leads_to_an_entity(results):
    graph = json.loads(export_ro_crate(results).read_text())["@graph"]
    identifiers = [each["@id"] for each in graph]
    assert len(set(identifiers)) == len(identifiers)
    for entity in graph:
        for value in entity.values():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict) and not each["@id"].startswith("http"):
                    assert each["@id"] in identifiers


def test_the_same_folder_gives_the_same_crate_and_a_folder_without_products_gives_an_error(results, tmp_path_factory):
    first = export_ro_crate(results).read_bytes()
    assert export_ro_crate(results).read_bytes() == first
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(CxrError, match="no finished product; expected the folder of a run's results"):
        export_ro_crate(empty)
    with pytest.raises(CxrError, match="no finished product"):
        export_ro_crate(empty / "not-there")
    assert not (empty / CRATE).exists()
