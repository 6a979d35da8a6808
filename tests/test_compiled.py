import pytest
from numba import njit, types

from cxrfactory import compiled as module
from cxrfactory.compiled import compiled


@pytest.mark.parametrize("signature", [None, types.int64(types.int64)])
def test_without_a_cache_folder_it_still_compiles(monkeypatch, signature):
    assert njit(lambda value: value)(1) == 1  # numba's own functions are compiled before it is replaced
    asked = []

    def njit_without_folder(*signatures, cache=False, **options):
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*signatures, **options)

    monkeypatch.setattr(module.numba, "njit", njit_without_folder)
    double = compiled(lambda value: 2 * value, signature=signature)
    assert double(21) == 42
    assert asked == [True, False]


def test_as_a_decorator_with_a_signature():
    @compiled(signature=types.float64(types.float64))
    def half(value):
        return value / 2

    assert half(3) == 1.5
