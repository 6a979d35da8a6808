import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from cxrfactory.tables.arrow_values import numbers, word_array

ARRAYS = [
    pa.array([1.5, None, -2.0, float("nan"), 4.0] * 5),
    pa.array([1, 2, None, 2**40, 5] * 5),
    pa.array([True, None, False, False, True] * 5),
    pa.array([7, None, -3], pa.int8()),
    pa.nulls(3, pa.float32()),
    pa.array([], pa.int32()),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.type))
def test_numbers_are_those_of_the_array_and_of_its_pieces(array):
    for first in range(0, len(array) + 1, 3):
        piece = array.slice(first, 11)
        found = numbers(piece, 0)
        expected = np.array([0 if each is None else each for each in piece.to_pylist()], found.dtype)
        assert np.array_equal(found, expected, equal_nan=found.dtype.kind == "f")
        assert found.dtype == array.type.to_pandas_dtype()
    whole = pa.chunked_array([array.slice(2), array.slice(0, 2)], array.type)
    assert numbers(whole, 0).tolist()[-2:] == numbers(array, 0).tolist()[:2]
    assert len(numbers(whole, 0)) == len(array)
    assert numbers(pa.chunked_array([], array.type)).tolist() == []


def test_words_stay_words():
    texts = ["", "é", "\0", "日本\n", "a,b"]
    assert word_array(texts).to_pylist() == texts
    assert word_array(texts).type == pa.string()
    assert word_array([]).to_pylist() == []


def test_neither_loads_pandas():
    program = """
import sys
from cxrfactory.tables.arrow_values import numbers, word_array
import pyarrow.compute as pc
print(numbers(pc.utf8_length(word_array(["a", "bc"])), 0).tolist(), "pandas" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "[1, 2] False\n"
