import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.models.evidence import (
    EVIDENCE_COLUMNS,
    FINER,
    FULL,
    SIGNALS,
    Evidence,
    OrganEvidence,
    _coverage,
    evidence_of,
)
from cxrfactory.models.inputs import to_pixels
from cxrfactory.tables.agreements import AGREEMENTS

GRAPH = landmark_graph("lungs-heart")
SIDE = 64
BOXES = {"right_lung": (8, 8, 24, 56), "left_lung": (40, 8, 56, 56), "heart": (24, 24, 40, 48)}  # x0, y0, x1, y1, cells
LATENT = np.full(4, 2.0, np.float32)


def box(count, x0, y0, x1, y1):
    """Nodes along the border of a box with one in each corner, (x, y) as fractions of the side."""
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float)
    sides = [count // 4 + (side < count % 4) for side in range(4)]
    parts = [np.linspace(corners[side], corners[(side + 1) % 4], sides[side], endpoint=False) for side in range(4)]
    return np.concatenate(parts) / SIDE


def points(graph=GRAPH, **moved):
    boxes = BOXES | moved
    return np.concatenate([box(where.stop - where.start, *boxes[organ]) for organ, where in graph.slices.items()])


def logits(graph=GRAPH, certainty=100.0, **moved):
    maps = np.full((len(graph.organs), SIDE, SIDE), -certainty, np.float32)
    for place, organ in enumerate(graph.organs):
        x0, y0, x1, y1 = (BOXES | moved)[organ]
        maps[place, y0:y1, x0:x1] = certainty
    return maps


def found(landmarks=None, start=None, shape=None, heads=None, latent=LATENT, graph=GRAPH):
    places = [points(graph) if each is None else each for each in (landmarks, start, shape)]
    return evidence_of(*places, logits(graph) if heads is None else heads, latent, graph)


def test_answers_that_agree_give_one():
    evidence = found()
    assert list(evidence.organs) == ["right_lung", "left_lung", "heart", "lungs"]
    for values in evidence.organs.values():
        assert (values.dense_dice, values.start_dice, values.shape_dice) == (1, 1, 1)
        assert values.soft_dice == pytest.approx(1, abs=0.02)  # the contour's own pixels are a quarter of a cell
    assert evidence.latent_norm == 4


def test_each_value_falls_with_its_own_answer_alone():
    half = {"right_lung": (8, 8, 24, 32)}  # the upper half: Dice 2 * 24 / (48 + 24)
    dense = found(heads=logits(**half))
    assert dense.organs["right_lung"].dense_dice == pytest.approx(2 / 3, abs=1e-9)
    assert dense.organs["right_lung"].soft_dice == pytest.approx(2 / 3, abs=0.02)
    assert (dense.organs["right_lung"].start_dice, dense.organs["right_lung"].shape_dice) == (1, 1)
    assert dense.organs["left_lung"].dense_dice == dense.organs["heart"].dense_dice == 1
    assert dense.organs["lungs"].dense_dice == pytest.approx(2 * 3 / (4 + 3), abs=1e-9)  # three halves of four
    start, shape = found(start=points(**half)), found(shape=points(**half))
    assert start.organs["right_lung"].start_dice == pytest.approx(2 / 3, abs=0.01)
    assert start.organs["right_lung"].shape_dice == start.organs["right_lung"].dense_dice == 1
    assert shape.organs["right_lung"].shape_dice == start.organs["right_lung"].start_dice
    assert shape.organs["right_lung"].start_dice == 1


def test_the_soft_dice_is_the_expected_dice_of_probabilities():
    heads = np.full((3, SIDE, SIDE), -100.0, np.float32)
    heads[2, 24:48, 24:40] = np.log(3)  # a probability of 3/4 inside the heart, 0 elsewhere
    values = found(heads=heads).organs["heart"]
    assert values.dense_dice == 1
    assert values.soft_dice == pytest.approx(2 * 0.75 / (1 + 0.75), abs=0.02)


def test_a_border_inside_a_cell_counts_by_the_covered_share():
    heads = logits()
    shifted = found(points(heart=(24.25, 24, 40.25, 48)), heads=heads).organs["heart"].soft_dice
    further = found(points(heart=(24.5, 24, 40.5, 48)), heads=heads).organs["heart"].soft_dice
    assert found(heads=heads).organs["heart"].soft_dice > shifted > further > 0.95


def test_organs_that_nobody_finds_are_no_evidence():
    far = points(heart=(-300, -300, -200, -200))
    values = found(far, far, far, logits(heart=(0, 0, 0, 0))).organs["heart"]
    assert (values.dense_dice, values.start_dice, values.shape_dice) == (0, 0, 0)
    assert values.soft_dice < 1e-12


@pytest.mark.parametrize("graph", ["lungs", "whole-lungs", "heart"])
def test_graphs_without_an_organ_leave_its_columns_empty(graph):
    graph = landmark_graph(graph)
    columns = found(graph=graph).columns()
    assert tuple(columns) == EVIDENCE_COLUMNS
    empty = {name for name, value in columns.items() if value is None}
    absent = "lungs" if graph.organs == ("heart",) else "heart"
    assert empty == {name for name in EVIDENCE_COLUMNS if name.startswith(absent)}


@pytest.mark.parametrize("place", range(5))
def test_numbers_that_are_not_finite_give_no_evidence(place):
    inputs = [points(), points(), points(), logits(), LATENT.copy()]
    inputs[place].flat[7 % inputs[place].size] = np.nan
    assert evidence_of(*inputs, GRAPH) is None


def test_records_give_the_evidence_back():
    evidence = found(heads=logits(certainty=0.3))
    records = evidence.records()
    assert records[0] | {"organ": ""} == {"organ": ""} | vars(evidence.organs["right_lung"])
    assert Evidence.from_records(records, evidence.latent_norm) == evidence
    assert isinstance(evidence.organs["heart"], OrganEvidence)


def test_the_signals_are_the_fields_of_the_table():
    assert SIGNALS == AGREEMENTS


@pytest.mark.parametrize("move", [(0, 0), (0.013, -0.007), (-0.4, 0.3), (0.9, 0)])
def test_covered_shares_are_those_of_the_whole_frame(move):
    """Contours are averaged where they lie; a part or all of one may lie outside the image."""
    given = points() + np.array(move)
    fine = to_pixels(given, SIDE * FINER)
    whole = [fill_contour(fine[where], SIDE * FINER, SIDE * FINER) for where in GRAPH.slices.values()]
    blocks = [each.reshape(SIDE, FINER, SIDE, FINER).sum(axis=(1, 3)) * FULL / FINER**2 for each in whole]
    shares = _coverage(given, GRAPH, SIDE)
    assert shares.shape == (3, SIDE, SIDE)
    assert np.abs(shares - np.stack(blocks)).max() <= 0.5
    assert bool(shares.any()) == (move[0] < 0.9)
