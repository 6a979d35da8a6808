import numpy as np

from cxrfactory.measure.drawing import DRAWN, draw_measurements


def row(name, points, **changes):
    given = {"measurement": name, "value": 0.5, "unit": "ratio", "grade": None, "near_cut": None, "note": ""}
    return {**given, **changes, "points": [{"x": x, "y": y} for x, y in points]}


def drawn(rows):
    image = np.full((100, 50), 7, np.uint8)
    return draw_measurements(image, "a", rows, side=200)[:200]


def test_a_line_lies_where_its_points_are_at_the_scale_of_the_picture():
    picture = drawn([row("ctr_rows", [(10, 40), (30, 40)])])
    assert picture.shape == (200, 100, 3)
    rows, columns = np.nonzero((picture != 7).any(axis=2))
    # Twice as large: the line runs from (20.5, 80.5) to (60.5, 80.5), with points of 3 pixels at its ends.
    assert abs(rows - 80.5).max() <= 4.5
    assert 16 <= columns.min() <= 18
    assert 63 <= columns.max() <= 65


def test_each_pair_of_points_is_a_line_of_its_own():
    picture = drawn([row("carina_angle", [(5, 20), (15, 20), (35, 20), (45, 20)])])
    assert (picture[41, 20] != 7).any()
    assert (picture[41, 50] == 7).all()  # between the two lines
    assert (picture[41, 80] != 7).any()


def test_measurements_without_a_value_and_of_other_kinds_are_not_drawn():
    assert "lung_area_ratio" not in DRAWN
    rows = [row("scd", [(5, 5), (40, 40)], value=None), row("lung_area_ratio", [(5, 5), (40, 40)])]
    assert (drawn(rows) == 7).all()
