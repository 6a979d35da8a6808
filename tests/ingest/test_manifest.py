import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.ingest import manifest as manifest_module
from cxrfactory.ingest.manifest import read_manifest, validate, write_manifest
from cxrfactory.tables import schemas
from cxrfactory.tables.parquet import read_table

HEADER = "dicom_id,subject_id,study_id,ViewPosition\n"
TABLE = "mimic-cxr-2.0.0-metadata.csv"


def test_no_table_names_what_was_looked_for(tmp_path):
    with pytest.raises(CxrError, match=r"no table of padchest here; looked for PADCHEST_chest"):
        read_manifest("padchest", tmp_path)


def test_no_root(tmp_path):
    with pytest.raises(CxrError, match="no such folder"):
        read_manifest("padchest", tmp_path / "nowhere")


def test_duplicate_ids_name_table_id_and_both_rows(write):
    root = write(TABLE, HEADER + "a,10,1,PA\nb,10,1,PA\na,10,2,AP\n")
    with pytest.raises(CxrError, match=r"metadata\.csv: row 3: image id 'a' stands already in row 1"):
        read_manifest("mimic-cxr-jpg", root)


def test_bad_rows_stay_and_are_never_opened(write, tmp_path):
    write("../outside.jpg", "secret")
    root = write(TABLE, HEADER + ",10,1,PA\n,10,1,PA\n../../outside,10,1,PA\nx,..,../..,AP\n/etc/passwd,1,1,PA\n")
    manifest = read_manifest("mimic-cxr-jpg", root, check_files=True)
    assert len(manifest) == 5
    assert not manifest["included"].any()
    assert manifest["path"].isna().all()
    assert manifest["image_id"].tolist() == [
        "../../outside",
        "/etc/passwd",
        f"no-id:{TABLE}:1",
        f"no-id:{TABLE}:2",
        "x",
    ]


def test_check_files(write):
    root = write(TABLE, HEADER + "a,10,1,PA\nb,10,1,PA\nc,10,1,PA\nd,10,1,PA\ne,10,1,LATERAL\n")
    folder = "files/p10/p10/s1"
    write(f"{folder}/a.jpg", "x")
    write(f"{folder}/b.jpg", "")
    (root / folder / "d.jpg").mkdir()
    manifest = read_manifest("mimic-cxr-jpg", root, check_files=True)
    assert manifest["exclusion_reason"].tolist() == [
        None,
        f"file is empty: {folder}/b.jpg",
        f"file is missing: {folder}/c.jpg",
        f"not a regular file: {folder}/d.jpg",
        "ViewPosition is LATERAL, not PA or AP",
    ]
    assert read_manifest("mimic-cxr-jpg", root)["included"].sum() == 4


cells = st.sampled_from(["PA", "AP", "pa", "LATERAL", "", "odd", "nan"])
ids = st.text(alphabet="ab./\\ _\u00e9", max_size=6)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(ids, cells, max_size=8))
def test_rows_in_are_rows_out_and_included_means_no_reason(write, table):
    lines = [f'"{key}",10,1,{view}\n' for key, view in table.items()]
    manifest = read_manifest("mimic-cxr-jpg", write(TABLE, HEADER + "".join(lines)))
    assert len(manifest) == len(table)
    assert (manifest["included"] == manifest["exclusion_reason"].isna()).all()
    assert manifest["image_id"].is_unique
    kept = manifest[manifest["included"]]
    assert kept["path"].notna().all()
    assert not kept["path"].str.contains("..", regex=False).where(kept["image_id"].str.contains("/"), False).any()


def test_written_manifest_reads_back_and_is_the_same_bytes_twice(write, tmp_path):
    root = write(TABLE, HEADER + "b,10,1,PA\na,10,1,\n")
    manifest = read_manifest("mimic-cxr-jpg", root)
    for name in ("one.parquet", "two.parquet"):
        write_manifest(manifest, tmp_path / name)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    back = read_table(tmp_path / "one.parquet", schemas.MANIFEST)
    assert back["image_id"].tolist() == ["a", "b"]
    assert back["included"].tolist() == [False, True]


def test_validate_refuses_a_row_that_is_included_with_a_reason(write):
    manifest = read_manifest("mimic-cxr-jpg", write(TABLE, HEADER + "a,10,1,PA\n"))
    for change in ({"exclusion_reason": "x"}, {"view": "SIDE"}, {"sex": "X"}, {"age": 130.0}, {"path": None}):
        broken = manifest.assign(**change).astype({"exclusion_reason": object, "path": object})
        with pytest.raises(CxrError, match="manifest: column"):
            validate(broken)
    twice = pd.concat([manifest, manifest], ignore_index=True)
    with pytest.raises(CxrError, match="image_id"):
        validate(twice)


def test_a_manifest_has_row_groups_in_which_one_row_is_found_fast(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest_module, "ROWS_PER_GROUP", 4)
    rows = {name: [None] * 10 for name in schemas.MANIFEST.names}
    rows |= {"image_id": [f"i{number}" for number in range(10)], "path": ["a.png"] * 10, "included": [True] * 10}
    write_manifest(pd.DataFrame(rows), tmp_path / "m.parquet")
    found = pq.ParquetFile(tmp_path / "m.parquet").metadata
    assert [found.row_group(group).num_rows for group in range(found.num_row_groups)] == [4, 4, 2]
