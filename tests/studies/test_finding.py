"""Findings: verdicts by intervals, the files, and the page of all."""

import math

import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.catalogue import study_of
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.page import write_page
from tests.studies.labelled import write_people


@pytest.mark.parametrize(
    ("low", "high", "side", "limit", "verdict"),
    [
        (0.1, 0.3, "above", 0, "agrees"),
        (0.1, 0.3, "below", 0, "differs"),
        (-0.3, -0.1, "below", 0, "agrees"),
        (-0.3, -0.1, "above", 0, "differs"),
        (-0.1, 0.1, "above", 0, "undecided"),
        (0.8, 0.9, "above", 0.85, "undecided"),
        (0.86, 0.9, "above", 0.85, "agrees"),
        (math.nan, math.nan, "above", 0, "undecided"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(low, high, side, limit, verdict):
    assert Sign("claim", 0.2, low, high, side, limit).verdict == verdict


def finding():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    signs = [Sign("more is more", 0.25, 0.125, 0.5, "above", published="0.3"), Sign("less", 1.0, -1.0, 2.0, "below")]
    return Finding(
        "ours is 1.",
        pd.DataFrame({"a": [1]}),
        {"curve": figure},
        signs,
        {"extra": pd.DataFrame({"b": [2]})},
        "3 images",
    )


def test_a_finding_is_a_folder_and_has_the_same_bytes_twice(tmp_path):
    study, settings = study_of("occlusion"), StudyRunConfig()
    for name in ("one", "two"):
        write_finding(study, finding(), tmp_path / name, settings)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["curve.png", "extra.csv", "finding.md", "signs.csv", "table.csv"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one" / "table.csv").read_text() == "a\n1\n"
    signs = pd.read_csv(tmp_path / "one" / "signs.csv")
    assert signs["verdict"].tolist() == ["agrees", "undecided"]
    text = (tmp_path / "one" / "finding.md").read_text()
    assert "Here: ours is 1." in text
    assert "Measured with size `small`, seed 0, on 3 images." in text
    assert "| more is more | 0.25 | 0.125 to 0.5 | 0.3 | agrees |" in text
    assert "![curve](curve.png)" in text


def test_the_page_holds_all_findings_and_links_into_their_folders(tmp_path):
    write_finding(study_of("occlusion"), finding(), tmp_path / "occlusion", StudyRunConfig())
    write_page([tmp_path / "occlusion"], tmp_path / "README.md")
    text = (tmp_path / "README.md").read_text()
    assert "| occlusion | more is more | 0.25 | 0.125 to 0.5 | 0.3 | agrees |" in text
    assert "| occlusion | less | 1 | -1 to 2 |  | undecided |" in text
    assert "\n## occlusion\n" in text
    assert "![curve](occlusion/curve.png)" in text
    assert "| retrain | " in text.split("## Not made")[1].split("## occlusion")[0]
    with pytest.raises(CxrError, match=r"no finding\.md"):
        write_page([tmp_path], tmp_path / "README.md")


def test_the_page_says_what_the_tables_lack_for_a_study(tmp_path):
    table = write_people(tmp_path / "t.parquet", [("a", "a", "LH", "train", None)], people=False)
    write_finding(study_of("occlusion"), finding(), tmp_path / "occlusion", StudyRunConfig())
    write_page([tmp_path / "occlusion"], tmp_path / "README.md", [table])
    rows = {line.split(" | ")[0]: line for line in (tmp_path / "README.md").read_text().splitlines()}
    assert rows["| hybridgnet-miccai"].endswith(
        "| no image with lungs and heart and clavicles; needs landmarks of lungs, heart and clavicles (JSRT) |"
    )
    assert rows["| retrain"].endswith("| not asked for |")
    assert sum(line.startswith("| occlusion |") for line in rows.values()) <= 2
