import pytest

from cxrfactory.errors import CxrError
from cxrfactory.products.left_out import read_left_out

EXCLUDED = 'dataset,image_id,reason\na,"i,1","x ""q"" <b>\ny"\nb,,r\na,3,r\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "excluded.csv").write_text(EXCLUDED)
    (tmp_path / "rejected.csv").write_text("release,study_id,stage,reason\n")
    return tmp_path


def test_rows_are_counted_and_paged_by_release_and_reason(folder):
    found = read_left_out(folder)
    assert (found.counts("excluded"), found.counts("rejected")) == ({"a": 2, "b": 1}, {})
    hostile = {"release": "a", "image_id": "i,1", "stage": "", "reason": 'x "q" <b>\ny'}
    last = {"release": "a", "image_id": "3", "stage": "", "reason": "r"}
    assert found.page("excluded", "a", None, 0, 9) == (2, [("r", 1), (hostile["reason"], 1)], [hostile, last])
    assert found.page("excluded", None, "r", 1, 5) == (2, [("r", 2), (hostile["reason"], 1)], [last])
    assert found.page("rejected", None, None, 0, 9) == (0, [], [])


def test_tables_of_another_form_are_told(folder):
    (folder / "excluded.csv").write_text("dataset,image_id\na,b\n")
    with pytest.raises(CxrError, match="expected a release, an id and a reason"):
        read_left_out(folder)
    (folder / "excluded.csv").write_text("dataset,image_id,reason\na,b\n")
    with pytest.raises(CxrError, match="not readable as CSV"):
        read_left_out(folder)
    (folder / "excluded.csv").unlink()
    with pytest.raises(CxrError, match="no such file"):
        read_left_out(folder)
