"""The study that leaves each source out: its plan, its refusals, and a run of two tiny sources."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cxrfactory.errors import CxrError
from cxrfactory.tables.weights import read_weights
from cxrfactory.workflow.generalise import label_of
from cxrfactory.workflow.plan import Plan
from tests.evaluate.generalise.hospitals import hospital

from .test_end_to_end import snakemake
from .test_plan import dry_run


@pytest.fixture
def tables(tmp_path):
    return [str(hospital(tmp_path / f"{place}.parquet", name)) for place, name in enumerate(("North", "South (2)"))]


def plan(**section):
    return Plan.of({"results": "r", "generalise": section}).generalise


def test_the_virtual_cohort_is_one_source_and_says_what_to_give(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/generalise")
    assert done.returncode != 0
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(f"{tmp_path}/r/generalise: "))
    assert line.endswith(
        "has images of one source (Virtual); leaving a source out needs at least 2: give labelled tables of several "
        "sources with generalise.tables (docs/generalise.md)"
    )
    assert "Traceback" not in done.stdout
    other = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/models")  # no other target is refused
    assert other.returncode == 0, other.stdout


def test_every_source_is_left_out_once(tmp_path, tables):
    text = yaml.safe_dump({"results": f"{tmp_path}/r", "generalise": {"tables": tables, "pixel_mm": {"North": 0.2}}})
    done = dry_run(tmp_path, text, f"{tmp_path}/r/generalise", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    shells = [line for line in done.stdout.splitlines() if line.startswith("Shell command: ")]
    trained = [line for line in shells if " cxrfactory train " in line]
    assert sorted(re.findall(r"'?--without-sources=([^'\n]+?)'? 2> ", "\n".join(trained))) == ["North", "South (2)"]
    assert len(trained) == 3
    assert all(f"--labelled={tables[0]} --labelled={tables[1]}" in line for line in trained)
    tested = [line for line in shells if " generalise-test " in line]
    assert len(tested) == 3
    label = label_of("South (2)")
    (south,) = (line for line in tested if f"--weights {tmp_path}/r/leave-out/without-{label}.safetensors" in line)
    assert "'--source=South (2)'" in south
    assert "--source=North" not in south
    assert f"--scores={tmp_path}/r/leave-out/scores/without-{label}/rca.parquet" in south
    assert "--pixel-mm=North=0.2" in south
    assert "\npreprocess_labelled " not in done.stdout
    assert "--calibration" not in south


def test_calibrations_belong_to_the_references_of_each_model(tmp_path, tables):
    text = yaml.safe_dump(
        {"results": f"{tmp_path}/r", "generalise": {"tables": tables}, "rca": {"calibration": "labelled"}}
    )
    done = dry_run(tmp_path, text, f"{tmp_path}/r/generalise", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("--calibration=") == 3
    assert done.stdout.count("if true; then python -m cxrfactory stage rca-check ") == 3


def test_pixel_networks_have_no_scores_of_rca(tmp_path, tables):
    text = yaml.safe_dump(
        {"results": f"{tmp_path}/r", "generalise": {"tables": tables}, "model": {"segmenter": "unet"}}
    )
    done = dry_run(tmp_path, text, f"{tmp_path}/r/generalise", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert "\ngeneralise_scores " not in done.stdout
    assert "--scores" not in done.stdout


def test_some_sources_alone(tables):
    assert plan(tables=tables).models == ["all", "without-North", f"without-{label_of('South (2)')}"]
    assert plan(tables=tables, sources=["North"]).models == ["all", "without-North"]
    with pytest.raises(CxrError, match=r"'generalise.sources': found 'East'; expected sources .*: North, South \(2\)"):
        _ = plan(tables=tables, sources=["East"]).sources


def test_a_table_that_does_not_exist_is_one_line(tmp_path):
    done = dry_run(
        tmp_path,
        f"results: {tmp_path}/r\ngeneralise: {{tables: [{tmp_path}/no.parquet]}}\n",
        f"{tmp_path}/r/generalise",
    )
    assert done.returncode != 0
    assert f"{tmp_path}/no.parquet: no such file" in done.stdout


def test_the_workflows_own_set_needs_no_file_and_no_second_training():
    values = {
        "results": "r",
        "labelled": {"root": "x", "images": {"A": "a", "B": "b"}},
        "infer": {"weights": "pretrained"},
    }
    own = Plan.of(values).generalise
    assert own.sources == ["A", "B"]

    class Held:
        held = "all"

    assert own.weights(Held) == "r/train/segmenter.safetensors"
    assert own.card(Held) == "r/train/segmenter.json"
    Held.held = "without-B"
    assert own.weights(Held) == "r/leave-out/without-B.safetensors"
    assert own.left_out(Held) == ["--without-sources=B"]
    Held.held = "without-C"
    with pytest.raises(
        CxrError, match="model 'without-C': no source of that name is left out; expected all, without-A"
    ):
        own.left_out(Held)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"sources": []}, "sources is empty"),
        ({"sources": ["A", "A"]}, "'A' occurs twice in sources"),
        ({"sources": "some"}, "found 'some'"),
        ({"pixel_mm": {"A": 0}}, "pixel_mm of 'A' is 0; expected a size above 0, in mm"),
    ],
)
def test_wrong_values_are_one_line(section, message):
    with pytest.raises(CxrError, match=message) as caught:
        plan(**section)
    assert "\n" not in str(caught.value)


def test_labels_of_sources_are_file_names_and_differ():
    assert label_of("Shenzhen_2-b") == "Shenzhen_2-b"
    odd = ["South (2)", "South [2]", "../x", "a/b", "a b", "", "ä" * 200, "all "]
    found = [label_of(name) for name in odd]
    assert len(set(found)) == len(odd)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", each) and len(each) < 60 for each in found)


@pytest.mark.workflow
def test_two_sources_from_tables_to_the_study(tmp_path, tables):
    config = {
        "results": f"{tmp_path}/r",
        "generalise": {"tables": tables, "pixel_mm": {"North": 0.2}},
        "model": {"input_size": 32},
        "train": {
            "epochs": 1,
            "batch_size": 2,
            "validate_every": 1,
            "precision": "fp32",
            "device": "cpu",
            "threads": 1,
        },
        "infer": {"samples": 3, "device": "cpu"},
        "rca": {"references": 2, "size": 64},
    }
    snakemake(tmp_path, "study", 2, config, f"{tmp_path}/r/generalise")
    folder = Path(f"{tmp_path}/r/generalise")
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == {
        *("generalise.csv", "generalise.md", "generalise.png", "images.csv", "scores.csv"),
        *("worst-North.png", "worst-South (2).png"),
    }
    images = pd.read_csv(folder / "images.csv")
    assert images.groupby(["source", "unseen"]).size().to_dict() == {
        ("North", False): 2,
        ("North", True): 8,
        ("South (2)", False): 2,
        ("South (2)", True): 8,
    }
    assert images["quality_rca_lungs"].between(0, 1).all()
    scores = pd.read_csv(folder / "scores.csv")
    assert {"quality_rca", "quality_rca_max", "doubt_spread", "quality_typicality"} == set(scores["score"])
    card = read_weights(f"{tmp_path}/r/leave-out/without-North.safetensors")[1]
    assert card["data"]["without_sources"] == ["North"]
    assert (card["data"]["train"], card["data"]["val"]) == (6, 2)
    assert not list(Path(f"{tmp_path}/r/leave-out/scores/all").glob("images.parquet"))
