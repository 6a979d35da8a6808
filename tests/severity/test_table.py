import csv
import random

import pandas as pd
import pytest
from typer.testing import CliRunner

from cxrfactory.cli.application import build_app
from cxrfactory.config.severity import SeverityConfig
from cxrfactory.errors import CxrError
from cxrfactory.severity.table import write_severity
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.reports import REPORTS
from cxrfactory.tables.severity import CHANGES, CONTRADICTIONS, GRADES, POLARITIES, SEVERITY

TEXTS = {
    "s3": {"findings": "Heart is enlarged.", "impression": "No cardiomegaly."},
    "s1": {"findings": "Mild cardiomegaly. Severe scoliosis.", "impression": "Stable cardiomegaly."},
    "s2": {"comparison": "Cardiomegaly."},
    "s4": {"unheaded": "No kyphosis."},
    "s5": {"impression": "Clear lungs."},
}


def reports(path, texts):
    rows = [{"study_id": study, "path": f"{study}.txt", **sections} for study, sections in texts.items()]
    write_table(pd.DataFrame(rows, columns=REPORTS.names, dtype=object), path, REPORTS, sort=False)
    return path


def test_table_and_summary(tmp_path):
    counts = write_severity(reports(tmp_path / "r.parquet", TEXTS), tmp_path / "o.parquet", tmp_path / "s.csv")
    assert counts == {"reports": 5, "read": 4, "rows": 4, "within": 0, "between": 1}
    rows = read_table(tmp_path / "o.parquet", SEVERITY)
    assert rows[["study_id", "finding", "polarity", "grade", "change"]].to_numpy().tolist() == [
        ["s1", "cardiomegaly", "present", "mild", "unchanged"],
        ["s1", "scoliosis", "present", "severe", "none"],
        ["s3", "cardiomegaly", "absent", "negative", "none"],
        ["s4", "kyphosis", "absent", "negative", "none"],
    ]
    with (tmp_path / "s.csv").open() as stream:
        summary = list(csv.DictReader(stream))
    assert [tuple(row.values()) for row in summary] == [
        ("cardiomegaly", "present", "mild", "1", "0", "0"),
        ("cardiomegaly", "absent", "negative", "1", "0", "1"),
        ("scoliosis", "present", "severe", "1", "0", "0"),
        ("kyphosis", "absent", "negative", "1", "0", "0"),
    ]


def test_words_are_those_of_the_schema(tmp_path):
    write_severity(reports(tmp_path / "r.parquet", TEXTS), tmp_path / "o.parquet")
    rows = read_table(tmp_path / "o.parquet", SEVERITY)
    for column, known in (
        ("polarity", POLARITIES), ("grade", GRADES), ("change", CHANGES), ("contradiction", CONTRADICTIONS),
    ):  # fmt: skip
        assert set(rows[column]) <= set(known)
    for row in rows.to_dict("records"):
        text = TEXTS[row["study_id"]][row["section"]]
        assert 0 <= row["start"] < row["end"] <= len(text)


def test_the_order_of_the_reports_changes_no_byte(tmp_path):
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    write_severity(reports(tmp_path / "r.parquet", TEXTS), first)
    shuffled = list(TEXTS.items())
    random.Random(1).shuffle(shuffled)
    write_severity(reports(tmp_path / "q.parquet", dict(shuffled)), second)
    assert first.read_bytes() == second.read_bytes()


def test_no_report_gives_an_empty_table(tmp_path):
    counts = write_severity(reports(tmp_path / "r.parquet", {}), tmp_path / "o.parquet")
    assert counts["rows"] == 0
    assert read_table(tmp_path / "o.parquet", SEVERITY).empty


def test_a_table_that_holds_no_reports_is_refused(tmp_path):
    pd.DataFrame({"study_id": ["1"]}).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(CxrError, match=r"r\.parquet.*findings"):
        write_severity(tmp_path / "r.parquet", tmp_path / "o.parquet")
    assert not (tmp_path / "o.parquet").exists()


def test_command_reads_by_a_table_of_ones_own(tmp_path):
    table = tmp_path / "f.yaml"
    table.write_text("findings: {stone: {title: Stone, named: [cardiomegaly]}}")
    source = reports(tmp_path / "r.parquet", TEXTS)
    words = ["stage", "severity", str(source), "--output", str(tmp_path / "o.parquet"), "--findings", str(table)]
    result = CliRunner().invoke(build_app(), words)
    assert result.exit_code == 0, result.output
    assert set(read_table(tmp_path / "o.parquet", SEVERITY)["finding"]) == {"stone"}


def test_the_config_names_its_tables():
    assert SeverityConfig().tables() == []
    assert SeverityConfig(findings="a.yaml", cues="b.yaml").tables() == ["a.yaml", "b.yaml"]


def test_reports_in_another_language_are_counted_and_not_read(tmp_path, caplog):
    texts = {**TEXTS, "s9": {"findings": "Sin cardiomegalia."}, "s8": {"impression": "Kyphosis. Keine Skoliose."}}
    counts = write_severity(reports(tmp_path / "r.parquet", texts), tmp_path / "o.parquet")
    assert (counts["reports"], counts["read"], counts["rows"]) == (7, 4, 4)
    assert "2 of 7 reports are not in English and were not read, such as that of study s8" in caplog.text


def test_a_csv_of_reports_is_refused_with_the_command_that_reads_it(tmp_path):
    (tmp_path / "r.csv").write_text("study_id,report\n1,Heart enlarged.\n")
    with pytest.raises(CxrError, match=r"r\.csv: a CSV table; expected .* stage reports .* --layout table"):
        write_severity(tmp_path / "r.csv", tmp_path / "o.parquet")
