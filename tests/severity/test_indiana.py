"""Indiana University's 3,955 reports, against sentences that were read by a person and the collection's own codes.

``indiana_gold.csv`` holds ids and labels of 200 sentences and no text, for the licence of the reports forbids that.
CXRFACTORY_PUBLIC_TABLES names ``data/`` of the wheel ``torchxrayvision``, which holds the reports.
"""

import csv
import os
import tarfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from cxrfactory.config import ReportsConfig
from cxrfactory.ingest.reports.collect import collect_reports
from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions
from cxrfactory.severity.reports import read_sections
from cxrfactory.severity.sentences import sentences
from cxrfactory.severity.table import write_severity

GOLD = Path(__file__).with_name("indiana_gold.csv")
# Codes that the collection's own coders gave, without those for "borderline".
CODES = {
    "cardiomegaly": "cardiomegaly",
    "scoliosis": "scoliosis",
    "kyphosis": "kyphosis",
    "hyperinflation": "lung/hyperdistention",
    "low_lung_volumes": "lung/hypoinflation",
}


@pytest.fixture(scope="module")
def source():
    folder = os.environ.get("CXRFACTORY_PUBLIC_TABLES")
    if not folder:
        pytest.skip("CXRFACTORY_PUBLIC_TABLES (data/ of the torchxrayvision wheel) is not set")
    path = Path(folder) / "NLMCXR_reports.tgz"
    if not path.is_file():
        pytest.skip(f"no NLMCXR_reports.tgz in {folder}")
    return path


@pytest.fixture(scope="module")
def tables(source, tmp_path_factory):
    made = tmp_path_factory.mktemp("severity")
    collect_reports(ReportsConfig(source=str(source), layout="indiana"), made / "r.parquet", made / "x.parquet")
    counts = write_severity(made / "r.parquet", made / "s.parquet", made / "s.csv")
    return pd.read_parquet(made / "r.parquet").set_index("study_id"), pd.read_parquet(made / "s.parquet"), counts


def gold():
    """Rows of the gold table by half and sentence; a sentence without a finding has none."""
    found = {}
    with GOLD.open() as stream:
        for row in csv.DictReader(stream):
            key = row["half"], row["study_id"], int(row["sentence"])
            found.setdefault(key, {})
            if row["finding"] != "none":
                found[key][row["finding"]] = (row["polarity"], row["grade"], row["change"])
    return found


def score(reports, half):
    """Counts of one half: gold mentions, found mentions, both, same polarity, same grade too, same change."""
    counts = Counter()
    for (part, study, number), expected in gold().items():
        if part != half:
            continue
        texts = reports.loc[study].dropna().to_dict()
        every = [each.text for name in read_sections(texts) for each in sentences(texts[name])]
        found = {each.finding: (each.polarity, each.grade, each.change) for each in mentions(every[number], lexicon())}
        both = set(found) & set(expected)
        counts.update(sentences=1, gold=len(expected), found=len(found), both=len(both))
        counts["polarity"] += sum(found[name][0] == expected[name][0] for name in both)
        counts["grade"] += sum(found[name][:2] == expected[name][:2] for name in both)
        counts["change"] += sum(found[name][2] == expected[name][2] for name in both)
    return counts


def test_the_gold_table_holds_200_sentences_and_no_text():
    halves = Counter(half for half, *_ in gold())
    assert halves == {"first": 100, "second": 100}
    with GOLD.open() as stream:
        assert all(len(cell.split()) <= 1 for row in csv.reader(stream) for cell in row)


@pytest.mark.slow
@pytest.mark.parametrize("half", ["first", "second"])
def test_precision_and_recall(tables, half):
    counts = score(tables[0], half)
    assert counts["sentences"] == 100
    for what, least in (("both", 0.97), ("polarity", 0.97), ("grade", 0.95), ("change", 0.95)):
        assert counts[what] / counts["found"] >= least, f"precision of {what}"
        assert counts[what] / counts["gold"] >= least, f"recall of {what}"


@pytest.mark.slow
def test_counts(tables):
    _, rows, counts = tables
    assert (counts["reports"], counts["read"]) == (3955, 3927)
    assert counts["within"] + counts["between"] <= 6
    assert not rows.duplicated(["study_id", "finding"]).any()


@pytest.mark.slow
@pytest.mark.parametrize("finding", CODES)
def test_presence_agrees_with_the_codes_of_the_collection(tables, source, finding):
    coded = set()
    with tarfile.open(source) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".xml"):
                root = ElementTree.fromstring(archive.extractfile(member).read())
                codes = [(major.text or "").strip().lower() for major in root.iter("major")]
                wanted = [code.replace("/bilateral", "").replace("/left", "") for code in codes]
                if any(code.startswith(CODES[finding]) and "borderline" not in code for code in wanted):
                    coded.add(root.find("uId").get("id"))
    rows = tables[1]
    ours = set(rows.loc[(rows["finding"] == finding) & (rows["polarity"] == "present"), "study_id"])
    assert len(ours & coded) / len(coded) >= 0.96
    assert len(ours & coded) / len(ours) >= 0.9
