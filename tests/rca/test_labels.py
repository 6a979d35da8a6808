import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.anatomy.graph import graph_of_nodes, landmark_graph
from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.metrics.overlap import dice
from cxrfactory.rca.labels import join_masks, label_codes, organ_dice
from tests.rca.chests import SIZE, codes_of, landmarks_of

SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 6))


@st.composite
def two_maps(draw):
    """Two maps of codes 0 to 7 of one shape; every value of a map is likely to be rare or missing."""
    shape, values = draw(SHAPES), st.sampled_from(draw(st.lists(st.integers(0, 7), min_size=1, max_size=4)))
    return tuple(draw(arrays(np.uint8, shape, elements=values)) for _ in range(2))


def exchanged(codes):
    return (codes & 4) | ((codes & 1) << 1) | ((codes & 2) >> 1)


@given(two_maps())
def test_dice_equals_that_of_boolean_masks(maps):
    found, known = maps
    # Side by side, so that a pixel of the right lung meets pixels of the right lung only.
    lungs = [np.stack([codes & 1, codes & 2]).astype(bool) for codes in (found, known)]
    hearts = [(codes & 4).astype(bool) for codes in (found, known)]
    np.testing.assert_array_equal(organ_dice(found, known), (dice(*lungs), dice(*hearts)))


@given(two_maps())
def test_dice_is_symmetric_and_knows_no_side(maps):
    found, known = maps
    np.testing.assert_array_equal(organ_dice(found, known), organ_dice(known, found))
    np.testing.assert_array_equal(organ_dice(found, known), organ_dice(exchanged(found), exchanged(known)))


@given(two_maps())
def test_sides_in_their_places_give_the_dice_of_both_lungs_as_one_mask(maps):
    side = np.arange(maps[0].shape[1]) % 2 + 1
    found, known = (np.where(codes & 1, side, 0).astype(np.uint8) for codes in maps)
    np.testing.assert_array_equal(organ_dice(found, known)[0], dice(found > 0, known > 0))


def test_exchanged_sides_score_nothing_and_leave_the_heart():
    codes = codes_of(landmarks_of())
    assert organ_dice(codes, codes) == (1, 1)
    assert organ_dice(exchanged(codes), codes) == (0, 1)


def test_empty_masks():
    empty, lung, heart = (np.full((2, 2), code, np.uint8) for code in (0, 1, 4))
    assert all(map(math.isnan, organ_dice(empty, empty)))
    lungs, without = organ_dice(empty, lung)
    assert lungs == 0
    assert math.isnan(without)
    assert organ_dice(lung, heart) == (0, 0)


def test_maps_of_other_shapes_are_refused():
    with pytest.raises(CxrError, match=r"maps of unequal shape: \(4, 4\) and \(4, 5\)"):
        organ_dice(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8))


@given(st.lists(st.sampled_from(ORGANS), min_size=1, unique=True), st.data())
def test_joined_masks_come_apart_again(organs, data):
    shape = data.draw(SHAPES)
    masks = {organ: data.draw(arrays(bool, shape)) for organ in organs}
    codes = join_masks(masks)
    assert codes.dtype == np.uint8
    for bit, organ in enumerate(ORGANS):
        np.testing.assert_array_equal((codes & 2**bit) > 0, masks.get(organ, np.zeros(shape, bool)))


@pytest.mark.parametrize("masks", [{}, {"lungs": np.zeros((2, 2), bool)}])
def test_nothing_or_another_organ_is_refused(masks):
    with pytest.raises(CxrError, match="expected some of right_lung, left_lung, heart"):
        join_masks(masks)


def test_codes_hold_each_organ_as_it_is_filled():
    points, graph = landmarks_of(), landmark_graph("lungs-heart")
    codes = label_codes(points, graph, SIZE, SIZE)
    for organ, mask in landmarks_to_masks(points, graph, SIZE, SIZE).items():
        np.testing.assert_array_equal((codes & 2 ** ORGANS.index(organ)) > 0, mask > 0)
    assert (codes == 6).any()  # the heart overlaps the left lung


def test_landmarks_of_another_frame_are_scaled_by_pixel_centres():
    points, graph = landmarks_of(), landmark_graph("lungs-heart")
    big = label_codes((points + 0.5) * 4 - 0.5, graph, 4 * SIZE, SIZE)
    np.testing.assert_array_equal(big, label_codes(points, graph, SIZE, SIZE))


def test_other_organs_are_left_out():
    points = landmarks_of()
    assert set(np.unique(codes_of(points[:94], graph="lungs"))) == {0, 1, 2}
    clavicles = np.vstack([points, np.tile(points[:1], (46, 1))])
    np.testing.assert_array_equal(codes_of(clavicles, graph="lungs-heart-clavicles"), codes_of(points))


def test_graph_by_number_of_nodes():
    assert graph_of_nodes(120).name == "lungs-heart"
    with pytest.raises(CxrError, match="119 landmarks"):
        graph_of_nodes(119)
