"""Filters, histograms, facets and orders against slow and obvious ones."""

import itertools

import numpy as np
import pyarrow as pa
import pytest

from cxrfactory.browse.faults import BadRequest
from cxrfactory.browse.filters import VERDICTS, Filter
from cxrfactory.browse.query import Query
from cxrfactory.products.browsed import Index, ListColumn, NumberColumn, TextColumn
from cxrfactory.products.browsed_columns import list_column, text_column

ROWS = 500


@pytest.fixture(scope="module")
def index():
    rng = np.random.default_rng(3)
    score = np.round(rng.random(ROWS), 2)  # many equal values, and some on the edges of bins
    score[rng.random(ROWS) < 0.1] = np.nan
    sex = [[None, "F", "M"][each] for each in rng.integers(0, 3, ROWS)]
    found = [[["Edema", "Mass", "<b>"][each] for each in range(3) if rng.random() < 0.3] for _ in range(ROWS)]
    return Index(
        pa.array([f"Img-{number:04d}" for number in range(ROWS)]),
        TextColumn("dataset", "dataset", np.zeros(ROWS, np.int32), ["d"]),
        {
            "score": NumberColumn("score", "score", score),
            "age": NumberColumn("age", "age", rng.integers(20, 90, ROWS).astype(float)),
            "sex": text_column("sex", "sex", pa.array(sex, pa.string())),
            "flagged": TextColumn("flagged", "flagged", rng.integers(-1, 2, ROWS).astype(np.int32), [False, True]),
            "found": list_column("found", "found", pa.array(found, pa.list_(pa.string()))),
        },
    )


def verdicts():
    return np.arange(ROWS) % len(VERDICTS)


def obvious(index, given, row, without=None):
    """Whether a row is chosen, criterion by criterion."""
    columns = index.columns
    for name, (low, high) in given.get("ranges", {}).items():
        value = columns[name].cell(row)
        if without != f"range:{name}" and (
            value is None or (low is not None and value < low) or (high is not None and value > high)
        ):
            return False
    for name, words in given.get("values", {}).items():
        cell = columns[name].cell(row)
        cells = (cell or [None]) if isinstance(cell, list) else [cell]
        if without != f"values:{name}" and not set(cells) & set(words):
            return False
    if given.get("search", "").lower() not in index.image_id(row).lower():
        return False
    chosen = given.get("verdicts")
    if chosen and VERDICTS[verdicts()[row]] not in chosen:
        return False
    return given.get("keys") is None or row in given["keys"]


FILTERS = [
    {},
    {"ranges": {"score": [0.25, 0.5]}},
    {"ranges": {"score": [None, None]}},
    {"ranges": {"score": [0.3, None], "age": [None, 60]}, "values": {"sex": ["F"]}},
    {"values": {"sex": ["M", None], "found": ["Edema", "<b>"]}},
    {"values": {"found": [None]}},
    {"values": {"flagged": [True, None]}},
    {"values": {"found": []}},
    {"search": "iMg-00", "verdicts": ["good", "none"]},
    {"keys": [3, 77, 499], "ranges": {"age": [0, 200]}},
]


@pytest.mark.parametrize("given", FILTERS)
def test_filter_histogram_and_facets_are_the_obvious_ones(index, given):
    query = Query(index)
    selection = query.select(Filter.parse(given, index), verdicts())
    expected = [row for row in range(ROWS) if obvious(index, given, row)]
    assert np.flatnonzero(selection.rows).tolist() == expected
    for name in ("score", "age"):
        rows = [row for row in range(ROWS) if obvious(index, given, row, f"range:{name}")]
        values = index.columns[name].values
        known = values[~np.isnan(values)]
        ends = known.min(), known.max()
        found = query.histogram(name, selection, 40)
        chosen = values[rows]
        counts, edges = np.histogram(chosen[~np.isnan(chosen)], 40, ends)
        assert found["counts"] == counts.tolist()
        assert found["edges"] == edges.tolist()
        assert found["all"] == np.histogram(known, 40, ends)[0].tolist()
        assert found["empty"] == int(np.isnan(chosen).sum())
    for name in ("sex", "found", "flagged"):
        rows = [row for row in range(ROWS) if obvious(index, given, row, f"values:{name}")]
        found = {each["value"]: each["count"] for each in query.facet(name, selection)}
        cells = [index.columns[name].cell(row) for row in rows]
        flat = [word for cell in cells for word in ((cell or [None]) if isinstance(cell, list) else [cell])]
        assert found == {word: flat.count(word) for word in found}
        assert sum(found.values()) == len(flat)


@pytest.mark.parametrize("bins", [1, 7, 254])
def test_any_number_of_bins_counts_as_numpy_does(index, bins):
    query = Query(index)
    found = query.histogram("score", query.select(Filter(), verdicts()), bins)
    values = index.columns["score"].values
    counts, edges = np.histogram(values[~np.isnan(values)], bins)
    assert (found["counts"], found["edges"]) == (counts.tolist(), edges.tolist())


def test_columns_of_one_value_and_of_none_have_histograms():
    for values in (np.full(4, 2.0), np.full(4, np.nan)):
        index = Index(pa.array(list("abcd")), TextColumn("d", "d", np.zeros(4, np.int32), ["d"]),
                      {"x": NumberColumn("x", "x", values)})  # fmt: skip
        query = Query(index)
        found = query.histogram("x", query.select(Filter(), np.zeros(4, np.uint8)), 5)
        known = int((~np.isnan(values)).sum())
        assert (sum(found["counts"]), found["empty"]) == (known, 4 - known)


@pytest.mark.parametrize(
    ("sort", "ascending"), itertools.product(["score", "sex", "image_id", "flagged"], [True, False])
)
def test_order_is_stable_and_empty_values_come_last(index, sort, ascending):
    query = Query(index)
    rows = query.select(Filter.parse({"ranges": {"age": [30, 70]}}, index), verdicts()).rows
    cells = {row: index.image_id(row) if sort == "image_id" else index.columns[sort].cell(row) for row in range(ROWS)}
    chosen = np.flatnonzero(rows).tolist()
    known = [row for row in chosen if cells[row] is not None]
    known.sort(key=lambda row: cells[row], reverse=not ascending)
    if not ascending:  # reversing a sort reverses equal rows too; ours keeps them
        known = sorted((row for row in chosen if cells[row] is not None), key=lambda row: row)
        known.sort(key=lambda row: cells[row], reverse=True)
    expected = known + [row for row in chosen if cells[row] is None]
    assert query.ordered(rows, sort, ascending).tolist() == expected


@pytest.mark.parametrize(
    "given",
    [
        '{"ranges": {"score": [0, "a"]}}', '{"ranges": {"score": [1]}}', '{"ranges": {"sex": [0, 1]}}',
        '{"ranges": {"score": [NaN, 1]}}', '{"ranges": {"score": [1e999, 1]}}', '{"ranges": []}',
        '{"values": {"score": ["a"]}}', '{"values": {"nowhere": []}}', '{"values": {"sex": "F"}}',
        '{"values": {"sex": [1]}}', '{"search": 3}', '{"verdicts": ["worse"]}', '{"keys": [500]}', '{"keys": [-1]}',
        '{"keys": [true]}', '{"keys": [1.5]}', '{"where": 1}', "[]", "3", "{", "[" * 5000,
        '{"search": "' + "a" * 201 + '"}',
    ],
)  # fmt: skip
def test_odd_filters_are_refused_in_one_short_line(index, given):
    with pytest.raises(BadRequest) as caught:
        Filter.parse(given, index)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_lists_are_no_order_and_unknown_columns_are_told(index):
    query = Query(index)
    for sort in ("found", "nowhere"):
        with pytest.raises(BadRequest, match="to sort by"):
            query.ordered(np.ones(ROWS, bool), sort, True)
    with pytest.raises(BadRequest, match="expected 1 to 254"):
        query.histogram("score", query.select(Filter(), verdicts()), 255)
    assert isinstance(index.columns["found"], ListColumn)
