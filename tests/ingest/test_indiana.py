"""The Indiana University release: rows of its header table, and the real one where it is at hand."""

import os
from pathlib import Path

import pytest

from cxrfactory.ingest.manifest import read_manifest

HEADER = (
    "imageid,Patient ID,Patient's Name,Patient's Sex,Patient's Birth Date,Study Date,View Position,Accession Number\n"
)


def release(write, derived=True):
    if derived:
        write("nlmcxr_tsne_pa.csv.gz", "imageid,tsne-view\nCXR1_1_IM-0001-3001,L\nCXR2_IM-0002-1001,PA\n")
    return write(
        "nlmcxr_dicom_metadata.csv.gz",
        HEADER
        + "CXR1_1_IM-0001-3001,1,secret,F,19550820,20110328,PA,77\n"
        + "CXR2_IM-0002-1001,2,secret,M,,20110328,PA,77\n"
        + "CXR2_IM-0002-2001,2,secret,M,,20110328,LL,77\n"
        + "CXR3_IM-0003-1001,3,secret,,19000101,20110328,AP,77\n"
        + "CXR3_IM-0003-2001,3,secret,,18000101,20110328,,77\n",
    )


def test_rows(write):
    rows = read_manifest("indiana-cxr", release(write)).set_index("image_id")
    assert rows["included"].to_dict() == {
        "CXR1_1_IM-0001-3001": False,
        "CXR2_IM-0002-1001": True,
        "CXR2_IM-0002-2001": False,
        "CXR3_IM-0003-1001": True,
        "CXR3_IM-0003-2001": False,
    }
    first = rows.loc["CXR1_1_IM-0001-3001"]
    assert first[["study_id", "patient_id", "sex", "age", "view"]].tolist() == ["CXR1", "1", "F", 56.0, "LATERAL"]
    assert first["exclusion_reason"] == "View Position is frontal, the picture lateral"
    assert rows.loc["CXR2_IM-0002-2001", "exclusion_reason"] == "View Position is LL, not PA or AP"
    assert rows.loc["CXR3_IM-0003-2001", "exclusion_reason"] == "View Position is missing"
    assert rows["age"].isna().tolist() == [False, True, True, False, True]
    assert not rows.astype(str).apply(lambda column: column.str.contains("secret|20110328|77")).to_numpy().any()


def test_without_derived_views_the_header_decides(write):
    rows = read_manifest("indiana-cxr", release(write, derived=False)).set_index("image_id")
    assert rows.loc["CXR1_1_IM-0001-3001", "included"]


def test_images_are_found_as_png_or_dicom(write):
    root = release(write)
    for name in ("NLMCXR_png/CXR2_IM-0002-1001.png", "3_IM-0003-1001.dcm"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    rows = read_manifest("indiana-cxr", root, check_files=True).set_index("image_id")
    assert rows[rows["included"]]["path"].to_dict() == {
        "CXR2_IM-0002-1001": "NLMCXR_png/CXR2_IM-0002-1001.png",
        "CXR3_IM-0003-1001": "3_IM-0003-1001.dcm",
    }


@pytest.mark.slow
def test_real_table():
    folder = os.environ.get("CXRFACTORY_PUBLIC_TABLES")
    if not folder:
        pytest.skip("CXRFACTORY_PUBLIC_TABLES (data/ of the torchxrayvision wheel) is not set")
    rows = read_manifest("indiana-cxr", Path(folder))
    assert (len(rows), int(rows["included"].sum()), rows["patient_id"].nunique()) == (7469, 3818, 3851)
    assert (rows["view"] == "LATERAL").sum() == 319
