import pandas as pd

from cxrfactory.products.tallies import flag_table, spread_table


def test_columns_without_values_are_left_out_and_empty_cells_do_not_count():
    columns = {"length, mm": pd.Series([0.0, 10.0, None, 20.0]), "angle": pd.Series([None, None], dtype=float)}
    lines = spread_table(columns, ("trait", "plants")).splitlines()
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == [
        "trait",
        "plants",
        "median",
        "5 to 95 % of them",
    ]
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == ["length, mm", "3", "10.00", "1.00 to 19.00"]
    assert len(lines) == 3
    assert spread_table({"angle": columns["angle"]}, ("trait", "plants")) == ""


def test_flags_are_counted_by_name():
    lines = flag_table(pd.Series([["gap", "thin"], [], ["gap"]]), "meshes").splitlines()
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == ["`gap`", "2"]
    assert [cell.strip() for cell in lines[3].strip("|").split("|")] == ["`thin`", "1"]
    assert flag_table(pd.Series([[], []]), "meshes") == ""
