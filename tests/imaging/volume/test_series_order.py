"""Steps between slices, the rounding of positions, and the numbers of instances."""

from collections import Counter

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.series_order import check_steps, count_notes, decimals_of, gap_notes


@pytest.mark.parametrize(
    ("text", "decimals"), [("0.625", 3), ("-60", 0), ("100", 0), ("-1.50", 1), ("1e-3", 3), ("1E2", 0), ("none", 16)]
)
def test_decimals_as_written(text, decimals):
    assert decimals_of(text) == decimals


@pytest.mark.parametrize("step", [0.3, 0.5, 0.625, 0.7, 1.25, 3.0])
def test_rounding_is_no_gap_and_a_missing_slice_is(step):
    for count in (10, 50, 400):
        positions = np.round(np.arange(count + 1) * step, 1)
        check_steps(positions, 1)
        for gone in range(1, count):
            with pytest.raises(ImageError, match="uneven"):
                check_steps(np.delete(positions, gone), 1)


def test_a_slice_moved_by_more_than_rounding_is_uneven():
    positions = np.round(np.arange(40) * 0.625, 1)
    positions[20] += 0.2
    with pytest.raises(ImageError, match="uneven"):
        check_steps(positions, 1)


def test_numbers_that_say_nothing_leave_no_note():
    assert count_notes([None] * 5, [], Counter(), 5) == []
    assert count_notes([1, 1, 2, 3, 4], [], Counter(), 5) == []
    assert count_notes([5, 4, 3, 2, 1], [], Counter(), 5) == []
    assert count_notes([0, 1, 2, 3, 4], [], Counter(), 5) == []
    assert count_notes([3, 4, 5], [1, 2], Counter(NumberOfSeriesRelatedInstances=5), 3) == []


@pytest.mark.parametrize("localizer", [100, 7, 0])
def test_a_localizer_with_a_number_of_its_own_is_no_gap(localizer):
    assert count_notes([1, 2, 3, 4, 5], [localizer], Counter(), 5) == []


def test_a_localizer_fills_the_number_between_slices_or_before_them():
    assert count_notes([1, 2, 4, 5], [3], Counter(), 4) == []
    assert count_notes([2, 3, 4, 5], [1], Counter(), 4) == []
    (note,) = count_notes([3, 4, 5, 6], [1], Counter(), 4)
    assert "run from 3 to 6: slices before" in note


@pytest.mark.parametrize(
    ("step", "thickness", "between", "noted"),
    [
        (2.0, 1.0, None, True), (2.0, 2.0, 1.0, True), (1.25, 1.0, None, False), (0.7, 1.0, 0.7, False),
        (2.0, None, None, False), (2.0, 0.0, float("nan"), False),
    ],
)  # fmt: skip
def test_a_gap_between_slices_leaves_a_note(step, thickness, between, noted):
    assert bool(gap_notes(step, thickness, between)) == noted
