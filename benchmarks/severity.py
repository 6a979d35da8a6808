"""Reports per second of reading severity, and its agreement with sentences read by a person and with coders.

Run from the repository's root::

    PYTHONPATH=src:. python benchmarks/severity.py DATA

``DATA`` is the folder ``data/`` of the wheel ``torchxrayvision`` (``pip download --no-deps torchxrayvision``), whose
``NLMCXR_reports.tgz`` holds the 3,955 reports of Indiana University. Times are those of one core: from the sections in
memory to the rows, without reading and writing Parquet. Many reports repeat sentences, and the room remembers the
sentences that it has read, so both are timed: as a run does it, and with every sentence read anew. The codes are the
terms that the collection's own coders gave to each report; ``borderline`` is left out of both sides.
"""

import argparse
import re
import tarfile
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

from cxrfactory.config import ReportsConfig
from cxrfactory.ingest.reports.collect import collect_reports
from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions
from cxrfactory.severity.reports import read_report
from cxrfactory.severity.table import write_severity
from tests.severity.test_indiana import score

CODES = {
    "cardiomegaly": r"^cardiomegaly",
    "scoliosis": r"^scoliosis",
    "kyphosis": r"^kyphosis",
    "hyperinflation": r"hyperdistention",
    "low_lung_volumes": r"hypoinflation",
    "elevated_diaphragm": r"^diaphragm/.*elevated|^diaphragm/elevated|eventration",
    "flattened_diaphragm": r"^diaphragm.*flattened",
    "blunted_costophrenic_angle": r"^costophrenic angle.*blunted",
    "tortuous_aorta": r"^aorta.*tortuous",
}
GRADES = ("severe", "moderate", "mild")


def speed(reports: pd.DataFrame) -> None:
    words = lexicon()
    texts = [
        {name: text for name, text in row.items() if isinstance(text, str)}
        for row in reports[["findings", "impression", "unheaded"]].to_dict("records")
    ]
    for name, remembered in (("as a run does it", True), ("every sentence anew", False)):
        best = float("inf")
        for _ in range(3):
            mentions.cache_clear()
            begin = time.process_time()
            for sections in texts:
                if not remembered:
                    mentions.cache_clear()
                read_report(sections, words)
            best = min(best, time.process_time() - begin)
        print(f"{name}: {len(texts) / best:,.0f} reports/s")


def agreement(reports: pd.DataFrame) -> None:
    for half in ("first", "second"):
        counts = score(reports.set_index("study_id"), half)
        print(f"{half} hundred sentences: {counts['gold']} mentions in the gold table, {counts['found']} found")
        for what in ("both", "polarity", "grade", "change"):
            name = "mention" if what == "both" else what
            precision, recall = counts[what] / counts["found"], counts[what] / counts["gold"]
            print(f"  {name}: precision {precision:.3f}, recall {recall:.3f}")


def codes_of(archive: Path) -> dict[str, list[str]]:
    """Terms of the coders by report."""
    coded = {}
    with tarfile.open(archive) as members:
        for member in members:
            if member.isfile() and member.name.endswith(".xml"):
                root = ElementTree.fromstring(members.extractfile(member).read())
                coded[root.find("uId").get("id")] = [(each.text or "").strip().lower() for each in root.iter("major")]
    return coded


def coders(coded: dict[str, list[str]], rows: pd.DataFrame) -> None:
    for finding, pattern in CODES.items():
        theirs = {study: [code for code in codes if re.search(pattern, code)] for study, codes in coded.items()}
        firm = {study for study, codes in theirs.items() if codes and not any("borderline" in code for code in codes)}
        ours = rows[(rows["finding"] == finding) & (rows["polarity"] == "present")].set_index("study_id")
        both = firm & set(ours.index)
        same = 0
        for study in both:
            grade = next((grade for grade in GRADES if any(grade in code for code in theirs[study])), "unspecified")
            same += grade == ours.loc[study, "grade"]
        print(
            f"{finding}: coders {len(firm)}, ours {len(ours)}, both {len(both)}: "
            f"precision {len(both) / len(ours):.3f}, recall {len(both) / len(firm):.3f}, "
            f"same grade {same / len(both):.3f}"
        )


def coded_grades(coded: dict[str, list[str]]) -> pd.DataFrame:
    """The coders' grade of every report and finding, for ``study agreement``; negative where they give no term."""
    found = []
    for study, codes in coded.items():
        for finding, pattern in CODES.items():
            mine = [code for code in codes if re.search(pattern, code)]
            said = next((word for word in (*GRADES, "borderline") if any(word in code for code in mine)), "unspecified")
            found.append({"study_id": study, "finding": finding, "grade": said if mine else "negative"})
    return pd.DataFrame(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder data/ of the wheel torchxrayvision")
    parser.add_argument("--keep", type=Path, help="folder for severity.parquet and the coders' grades, coders.csv")
    given = parser.parse_args()
    archive = given.data / "NLMCXR_reports.tgz"
    coded = codes_of(archive)
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        collect_reports(ReportsConfig(source=str(archive), layout="indiana"), made / "r.parquet", made / "x.parquet")
        write_severity(made / "r.parquet", made / "s.parquet", made / "s.csv")
        reports, rows = pd.read_parquet(made / "r.parquet"), pd.read_parquet(made / "s.parquet")
        print((made / "s.csv").read_text())
        if given.keep is not None:
            given.keep.mkdir(parents=True, exist_ok=True)
            rows.to_parquet(given.keep / "severity.parquet")
            coded_grades(coded).to_csv(given.keep / "coders.csv", index=False)
    agreement(reports)
    coders(coded, rows)
    speed(reports)


if __name__ == "__main__":
    main()
