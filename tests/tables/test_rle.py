import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cxrfactory.errors import CxrError
from cxrfactory.tables import rle as module
from cxrfactory.tables.rle import rle_decode, rle_encode


def slow_encode(mask):
    """Pixel by pixel, as the notation is defined."""
    numbers, start = [], None
    pixels = [bool(pixel) for row in mask for pixel in row]
    for place, pixel in enumerate([*pixels, False], start=1):
        if pixel and start is None:
            start = place
        elif not pixel and start is not None:
            numbers += [start, place - start]
            start = None
    return " ".join(str(number) for number in numbers)


@pytest.fixture(autouse=True, scope="module", params=["arrays", "loops"])
def engine(request):
    """The first masks of a process are encoded by array operations, and later ones by compiled loops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MANY", 10**9 if request.param == "arrays" else 0)
        yield


masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(masks)
@settings(deadline=None, max_examples=200)
def test_random_masks_equal_the_slow_reference_and_come_back(mask):
    text = rle_encode(mask)
    assert text == slow_encode(mask)
    assert np.array_equal(rle_decode(text, *mask.shape), mask)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 40))
@settings(deadline=None)
def test_one_long_run_at_any_place(start, length, width):
    # Runs that begin and end at every offset from the eight-pixel words.
    mask = np.zeros(width * (800 // width + 1), np.uint8)
    mask[start : start + length] = 1
    mask = mask.reshape(-1, width)
    rle = rle_encode(mask)
    assert rle == (f"{start + 1} {length}" if length else "")
    assert np.array_equal(rle_decode(rle, *mask.shape), mask)


def test_by_hand():
    mask = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 1]], np.uint8)
    assert rle_encode(mask) == "2 3 9 1"  # row-major: a run goes on into the next row
    decoded = rle_decode("2 3 9 1", 3, 3)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, mask)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (8, 8), (3, 1024), (1024, 1024), (513, 511)])
def test_empty_full_and_single_pixels(shape):
    height, width = shape
    assert rle_encode(np.zeros(shape, bool)) == ""
    assert not rle_decode("", height, width).any()
    assert rle_encode(np.ones(shape, bool)) == f"1 {height * width}"
    assert rle_decode(f"1 {height * width}", height, width).all()
    for place in {0, height * width // 2, height * width - 1}:
        mask = np.zeros(shape, np.uint8)
        mask.flat[place] = 1
        assert rle_encode(mask) == f"{place + 1} 1"
        assert np.array_equal(rle_decode(f"{place + 1} 1", height, width), mask)


def test_chequerboard_has_more_runs_than_the_first_buffer():
    mask = np.indices((200, 201)).sum(axis=0) % 2
    assert np.array_equal(rle_decode(rle_encode(mask.astype(bool)), 200, 201), mask)


def test_memory_layout_does_not_matter():
    mask = np.random.default_rng(0).random((64, 48)) < 0.3
    expected = slow_encode(mask)
    assert rle_encode(np.asfortranarray(mask)) == expected
    assert rle_encode(np.repeat(mask, 2, axis=1)[:, ::2]) == expected
    assert rle_encode(mask[::-1][::-1]) == expected
    odd = np.zeros(64 * 48 + 3, bool)
    odd[3:] = mask.ravel()
    assert rle_encode(odd[3:].reshape(64, 48)) == expected  # not aligned to words
    mask.flags.writeable = False
    assert rle_encode(mask) == expected


def test_255_is_foreground_but_a_label_map_is_refused():
    mask = np.zeros((20, 20), np.uint8)
    mask[3:9, 4:17] = 255
    assert rle_encode(mask) == rle_encode(mask > 0)
    mask[15, 15] = 2
    with pytest.raises(CxrError, match="values 255 and 2"):
        rle_encode(mask)


@pytest.mark.parametrize("mask", [np.zeros((2, 2, 2), bool), np.zeros(4, bool), np.zeros((2, 2)), np.eye(2, dtype=int)])
def test_other_arrays_are_refused(mask):
    with pytest.raises(CxrError, match="expected a 2D array of uint8 or bool"):
        rle_encode(mask)


@pytest.mark.parametrize("empty", ["", " \n", None, float("nan"), np.nan, pd.NA])
def test_empty_cells_are_empty_masks(empty):
    assert rle_decode(empty, 3, 4).sum() == 0
    assert rle_decode(empty, 3, 4).shape == (3, 4)


@pytest.mark.parametrize(
    ("rle", "message"),
    [
        ("5", "1 numbers; expected pairs"),
        ("1 2 5", "3 numbers; expected pairs .* '5', stands alone"),
        ("1 x", "number 2 is 'x'; expected a whole number"),
        ("1 2.0", "number 2 is '2.0'; expected a whole number"),
        ("1 -2", "number 2 is '-2'"),
        ("1,2", "number 1 is '1,2'"),
        ("1 ²", r"number 2 is '\\xb2'"),
        ("0 2", "number 1 is '0'; a run starts at 1 or later"),
        ("3 0", "number 2 is '0'; a run is at least 1 pixel"),
        ("12 2", "number 2 is '2'; the run leaves the mask of 3 x 4 = 12 pixels"),
        ("13 1", "number 1 is '13'; the run leaves"),
        ("1 99999999999999999999999", "number 2 .* the run leaves"),
        ("1 4 4 2", "number 3 is '4'; it starts before the end of the run before"),
        ("7 2 1 2", "number 3 is '1'; it starts before"),
    ],
)
def test_malformed_text_is_refused_by_place_and_value(rle, message):
    with pytest.raises(CxrError, match=message):
        rle_decode(rle, 3, 4)


def test_touching_runs_other_spaces_and_the_last_pixel_are_accepted():
    assert np.array_equal(np.flatnonzero(rle_decode("1\t2\n3  1 12 1 ", 3, 4)), [0, 1, 2, 11])


def test_impossible_calls_are_refused():
    with pytest.raises(CxrError, match="0 x 4"):
        rle_decode("", 0, 4)
    with pytest.raises(CxrError, match="got a list"):
        rle_decode([1, 2], 3, 4)


def test_compiled_loops_are_loaded_after_many_masks_only():
    code = """
import sys
import numpy as np
from cxrfactory.tables import rle
mask = np.eye(9, dtype=np.uint8)
texts = {rle.rle_encode(mask) for _ in range(rle._MANY)}
assert "numba" not in sys.modules
texts |= {rle.rle_encode(mask)}
assert "numba" in sys.modules
print(texts)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == f"{ {module.rle_encode(np.eye(9, dtype=np.uint8))} }\n"
