import numpy as np
import pytest

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.rca.classical import ClassicalAligner
from cxrfactory.rca.score import Reference, score_aligned
from tests.rca.chests import SIZE, chest, codes_of, landmarks_of, reference


def test_good_masks_score_high_and_wrong_masks_low():
    references = [reference("a", shift=(4, 0)), reference("b", scale=0.93)]
    image, points = chest()
    aligned = ClassicalAligner().align(image, references)
    good, bad = (score_aligned(codes_of(each), True, aligned, references) for each in (points, points + 18))
    assert min(good.scores) > 0.93
    assert max(bad.scores) < 0.7
    assert good.references == ("a", "b")
    assert good.as_row()["typicality"] is None  # it cannot tell


def test_linear_labels_lose_pixels_and_win_none():
    references = [reference("a", shift=(4, 0))]
    nearest, linear = (
        ClassicalAligner(how).align(chest()[0], references).warp(codes_of(landmarks_of()))[0]
        for how in ("nearest", "linear")
    )
    for bit in (1, 2, 4):
        assert 0.8 * np.count_nonzero(nearest & bit) < np.count_nonzero(linear & bit) < np.count_nonzero(nearest & bit)
    assert not (linear & ~nearest).any()


def test_one_grey_value_and_other_sizes_are_refused():
    one = reference("a")
    with pytest.raises(ImageError, match="one grey value"):
        ClassicalAligner().align(np.zeros((SIZE, SIZE), np.uint8), [one])
    with pytest.raises(CxrError, match="reference 'a' of"):
        ClassicalAligner().align(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64), [one])


def test_failed_registration_names_the_reference():
    flat = Reference("flat", np.full((SIZE, SIZE), 3, np.uint8), codes_of(landmarks_of()))
    # A reference of one grey value cannot be prepared either.
    with pytest.raises(ImageError, match="RCA registration failed for reference 'flat': image has one grey value"):
        ClassicalAligner().align(chest()[0], [flat])
