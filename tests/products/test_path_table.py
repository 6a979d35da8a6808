import threading

import pyarrow as pa
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.products import path_table
from cxrfactory.products.path_table import PathTable
from cxrfactory.tables.parquet import write_arrow

PATHS = [f"p{number % 7}/é {number}.png" for number in range(50)]


@pytest.mark.parametrize("group", [None, 9])
@pytest.mark.parametrize("most", [10, 1000])
def test_each_path_is_found_in_one_row_group_or_many(tmp_path, monkeypatch, group, most):
    monkeypatch.setattr(path_table, "MOST_ROWS", most)
    write_arrow(pa.table({"image_id": [str(each) for each in range(50)], "path": PATHS}), tmp_path / "m.parquet", group)
    paths = PathTable(tmp_path / "m.parquet")
    assert [paths[place] for place in range(50)] == PATHS
    (tmp_path / "m.parquet").rename(tmp_path / "gone.parquet")
    if group is None and most == 10:  # read once, into a file of its own
        assert paths[3] == PATHS[3]


def test_threads_share_a_table(tmp_path, monkeypatch):
    monkeypatch.setattr(path_table, "MOST_ROWS", 10)
    write_arrow(pa.table({"path": PATHS}), tmp_path / "m.parquet")
    paths, found = PathTable(tmp_path / "m.parquet"), {}
    threads = [threading.Thread(target=lambda place=place: found.update({place: paths[place]})) for place in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict(enumerate(PATHS))


def test_faults_are_one_line(tmp_path):
    with pytest.raises(CxrError, match="no such file"):
        PathTable(tmp_path / "none.parquet")[0]
    write_arrow(pa.table({"image_id": ["a"]}), tmp_path / "m.parquet")
    with pytest.raises(CxrError, match=r"m\.parquet: no column 'path'; expected a manifest"):
        PathTable(tmp_path / "m.parquet")[0]
