import re

import pandas as pd
import pytest

from cxrfactory.config import ReportsConfig
from cxrfactory.errors import CxrError
from cxrfactory.ingest.reports.collect import NOTHING, collect_reports
from tests.ingest.reports.sources import FAULTY, PLAIN, folder, tarred, xml, zipped


@pytest.fixture
def collect(tmp_path):
    """Run the stage; return its counts, reports by study, and reasons of the rejected by path."""

    def run(source, layout, name="out"):
        output, rejected = tmp_path / f"{name}.parquet", tmp_path / f"{name}.rejected.parquet"
        counts = collect_reports(
            ReportsConfig(source=str(source), layout=layout), output, rejected, tmp_path / f"{name}.csv"
        )
        rows, faults = (pd.read_parquet(path).astype(object) for path in (output, rejected))
        rows = rows.where(rows.notna(), None)
        return counts, rows.set_index("study_id"), dict(zip(faults["path"], faults["reason"], strict=True))

    return run


def test_reports_of_mimic_cxr(collect, tmp_path):
    counts, rows, rejected = collect(folder(tmp_path / "mimic", PLAIN), "mimic")
    assert list(rows.index) == ["50414267", "53189527", "56699142"]
    first = rows.loc["50414267"]
    assert (first["findings"], first["impression"]) == ("Clear lungs.", "Normal.")
    assert (first["report"], first["report_source"]) == ("Clear lungs. Normal.", "findings+impression")
    assert first["path"] == "files/p10/p10000032/s50414267.txt"
    assert first["exclusion_reason"] is None
    assert rows.loc["53189527", "report_source"] == "comparison"
    # Removed words are kept in their section and are no report.
    assert rows.loc["56699142", ["findings", "report", "exclusion_reason"]].tolist() == ["___", None, NOTHING]
    assert rejected == {}
    assert counts["reports"] == counts["used"] + counts["excluded"] + counts["rejected"] == 3
    assert counts["source comparison"] == counts["source findings+impression"] == counts["excluded"] == 1
    assert (tmp_path / "out.csv").read_text().startswith("what,reports\nreports,3\nused,2\nexcluded,1\nrejected,0\n")


def test_a_faulty_report_is_a_row_and_the_others_go_on(collect, tmp_path):
    counts, rows, rejected = collect(folder(tmp_path / "mimic", PLAIN | FAULTY), "mimic")
    assert list(rows.index) == ["50414267", "53189527", "56699142"]
    assert rows.loc["50414267", "report"] == "Clear lungs. Normal."
    expected = {
        "files/p11/p11000011/s1.txt": "file is empty",
        "files/p11/p11000011/s2.txt": r"not UTF-8 text \(byte 10\)",
        "files/p11/p11000011/s3.txt": "zero bytes",
        "files/p11/p11000011/s4.txt": "larger than 65536 bytes",
        "files/p11/p11000011/notes.txt": "file name is not s<study>.txt",
        "files/p12/p10000032/s50414267.txt": "the study has a report already, files/p10/p10000032/s50414267.txt",
    }
    assert rejected.keys() == expected.keys()
    for path, reason in expected.items():
        assert re.search(reason, rejected[path])
    assert counts["rejected"] == 6


def test_folder_zip_and_tar_give_the_same_bytes(collect, tmp_path):
    files = PLAIN | FAULTY
    backwards = dict(reversed(files.items()))
    sources = {
        "folder": folder(tmp_path / "mimic", files),
        "zip": zipped(tmp_path / "mimic.zip", backwards),
        "tar": tarred(tmp_path / "mimic.tgz", backwards),
    }
    made = {}
    for name, source in sources.items():
        collect(source, "mimic", name)
        made[name] = [(tmp_path / f"{name}{end}").read_bytes() for end in (".parquet", ".rejected.parquet", ".csv")]
    assert made["folder"] == made["zip"] == made["tar"]


def test_reports_of_indiana(collect, tmp_path):
    files = {
        "ecgen-radiology/1.xml": xml(),
        "ecgen-radiology/2.xml": xml("CXR2")[:200],
        "ecgen-radiology/3.xml": b'<!DOCTYPE x [<!ENTITY a "b">]>' + xml("CXR3").partition(b"?>")[2],
        "ecgen-radiology/4.xml": xml("").replace(b' id=""', b""),
        "ecgen-radiology/5.xml": xml("CXR5").replace(b'"FINDINGS"', b'"SECRET"'),
        "ecgen-radiology/6.xml": b"<eCitation><uId id='CXR6'/></eCitation>",
        "ecgen-radiology/._1.xml": b"shadow of macOS",
        "ecgen-radiology/readme.txt": b"FINDINGS: none",
    }
    _, rows, rejected = collect(tarred(tmp_path / "reports.tgz", files), "indiana")
    assert rows.loc["CXR1", "report"] == "Heart & lungs normal. No acute XXXX."
    assert rows.loc["CXR1", ["comparison", "indication"]].tolist() == ["None.", None]
    assert list(rows.index) == ["CXR1"]
    assert rejected == {
        "ecgen-radiology/2.xml": "not well-formed XML",
        "ecgen-radiology/3.xml": "XML with a document type; expected none, for entities can expand without end",
        "ecgen-radiology/4.xml": "element uId has no id",
        "ecgen-radiology/5.xml": "element AbstractText whose Label names no known section",
        "ecgen-radiology/6.xml": "no element AbstractText",
    }


def test_a_table_of_reports(collect, tmp_path):
    path = tmp_path / "reports.csv"
    path.write_text('study_id,report,impression\na,"FINDINGS: clear\nIMPRESSION: x",Own words.\n,y,\nb,Body alone.,\n')
    _, rows, rejected = collect(path, "table")
    assert rows.loc["a", "report"] == "clear Own words."
    assert rows.loc["b", ["report", "report_source"]].tolist() == ["Body alone.", "unheaded"]
    assert rejected == {"reports.csv:2": "study_id is empty"}


def test_text_files_are_named_by_their_study(collect, tmp_path):
    _, rows, _ = collect(folder(tmp_path / "texts", {"a/ST.1.txt": b"\xef\xbb\xbfIMPRESSION: fine"}), "text")
    assert rows["impression"].to_dict() == {"ST.1": "fine"}


def test_faults_of_the_whole_source(collect, tmp_path):
    whole = tarred(tmp_path / "whole.tgz", PLAIN | FAULTY).read_bytes()
    damaged = tmp_path / "cut.tgz"
    plain = tmp_path / "table.csv"
    plain.write_text("study_id,words\na,b\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CxrError, match="layout 'docx' is unknown; expected one of indiana, mimic, table, text"):
        collect(empty, "docx")
    with pytest.raises(CxrError, match="no such file or folder"):
        collect(tmp_path / "nowhere", "mimic")
    with pytest.raises(CxrError, match=r"no file named \*.txt in it"):
        collect(empty, "mimic")
    for length in (100, 400, len(whole) - 20):
        damaged.write_bytes(whole[:length])
        with pytest.raises(CxrError, match=r"cut\.tgz: (the archive is cut off or damaged|not a zip or tar archive)"):
            collect(damaged, "mimic")
    with pytest.raises(CxrError, match="not a zip or tar archive"):
        collect(plain, "mimic")
    with pytest.raises(CxrError, match="no column holds text"):
        collect(plain, "table")
    with pytest.raises(CxrError, match="none of 1 reports can be read; first: file is empty"):
        collect(folder(tmp_path / "one", {"s1.txt": b" \n"}), "mimic")
    assert not list(tmp_path.glob("out*"))


def test_no_word_of_a_report_stands_in_log_or_reasons(collect, tmp_path, caplog):
    files = PLAIN | FAULTY
    with caplog.at_level("INFO", logger="cxrfactory"):
        _, _, rejected = collect(folder(tmp_path / "mimic", files), "mimic")
    said = caplog.text + " ".join(rejected.values())
    assert "Clear" not in said
    assert "Unchanged" not in said
