"""Grey points against a slow, obvious computation, and what must not move them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.imaging.radiograph.grey_scale import MARGIN, PERCENTILE, grey_ends, grey_points


def weight(row, rows, column, columns):
    """The weight of a pixel by its definition: a product of two whole numbers, 1024 in the middle, 0 at the edges."""
    sides = []
    for place, length in ((row, rows), (column, columns)):
        share = (2 * place + 1) / (2 * length)
        sides.append(int(np.floor(1024 * (4 * share * (1 - share)) ** 4 + 0.5)))
    return sides[0] * sides[1]


def slow_points(pixels):
    """Weighted percentiles, a value's pixels spread up to half-way to its neighbours; no value stands apart here."""
    rows, columns = pixels.shape
    heap = {}
    for (row, column), value in np.ndenumerate(pixels):
        heap[int(value)] = heap.get(int(value), 0) + weight(row, rows, column, columns)
    found, on = [], []
    values = sorted(value for value, count in heap.items() if count)
    for share in (PERCENTILE / 100, 1 - PERCENTILE / 100):
        wanted, below = share * sum(heap.values()), 0
        for value in values:
            if below + heap[value] >= wanted:
                around = [other for other in values if other != value] or [value]
                lower = max((other for other in around if other < value), default=2 * value - min(around))
                upper = min((other for other in around if other > value), default=2 * value - max(around))
                left, right = (lower + value) / 2, (upper + value) / 2
                place = left + (wanted - below) / heap[value] * (right - left)
                found.append(min(max(place, values[0]), values[-1]))
                on.append(value)
                break
            below += heap[value]
    if on[0] == on[1]:  # one value holds nearly all the weight
        return pixels.min(), pixels.max()
    margin = MARGIN * (found[1] - found[0])
    return found[0] - margin, found[1] + margin


@given(arrays(np.uint8, (9, 13), elements=st.integers(100, 106)))
def test_the_points_are_weighted_percentiles(pixels):
    assert grey_points(pixels) == pytest.approx(slow_points(pixels), abs=1e-9)


def film(kind=np.uint16, side=400):
    """A smooth picture: a bright middle, two dark fields, noise; values of about 600 to 3300 (or 40 to 210)."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    dark = np.exp(-(((np.abs(x) - 0.45) / 0.25) ** 2) - (y / 0.6) ** 2)
    grey = 2600 - 1900 * dark + 600 * np.exp(-((x / 0.15) ** 2)) + np.random.default_rng(1).normal(0, 25, x.shape)
    return (grey if kind == np.uint16 else grey / 16).astype(kind)


def disturbed(pixels, how):
    pixels, side = pixels.copy(), len(pixels)
    y, x = np.mgrid[:side, :side]
    top = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1e5
    value = 0 if how.endswith("black") else top
    name = how.split()[0]
    if name == "marker":
        pixels[12:40, 20:38] = value
    elif name == "corner":
        pixels[: side // 8, : side // 6] = value
    elif name == "hot":
        pixels.ravel()[np.random.default_rng(2).integers(0, pixels.size, 20)] = value
    elif name == "line":
        pixels[side // 3], pixels[:, side // 4] = value, value
    elif name == "round":
        pixels[np.hypot(y - side / 2, x - side / 2) > side / 2] = value
    elif name == "shutter":
        pixels[np.abs((x - side / 2) + 0.1 * (y - side / 2)) > 0.45 * side] = value
    return pixels


HOW = [
    f"{name} {end}" for name in ("marker", "corner", "hot", "line", "round", "shutter") for end in ("black", "white")
]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("how", HOW)
def test_what_is_no_anatomy_moves_no_point_by_more_than_two_levels(how, kind):
    pixels = film(np.uint16 if kind == np.float32 else kind).astype(kind)
    black, white = grey_points(pixels)
    other_black, other_white = grey_points(disturbed(pixels, how))
    level = (white - black) / 255
    assert abs(other_black - black) <= 2 * level
    assert abs(other_white - white) <= 2 * level


def test_ends_leave_out_what_stands_apart():
    pixels = film()
    low, high = grey_ends(pixels)
    assert (low, high) == grey_ends(disturbed(pixels, "hot white")) == grey_ends(disturbed(pixels, "marker black"))
    assert low >= pixels.min()
    assert high <= pixels.max()


def test_a_picture_of_one_colour_has_equal_points():
    assert grey_points(np.full((70, 80), 7, np.uint8)) == (7, 7)
    assert grey_points(np.full((70, 80), 0.5, np.float32)) == (0.5, 0.5)


def test_a_small_bright_field_on_one_colour_is_seen():
    pixels = np.zeros((100, 100), np.uint16)
    pixels[:2, :2] = 900
    assert grey_points(pixels) == (0, 900)
