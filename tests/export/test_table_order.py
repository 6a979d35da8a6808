"""Signs of another notation, of exchanged lungs and of shifted pixels in a table of masks."""

import numpy as np
import pytest

from cxrfactory.export.table_order import TableOrder


def chest(height=120, width=100):
    """Masks of both lungs and the heart, and the ends of their outlines as landmarks."""
    found = {}
    for organ, rows, columns in (
        ("right_lung", (20, 80), (12, 40)),
        ("left_lung", (20, 80), (60, 88)),
        ("heart", (50, 85), (38, 66)),
    ):
        found[organ] = np.zeros((height, width), np.uint8)
        found[organ][slice(*rows), slice(*columns)] = 1
    points = {organ: np.argwhere(mask)[[0, -1], ::-1].astype(np.float32) for organ, mask in found.items()}
    return found, points


def said(change, points=True, rows=3, **shape):
    order = TableOrder()
    for _ in range(rows):
        masks, drawn = chest(**shape)
        order.add({organ: change(mask) for organ, mask in masks.items()}, drawn if points else None)
    return order.sentences()


def by_columns(mask):
    return np.ascontiguousarray(mask.T).reshape(mask.shape)


def test_true_masks_say_nothing():
    assert said(lambda mask: mask) == []
    assert TableOrder().sentences() == []


@pytest.mark.parametrize("points", [True, False])
def test_masks_by_columns(points):
    (stripes,) = said(by_columns, points)
    assert "in 3 of 3 rows, masks are stripes" in stripes
    (square,) = said(by_columns, points, width=120)
    assert "one lung lies above the other" in square


def test_height_and_width_exchanged():
    (stripes,) = said(lambda mask: mask.reshape(mask.shape[::-1]), points=False)
    assert "or with Height and Width exchanged" in stripes


def test_exchanged_lungs_and_pixels_from_0():
    (exchanged,) = said(lambda mask: mask[:, ::-1], points=False)
    assert "the left lung lies on the left of the picture" in exchanged
    (shifted,) = said(lambda mask: np.roll(mask, -1, axis=1))
    assert "one pixel to the left of their landmarks" in shifted
    assert said(lambda mask: np.roll(mask, 1, axis=1)) == []
    assert said(lambda mask: np.roll(mask, -1, axis=1), points=False) == []


def test_few_unusual_rows_say_nothing():
    assert said(lambda mask: mask[:, ::-1], rows=2) == []
    order = TableOrder()
    for row in range(6):
        masks, points = chest()
        order.add({organ: mask[:, :: 1 if row < 3 else -1] for organ, mask in masks.items()}, points)
    assert order.sentences() == []
