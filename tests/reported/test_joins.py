"""Joins of tables whose ids a tool rewrote: matched by value where that is exact, and counted where nothing matches."""

import logging

import pandas as pd
import pytest

from cxrfactory.config import DatasetConfig
from cxrfactory.ingest.manifest import ingest_release, read_manifest
from cxrfactory.products.cxlseg.inputs import release_labels
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS
from cxrfactory.tables.joins import partners, plain_ids
from tests.reported import Case

KIND = "joins of tables with rewritten ids"
SOURCE = "cnvkit#356"

# The id in the list of images, the id in the other table, and whether they are the same one.
PAIRS = {
    "the same text": ("50000001", "50000001", True),
    "a study of MIMIC-CXR by its folder": ("50414267", "s50414267", True),
    "a patient of MIMIC-CXR by its folder": ("10000032", "p10000032", True),
    "a letter before another number": ("414267", "s414267", False),
    "another letter": ("50414267", "x50414267", False),
    "a float": ("50000001", "50000001.0", True),
    "a float with zeros": ("50000001", "50000001.000000", True),
    "a power with all digits": ("50000001", "5.0000001e7", True),
    "a power of a spreadsheet with all digits": ("50000001", "5.0000001E+07", True),
    "a power with zeros": ("50000001", "5.00000010E+07", True),
    "a rounded power": ("50000001", "5.00E+07", False),
    "a rounded power of a round id": ("50000000", "5.00E+07", False),
    "commas between thousands": ("50000001", "50,000,001", True),
    "blanks between thousands": ("50000001", "50 000 001", True),
    "narrow blanks": ("50000001", "50\u202f000\u202f001", True),
    "blanks around": ("50000001", "  50000001\t", True),
    "quotes around": ("50000001", "'50000001'", True),
    "curly quotes": ("50000001", "\u201c50000001\u201d", True),
    "a text mark of a spreadsheet": ("50000001", "'50000001", True),
    "lost leading zeros": ("00050001", "50001", True),
    "lost leading zeros, a float": ("00050001", "50001.0", True),
    "capitals of hex": ("66049acc-ee1e", "66049ACC-EE1E", True),
    "hex that looks like a power": ("1e5", "100000", False),
    "a float beyond float64": ("12345678901234567", "12345678901234567.0", False),
    "a fraction": ("50000001", "50000001.5", False),
    "a UID is no float": ("1.2.840.0", "1.2.840", False),
    "hex with a power of 0": ("1e000000", "1", False),
    "a longer UID": ("1.2.840.10", "1.2.840.1", False),
    "another id": ("50000001", "50000002", False),
    "an empty id": ("50000001", "", False),
}


def pair(one, two, same):
    def run(_):
        for ids, others in ((one, two), (two, one)):
            places, join = partners(pd.Series([ids, "x"]), pd.Series(["y", others]), "labels", "t.csv")
            assert places.tolist() == [1 if same else -1, -1]
            assert (join.rows, join.matched, join.unused) == (2, int(same), 2 - same)

    return run


def ambiguous(_):
    """An id that could be either of two matches none."""
    places, _ = partners(pd.Series(["0012", "7"]), pd.Series(["12", "012", "07", "7"]), "labels", "t.csv")
    assert places.tolist() == [-1, 3]
    places, _ = partners(pd.Series(["AB", "ab"]), pd.Series(["aB"]), "labels", "t.csv")
    assert places.tolist() == [-1, -1]
    places, _ = partners(pd.Series(["5.0", "5"]), pd.Series(["5"]), "labels", "t.csv")
    assert places.tolist() == [0, 0]


def rows_without_an_id_are_not_counted(_):
    _, join = partners(pd.Series(["a", None, None]), pd.Series(["a"]), "labels", "t.csv")
    assert (join.rows, join.matched, join.few) == (1, 1, False)


METADATA = "dicom_id,subject_id,study_id,ViewPosition\naa,10000032,50000001,PA\nbb,11000032,50000002,AP\n"
LABELS = "subject_id,study_id,Edema\n10000032,{},1.0\n11000032,{},1.0\n"


def mimic(folder, labels):
    (folder / "mimic-cxr-2.0.0-metadata.csv").write_text(METADATA)
    (folder / "mimic-cxr-2.0.0-chexpert.csv").write_text(labels)


def listened(run):
    log, said = logging.getLogger("cxrfactory"), []
    handler = logging.Handler()
    handler.emit = lambda record: said.append((record.levelname, record.getMessage()))
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        run()
    finally:
        log.setLevel(before)
        log.removeHandler(handler)
    return said


def labels_of_mimic(first, second):
    def run(folder):
        mimic(folder, LABELS.format(first, second))
        said = listened(lambda: ingest_release(DatasetConfig(root=str(folder)), "mimic-cxr-jpg", folder / "m.parquet",
                                               folder / "s.csv"))  # fmt: skip
        assert read_manifest("mimic-cxr-jpg", folder)["findings"].tolist() == ["Edema", "Edema"]
        assert any("labels for 2 of 2 rows, 2 of them by ids" in line for _, line in said)
        assert "mimic-cxr-jpg,matched: labels,2,," in (folder / "s.csv").read_text()

    return run


def foreign_labels(folder):
    mimic(folder, LABELS.format("60000001", "60000002"))
    said = listened(lambda: ingest_release(DatasetConfig(root=str(folder)), "mimic-cxr-jpg", folder / "m.parquet",
                                           folder / "s.csv"))  # fmt: skip
    assert any(
        level == "WARNING" and "labels for 0 of 2 rows" in line and "2 rows there" in line for level, line in said
    )
    assert "mimic-cxr-jpg,matched: labels,0,," in (folder / "s.csv").read_text()


def rounded_labels(folder):
    mimic(folder, LABELS.format("5.00E+07", "50000002"))
    said = listened(lambda: read_manifest("mimic-cxr-jpg", folder))
    assert any(level == "WARNING" and "1 ids there are rounded numbers" in line for level, line in said)


def derived_views_of_indiana(folder):
    head = "imageid,Patient ID,Patient's Sex,Patient's Birth Date,Study Date,View Position\n"
    rows = "".join(f"CXR{n}_IM,1,F,19500101,20100101,PA\n" for n in range(4))
    (folder / "nlmcxr_dicom_metadata.csv").write_text(head + rows)
    (folder / "nlmcxr_tsne_pa.csv").write_text("imageid,tsne-view\ncxr1_im,L\nother,L\n")
    said = listened(lambda: read_manifest("indiana-cxr", folder))
    assert any(level == "WARNING" and "derived views for 1 of 4 rows" in line for level, line in said)
    assert read_manifest("indiana-cxr", folder)["included"].tolist() == [True, False, True, True]


def labels_of_a_config(key, ids, matched):
    def run(folder):
        table = folder / "labels.csv"
        table.write_text(f"{key},Edema\n" + "".join(f"{each},1\n" for each in ids))
        selected = pd.DataFrame({"image_id": ["aa", "bb"], "study_id": ["50000001", "50000002"], "findings": None})
        found = []
        said = listened(lambda: found.append(release_labels(selected, table)))
        assert found[0]["Edema"].notna().sum() == matched
        assert list(found[0].columns) == list(CHEXPERT_LABELS)
        level = "WARNING" if matched == 0 else "INFO"
        assert any(each == level and f"labels for {matched} of 2 rows" in line for each, line in said), said

    return run


CASES = [
    *(Case(name, "right", pair(*rest)) for name, rest in PAIRS.items()),
    Case("ids that could be several", "right", ambiguous),
    Case("rows without an id", "right", rows_without_an_id_are_not_counted),
    *(
        Case(f"MIMIC labels, {first}", "right", labels_of_mimic(first, second))
        for first, second in (
            ("50000001.0", "50000002.0"), ("5.0000001e7", "5.0000002E+07"), ('"50,000,001"', '"50,000,002"'),
            (" 50000001", "50000002 "), ("050000001", "050000002"),
        )
    ),
    Case("MIMIC labels of other studies", "reported", foreign_labels),
    Case("MIMIC labels, rounded", "reported", rounded_labels),
    Case("Indiana, derived views", "reported", derived_views_of_indiana),
    Case("labels of the config, floats", "right", labels_of_a_config("study_id", ["50000001.0", "50000002.0"], 2)),
    Case("labels of the config, capitals", "right", labels_of_a_config("image_id", ["AA", "BB"], 2)),
    Case("labels of the config, none", "reported", labels_of_a_config("study_id", ["7", "8"], 0)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)


def test_plain_ids_leave_other_text_alone():
    ids = pd.Series(["a b", "1.2.3", "x/y.png", "", "CXR1_IM-0001", "1.5"])
    assert plain_ids(ids).tolist() == ids.tolist()
