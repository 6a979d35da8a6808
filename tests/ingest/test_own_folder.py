"""A folder of one's own in the plan of a run: what the rules take in, and what leaves with a product."""

import json

from cxrfactory.ingest.datasets import films_of, table_of
from cxrfactory.workflow.plan import Plan

PRETRAINED = {"infer": {"weights": "pretrained"}, "cxlseg": {"weights": "pretrained"}}


class Wildcards:
    dataset = "north"


def releases(tmp_path, **settings):
    (tmp_path / "films").mkdir(exist_ok=True)
    values = {"layout": "folder", "root": str(tmp_path / "films"), **settings}
    return Plan.of({**PRETRAINED, "results": str(tmp_path / "results"), "datasets": {"north": values}})


def test_the_folder_and_its_table_are_inputs(tmp_path):
    root = str(tmp_path / "films")
    plan = releases(tmp_path, view="all-frontal").releases
    assert plan.tables(Wildcards) == [root]
    assert plan.films(Wildcards) == root
    assert plan.film_links(Wildcards) == ["--no-follow-links"]
    assert plan.report_options(Wildcards) == ["--no-follow-links"]
    assert releases(tmp_path, table="list.csv").releases.tables(Wildcards) == [root, f"{root}/list.csv"]


def test_its_files_have_the_datasets_name_and_one_shard_by_default(tmp_path):
    plan = releases(tmp_path, view="all-frontal").releases
    assert plan.release_name(Wildcards) == "north"
    assert plan.layout(Wildcards).id_column == "image_id"
    assert plan.shards("north") == ["0000-of-0001"]


def test_all_that_describes_it_is_an_option_of_ingest(tmp_path):
    settings = {
        "table": "list.csv", "columns": {"path": "file, name", "sex": "S"}, "frontal": ["PA", "a,b"],
        "patient": "folder-2", "study": r"(\d+)", "view": "from-header", "pseudonymise": True, "follow_links": True,
    }  # fmt: skip
    options = releases(tmp_path, **settings).releases.ingest_options(Wildcards)
    assert {
        "--table=list.csv", "--column=path=file, name", "--column=sex=S", "--frontal=PA", "--frontal=a,b",
        "--patient=folder-2", r"--study=(\d+)", "--view=from-header", "--pseudonymise", "--private=private/north",
        "--follow-links",
    } <= set(options)  # fmt: skip


def test_with_pseudonyms_later_stages_open_links_and_the_written_config_names_no_place(tmp_path):
    private = str(tmp_path / "private/")
    plan = releases(tmp_path, table="list.csv", pseudonymise=True, private=private,
                    reports={"source": str(tmp_path / "films/reports"), "layout": "text"})  # fmt: skip
    assert plan.releases.films(Wildcards) == str(tmp_path / "private/films")
    assert plan.releases.film_links(Wildcards) == ["--follow-links"]
    assert plan.releases.report_options(Wildcards) == ["--no-follow-links", f"--private={private}"]
    written = json.loads(plan.written_config())["datasets"]["north"]
    assert written["root"] == str(tmp_path / "private/films")
    assert str(tmp_path / "films") not in json.dumps(written)
    assert written["table"] == written["reports"]["source"] == "hidden"


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    plan = releases(tmp_path, table="~/list.csv", pseudonymise=True, private="~/private").releases
    assert plan.films(Wildcards) == str(tmp_path / "home/private/films")
    assert plan.tables(Wildcards)[1] == str(tmp_path / "home/list.csv")


def test_a_table_lies_in_the_folder_or_else_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = releases(tmp_path, table="list.csv").config.datasets["north"]
    assert table_of(dataset) == tmp_path / "films/list.csv"
    (tmp_path / "list.csv").touch()
    assert table_of(dataset).resolve() == tmp_path / "list.csv"
    (tmp_path / "films/list.csv").touch()
    assert table_of(dataset) == tmp_path / "films/list.csv"
    assert films_of(dataset) == (str(tmp_path / "films"), False)
