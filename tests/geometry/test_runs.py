import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from cxrfactory.errors import CxrError
from cxrfactory.geometry.runs import Runs
from cxrfactory.tables.rle import rle_encode

masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))
pairs = arrays.array_shapes(min_dims=2, max_dims=2, max_side=9).flatmap(
    lambda shape: st.tuples(*(arrays.arrays(np.bool_, shape),) * 3)
)


def equal(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("rows", "first", "last")) and (
        one.height,
        one.width,
    ) == (other.height, other.width)


@given(masks)
def test_a_mask_comes_back(mask):
    np.testing.assert_array_equal(Runs.from_mask(mask).mask(), mask)


@given(masks)
def test_a_run_length_text_gives_the_runs_of_its_mask(mask):
    assert equal(Runs.from_rle(rle_encode(mask), *mask.shape), Runs.from_mask(mask))


def test_a_run_may_go_on_over_several_rows():
    places = np.arange(16).reshape(4, 4)
    assert equal(Runs.from_rle("3 9", 4, 4), Runs.from_mask((places >= 2) & (places < 11)))


def test_runs_that_touch_in_a_row_become_one():
    assert equal(Runs.from_rle("2 2 4 1", 2, 5), Runs.from_rle("2 3", 2, 5))


@pytest.mark.parametrize("text", ["", "  ", None, float("nan")])
def test_an_empty_text_is_an_empty_mask(text):
    runs = Runs.from_rle(text, 3, 4)
    assert runs.empty
    assert runs.area == 0
    assert not runs.mask().any()
    assert runs.components() == []


@pytest.mark.parametrize(
    "text", ["1", "0 2", "3 0", "12 2", "5 2 6 1", "5 2 1 1", "1 -1", "a 2", "1 99999999999999999999"]
)
def test_a_faulty_text_is_refused(text):
    with pytest.raises(CxrError):
        Runs.from_rle(text, 3, 4)


@given(masks)
def test_measures_equal_those_of_the_pixels(mask):
    runs = Runs.from_mask(mask)
    assert runs.area == mask.sum()
    widths = [np.ptp(np.flatnonzero(row)) + 1 if row.any() else 0 for row in mask]
    assert runs.widths_by_row().tolist() == widths
    rows, columns = np.nonzero(mask)
    lower = [np.flatnonzero(column)[-1] if column.any() else -1 for column in mask.T]
    upper = [np.flatnonzero(column)[0] if column.any() else -1 for column in mask.T]
    assert runs.lower_border.tolist() == lower
    assert runs.upper_border.tolist() == upper
    edge = np.ones_like(mask)
    edge[1:-1, 1:-1] = False
    assert runs.touches_border() == (mask & edge).any()
    for x in range(mask.shape[1]):
        assert runs.rows_in_column(x).tolist() == np.flatnonzero(mask[:, x]).tolist()
    if mask.any():
        assert runs.row_extent == (rows.min(), rows.max())
        assert runs.column_extent == (columns.min(), columns.max())
        np.testing.assert_allclose(runs.centroid(), (columns.mean(), rows.mean()))
        row, left, right = runs.widest_row()
        assert right - left + 1 == max(widths)
        assert row == widths.index(max(widths))
        assert mask[row, left]
        assert mask[row, right]


@given(pairs)
def test_union_and_intersection_equal_those_of_the_pixels(three):
    first, second, third = (Runs.from_mask(each) for each in three)
    assert equal(first.union([second, third]), Runs.from_mask(three[0] | three[1] | three[2]))
    assert equal(first.intersection(second), Runs.from_mask(three[0] & three[1]))


@settings(max_examples=200)
@given(masks)
def test_components_equal_those_of_ndimage(mask):
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    expected = sorted((labels == label).tobytes() for label in range(1, count + 1))
    found = Runs.from_mask(mask).components()
    assert sorted(each.mask().astype(bool).tobytes() for each in found) == expected
    areas = [each.area for each in found]
    assert areas == sorted(areas, reverse=True)
    if count:
        assert Runs.from_mask(mask).largest_component().area == np.bincount(labels[labels > 0]).max()


def test_masks_of_two_frames_are_refused():
    one, other = Runs.from_mask(np.ones((2, 3))), Runs.from_mask(np.ones((3, 2)))
    with pytest.raises(CxrError, match="2 x 3 and 3 x 2"):
        one.union([other])
    with pytest.raises(CxrError, match="2 x 3 and 3 x 2"):
        one.intersection(other)


def test_a_volume_is_refused():
    with pytest.raises(CxrError, match="rows and columns"):
        Runs.from_mask(np.ones((2, 2, 2)))
