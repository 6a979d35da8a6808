import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.sources import leave_out, sources_of
from tests.evaluate.generalise.hospitals import hospital


def test_sources_of_several_tables(tmp_path):
    tables = [hospital(tmp_path / f"{name}.parquet", name, 4) for name in ("South", "North")]
    assert sources_of(tables) == ["North", "South"]
    assert sources_of(tables[:1]) == ["South"]
    with pytest.raises(CxrError, match="no such file"):
        sources_of([tmp_path / "none.parquet"])


def test_rows_of_other_sources_stay_in_order():
    table = pd.DataFrame({"source": ["a", "b", "c", "a"], "row": range(4)})
    assert leave_out(table, ["a"], "t")["row"].tolist() == [1, 2]
    assert leave_out(table, [], "t")["row"].tolist() == [0, 1, 2, 3]


def test_a_source_that_does_not_occur_is_named_with_those_found():
    table = pd.DataFrame({"source": ["a", "b"]})
    with pytest.raises(CxrError, match=r"^t: no image has source 'c', which is to be left out; found a, b$"):
        leave_out(table, ["a", "c"], "t")


def test_nothing_left_is_one_line():
    table = pd.DataFrame({"source": ["a", "b"]})
    with pytest.raises(CxrError, match=r"^t: no image is left without a, b; found a, b: give images of another source"):
        leave_out(table, ["b", "a"], "t")
