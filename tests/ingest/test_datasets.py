"""Datasets under names of one's own: which are refused, what their files are called, two sites side by side."""

import pytest
from typer.testing import CliRunner

from cxrfactory.cli.application import build_app
from cxrfactory.config import Config, DatasetConfig, commented_yaml, parse_config
from cxrfactory.errors import CxrError
from cxrfactory.ingest.datasets import complete, release_names
from cxrfactory.ingest.registry import LAYOUTS
from cxrfactory.workflow.plan import Plan

PRETRAINED = {"infer": {"weights": "pretrained"}, "cxlseg": {"weights": "pretrained"}}


class Wildcards:
    def __init__(self, dataset):
        self.dataset = dataset


def planned(**datasets):
    return Plan.of({**PRETRAINED, "datasets": {name.replace("__", "-"): each for name, each in datasets.items()}})


def test_a_dataset_named_like_its_layout_needs_no_layout():
    plan = planned(vindr__cxr={"root": "x"})
    assert plan.releases.settings(Wildcards("vindr-cxr")).layout == "vindr-cxr"
    assert plan.releases.release_name(Wildcards("vindr-cxr")) == "VinDr-CXR"
    assert plan.releases.settings(Wildcards("vindr-cxr")).shards == LAYOUTS["vindr-cxr"].shards


def test_a_name_of_ones_own_with_a_layout():
    plan = planned(north={"root": "x", "layout": "vindr-cxr"})
    assert plan.releases.layout(Wildcards("north")) is LAYOUTS["vindr-cxr"]
    assert plan.releases.release_name(Wildcards("north")) == "VinDr-CXR"
    assert plan.releases.settings(Wildcards("north")).shards == LAYOUTS["vindr-cxr"].shards
    assert plan.releases.tables(Wildcards("north"))[0].startswith("x/annotations/")


def test_where_two_share_a_layout_files_bear_the_names_of_the_datasets():
    names = release_names({"north": "vindr-cxr", "vindr-cxr": "vindr-cxr", "p": "padchest"})
    assert names == {"north": "north", "vindr-cxr": "vindr-cxr", "p": "Padchest"}


def test_files_of_two_datasets_never_bear_one_name():
    layouts = {"padchest": "vindr-cxr", "south": "vindr-cxr", "p": "padchest"}
    with pytest.raises(CxrError, match="the files of 'padchest' and of 'p' would both be called 'Padchest'") as caught:
        Plan.of({**PRETRAINED, "datasets": {name: {"root": name, "layout": each} for name, each in layouts.items()}})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ({"vindr": {"root": "x"}}, r"release 'vindr' is unknown; expected one of .*nearest: vindr-cxr.*layout: "),
        ({"a": {"root": "x", "layout": "Chexpert1"}}, r"'datasets\.a\.layout'.*'Chexpert1' .*nearest: chexpert\)"),
        ({"a": {"root": "x", "layout": "../x"}}, r"key 'datasets\.a\.layout'"),
    ],
)  # fmt: skip
def test_unknown_layouts_are_one_line(dataset, words):
    with pytest.raises(CxrError, match=words) as caught:
        Plan.of({**PRETRAINED, "datasets": dataset})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../x", "/x", "a/b", "a b", "a\n", "-a", ".a", "{a}", "a'b", "$(x)", "ä", "a" * 101,
        "labelled", "Labelled", "scans", "check", "SHA256SUMS", "README.md",
        "a.rejected", "a.summary", "reference.parquet", "registration.json",
    ],
)  # fmt: skip
def test_names_that_are_no_folder_of_their_own_are_refused(name):
    with pytest.raises(CxrError, match="datasets: release name '") as caught:
        parse_config({**PRETRAINED, "datasets": {name: {"root": "x", "layout": "vindr-cxr"}}})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("section", ["datasets", "scans"])
def test_names_that_differ_only_in_case_are_refused(section):
    with pytest.raises(CxrError, match=f"{section}: release name 'North' differs from 'north' only in case"):
        parse_config({**PRETRAINED, section: {name: {"root": "x"} for name in ("north", "North")}})


def test_the_written_config_says_layout_and_shards_and_reads_back(tmp_path):
    names = ("2020", "no", "1e5", "north.a_b-c")
    datasets = {name: DatasetConfig(root=f"results/cohort/{name}", layout="vindr-cxr") for name in names}
    config = complete(Config(datasets=datasets))
    text = commented_yaml(config, [])
    (tmp_path / "c.yaml").write_text(text)
    from cxrfactory.config import read_config

    assert read_config(tmp_path / "c.yaml") == config
    assert all(
        each.layout == "vindr-cxr" and each.shards == LAYOUTS["vindr-cxr"].shards for each in config.datasets.values()
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("datasets: {north: {root: x}}", "release 'north' is unknown"),
        ("datasets: {a: {root: x, layout: padchest, reports: {source: y, layout: html}}}", "found 'html'"),
    ],
)
def test_checking_a_config_finds_unknown_layouts(tmp_path, text, words):
    path = tmp_path / "c.yaml"
    path.write_text(f"{text}\ninfer: {{weights: pretrained}}\ncxlseg: {{weights: pretrained}}\n")
    done = CliRunner().invoke(build_app(), ["config", "--check", str(path)])
    assert done.exit_code != 0
    assert words in f"{done.output}{done.exception}"
