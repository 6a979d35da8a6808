import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.ingest import diagram, summary

REASONS = [None, None, "file is missing: a.jpg", "file is missing: b.jpg", "View is L", None]


def manifest(reasons=REASONS):
    column = pd.Series(reasons, dtype=object)
    return pd.DataFrame({"exclusion_reason": column, "included": column.isna()})


def test_count_adds_up_and_groups_reasons_before_the_colon():
    found = summary.count(manifest(), "x")
    assert (found.rows, found.included, found.excluded) == (6, 3, 3)
    assert found.reasons == {"file is missing": 2, "View is L": 1}


def test_count_refuses_rows_that_do_not_add_up():
    rows = manifest()
    rows["included"] = True
    with pytest.raises(CxrError, match="is not 6 rows"):
        summary.count(rows, "x")


def test_table_shows_the_difference_from_the_paper(tmp_path):
    found = summary.count(manifest(), "x", {"rows": 7, "included": 3})
    summary.write_summary([found, summary.count(manifest([None]), "y")], tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == (
        "release,item,images,expected,difference\n"
        "x,rows,6,7,-1\nx,included,3,3,0\nx,excluded,3,,\nx,excluded: file is missing,2,,\nx,excluded: View is L,1,,\n"
        "y,rows,1,,\ny,included,1,,\ny,excluded,0,,\n"
    )


def test_expected_counts_of_the_layouts_are_the_papers():
    names = ("padchest", "mimic-cxr-jpg", "indiana-cxr")
    known = summary.paper_counts({name: name for name in names} | {"site-a": "padchest"})
    assert known["padchest"] == {"rows": 160861, "included": 96287}
    assert known["mimic-cxr-jpg"] == {"rows": 377110, "included": 243334}
    assert known["indiana-cxr"] == {}
    assert "site-a" not in known  # its size is its own


def test_expected_counts_of_a_file(tmp_path):
    (tmp_path / "e.yaml").write_text("releases: {site-a: {rows: 7, included: 3}}\n")
    assert summary.read_expected(tmp_path / "e.yaml") == {"site-a": {"rows": 7, "included": 3}}


def test_display_names_are_those_of_the_files():
    assert summary.display_names({"padchest": "padchest", "old": "old"}) == {"padchest": "Padchest", "old": "old"}
    assert summary.display_names({"a": "padchest", "b": "padchest"}) == {"a": "a", "b": "b"}


@pytest.mark.parametrize("text", ["", "releases: 3", "releases: {x: {rows: many}}", "a: [", "releases: {x: 1}"])
def test_bad_expected_file(tmp_path, text):
    (tmp_path / "e.yaml").write_text(text)
    with pytest.raises(CxrError, match="no table of expected counts"):
        summary.read_expected(tmp_path / "e.yaml")


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_diagram_bytes_depend_on_the_counts_alone(tmp_path, suffix):
    one = summary.count(manifest(), "x", {"rows": 7, "included": 3})
    other = summary.count(manifest([None]), "y")
    paths = [tmp_path / f"{name}.{suffix}" for name in "abc"]
    diagram.draw([one, other], ["X", "Y"], paths[0])
    diagram.draw([one, other], ["X", "Y"], paths[1])
    diagram.draw([other, one], ["Y", "X"], paths[2])
    first, second, third = (path.read_bytes() for path in paths)
    assert first == second
    assert first != third


def test_diagram_keeps_few_lines_and_refuses_other_formats(tmp_path):
    many = summary.count(manifest([f"reason {n}" for n in range(30)]), "x")
    diagram.draw([many], ["X"], tmp_path / "d.svg")
    lines = diagram._reasons(many)
    assert len(lines) == 9
    assert lines[-1] == ("22", "22 other reasons")
    with pytest.raises(CxrError, match=r"\.png or \.svg"):
        diagram.draw([many], ["X"], tmp_path / "d.pdf")
