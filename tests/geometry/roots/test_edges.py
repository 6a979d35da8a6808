"""What is no root: edges of plates, marks at the border, and shoots above a bundle of roots."""

import numpy as np
import pytest

from cxrfactory.geometry.roots import edges
from cxrfactory.geometry.roots.plants import find_plants
from cxrfactory.geometry.roots.shoots import shoots_in
from tests.geometry.roots.drawn import drawn

SHAPE = (400, 500)


def edges_in(mask: np.ndarray) -> np.ndarray:
    return edges.edges_in(np.where(mask, 0, -1).astype(np.int32))


def _winding(x: float, top: float, bottom: float) -> list[tuple[float, float]]:
    rows = np.linspace(top, bottom, 40)
    return list(zip(x + 6 * np.sin(rows / 25), rows, strict=True))


@pytest.mark.parametrize("edge", [[(430, 60), (433, 330)], [(60, 350), (440, 350)]])
def test_a_long_straight_line_along_a_side_is_an_edge(edge):
    roots, line = drawn([_winding(150, 60, 320)], SHAPE, 1.5), drawn([edge], SHAPE, 1.5)
    assert (edges_in(roots | line) == line).all()


def test_roots_that_wind_lean_or_are_short_are_none():
    lines = [_winding(150, 60, 320), [(250, 60), (330, 330)], [(420, 60), (420, 90)]]
    assert not edges_in(drawn(lines, SHAPE, 1.5)).any()


def test_marks_at_the_border_are_no_plants_and_a_root_that_leaves_the_picture_stays():
    mark, root = drawn([[(3, 100), (8, 120), (3, 140)]], SHAPE, 1.5), drawn([[(60, 60), (0, 300)]], SHAPE, 1.5)
    assert (edges_in(mark | root) == mark).all()


def test_a_frame_in_the_outermost_part_of_the_picture_is_no_root():
    frame = np.ones(SHAPE, bool)
    frame[12:-12, 12:-12] = False
    root = drawn([_winding(150, 60, 320)], SHAPE, 1.5)
    assert (edges_in(frame | root) == frame).all()


def test_a_straight_line_that_grew_is_a_root_and_one_that_was_there_at_once_is_none():
    line = drawn([[(250, 60), (250, 330)]], SHAPE, 1.5)
    grown = np.where(line, np.arange(SHAPE[0])[:, None] // 20, -1).astype(np.int32)
    assert not edges.edges_in(grown).any()
    assert (edges.edges_in(np.where(line, 7, -1).astype(np.int32)) == line).all()
    late = np.random.default_rng(0).permutation(SHAPE[0])[:, None] // 20  # found bit by bit, in no order
    assert (edges.edges_in(np.where(line, late, -1).astype(np.int32)) == line).all()


BUNDLE = [[(250, 110), (150, 300)], [(250, 110), (220, 320)], [(250, 110), (290, 320)], [(250, 110), (350, 300)]]


def test_a_thick_stem_above_a_bundle_of_roots_is_a_shoot():
    stem, roots = drawn([[(240, 20), (250, 95)]], SHAPE, 4.0), drawn(BUNDLE, SHAPE, 2.0)
    assert (shoots_in(stem | roots) == stem).all()
    (plant,) = find_plants(stem | roots)
    assert plant.seed_x == pytest.approx(250, abs=4)
    assert plant.seed_y == pytest.approx(108, abs=4)


def test_the_upper_piece_of_a_torn_root_is_no_shoot():
    assert not shoots_in(drawn([[(240, 40), (250, 95)], [(250, 105), (255, 340)]], SHAPE, 2.0)).any()
    assert not shoots_in(drawn([[(240, 40), (250, 95)], *BUNDLE], SHAPE, 2.0)).any()
