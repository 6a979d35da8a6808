"""Name tables in their forms, and their faults."""

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.imaging.volume.label_names import read_names

GOOD = {
    "totalsegmentator.csv": "group,original_idx,structure,id\norgans,9,spleen,1\nribs,1,rib_left_1,92\n",
    "names.tsv": "Value\tName\n92\trib_left_1\n\n1\tspleen\n",
    "slicer.csv": "\ufeffindex, label\n0,background\n1,spleen\n92,rib_left_1\n",
    "colours.ctbl": "# Colors\n0 background 0 0 0 0\n1 spleen 1 2 3 255\n2 (none) 0 0 0 0\n92 rib_left_1 1 2 3 4\n",
    "freesurfer.txt": "#No. Label R G B A\n0 Unknown 0 0 0 0\n1   spleen  1 2 3 0\n92  rib_left_1 4 5 6 0\n",
    "snap.txt": '0 0 0 0 0 0 0 "Clear Label"\n1 255 0 0 1 1 1 "spleen"\n92 0 255 0 0.5 1 1 "rib_left_1"\n',
    "floats.csv": "id,name\n1.0,spleen\n92.,rib_left_1\n",
    "semicolons.csv": "\ufeffid;name\n1;spleen\n92;rib_left_1\n",
    "tabs.csv": "id\tname\n1\tspleen\n92\trib_left_1\n",
    "slicer_new.csv": "LabelValue,Name,Color_R\n1,spleen,1\n92,rib_left_1,2\n",
    "dataset.json": '{"channel_names": {"0": "CT"}, "labels": {"background": 0, "spleen": 1, "rib_left_1": 92.0}}',
    "decathlon.json": '{"labels": {"0": "background", "1": "spleen", "92": "rib_left_1"}, "modality": {"0": "CT"}}',
    "regions.json": '{"labels": {"background": 0, "spleen": [1], "rib_left_1": 92}}',
    "list.json": '{"labels": [{"name": "spleen", "id": 1}, {"name": "rib_left_1", "value": 92}]}',
    "values.json": '{"92": "rib_left_1", "1": "spleen"}',
    "names.json": '{"Background": 0, "rib_left_1": 92, "spleen": 1}',
}


@pytest.mark.parametrize("name", GOOD)
def test_forms(tmp_path, name):
    (tmp_path / name).write_text(GOOD[name], encoding="utf-8")
    names = read_names(tmp_path / name)
    assert list(names.items()) == [(1, "spleen"), (92, "rib_left_1")]


BAD = {
    "twice.csv": ("id,name\n1,spleen\n1,liver\n", r"row 3: label value 1 comes twice \('spleen' and 'liver'\)"),
    "same.csv": ("id,name\n1,spleen\n2,spleen\n", "row 3: 'spleen' names two label values, 1 and 2"),
    "no_id.csv": ("number,name\n1,spleen\n", "columns number, name; expected one called id or value"),
    "no_name.csv": ("id,organ\n1,spleen\n", "columns id, organ; expected one called name or structure"),
    "empty.csv": ("", "columns none"),
    "no_rows.csv": ("id,name\n", "no label value is named"),
    "short.csv": ("id,name\n1\n", "row 2: 1 cells; expected 2"),
    "decimal.csv": ("id,name\n1.5,spleen\n", "row 2: label value '1.5'; expected a whole number from 1 to 65535"),
    "large.csv": ("id,name\n65536,spleen\n", "row 2: label value '65536'"),
    "blank.csv": ("id,name\n1,\n", "row 2: label value 1 has no name"),
    "zero.csv": ("id,name\n0,spleen\n", "row 2: value 0 is called 'spleen'; 0 is the background"),
    "twice.json": ('{"1": "spleen", "1": "liver"}', "key '1': label value 1 comes twice"),
    "nested.json": ('{"organs": {"spleen": 1}}', "key 'organs': expected a name or a whole number, found an object"),
    "list.json": ('["spleen"]', "expected an object"),
    "region.json": ('{"labels": {"background": 0, "whole": [1, 2]}}', "key 'whole': a region of 2 values"),
    "blanks.ctbl": ("1 lung 2 3 128 174 128 255\n", "row 1: expected a value, a name without blanks"),
    "broken.json": ("{", "not readable as JSON"),
    "none.json": ("{}", "no label value is named"),
    "names.xml": ("1 spleen", "no known suffix; expected .csv, .tsv, .json"),
}


@pytest.mark.parametrize("name", BAD)
def test_faults_are_named(tmp_path, name):
    text, reason = BAD[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(CxrError, match=f"^{name}.*{reason}") as caught:
        read_names(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_missing_or_binary(tmp_path):
    with pytest.raises(CxrError, match=r"none\.csv: no such file"):
        read_names(tmp_path / "none.csv")
    (tmp_path / "wide.csv").write_text("id,name\n1,spleen\n", encoding="utf-16")
    with pytest.raises(CxrError, match=r"wide\.csv: not readable as UTF-8 text \(it is UTF-16\)"):
        read_names(tmp_path / "wide.csv")
    (tmp_path / "binary.csv").write_bytes(b"id,name\n1,\xff\xfe\n")
    with pytest.raises(CxrError, match=r"binary\.csv: not readable as UTF-8"):
        read_names(tmp_path / "binary.csv")
