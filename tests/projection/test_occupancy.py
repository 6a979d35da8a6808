"""Projected labels against one `any` per structure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.errors import CxrError
from cxrfactory.projection.occupancy import occupancy, occupancy_binary, union

SMALL = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 21))


def slow(labels, value):
    structure = labels == value
    return structure.any(axis=1)[::-1, ::-1], structure.any(axis=2)[::-1, ::-1]


def assert_equals_slow(labels, values, pa, ll):
    for place, value in enumerate(values):
        wanted_pa, wanted_ll = slow(labels, value)
        np.testing.assert_array_equal(pa[place], wanted_pa)
        np.testing.assert_array_equal(ll[place], wanted_ll)


@given(
    st.sampled_from([np.uint8, np.uint16, np.int16, np.int32, np.uint32, np.int64, np.dtype(">u2")]).flatmap(
        lambda kind: arrays(kind, SMALL, elements=st.integers(0, 9))
    ),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_equals_any_along_the_ray(labels, threads):
    values, pa, ll = occupancy(labels, threads=threads)
    assert values == [value for value in np.unique(labels) if value]
    assert pa.dtype == ll.dtype == np.uint8
    assert_equals_slow(labels, values, pa, ll)


def test_shapes_of_organs_on_many_labels():
    rng = np.random.default_rng(1)
    labels = np.kron(rng.integers(0, 300, (3, 9, 7)) * 200, np.ones((2, 5, 17), int)).astype(np.uint16)
    values, pa, ll = occupancy(labels)
    assert len(values) > 64  # more than a word of bits
    assert_equals_slow(labels, values, pa, ll)


def test_every_flip_read_in_place_gives_the_same_masks():
    labels = np.random.default_rng(2).integers(0, 5, (4, 5, 70)).astype(np.uint8)
    values, pa, ll = occupancy(labels)
    for flips in np.ndindex(2, 2, 2):
        steps = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
        stored = np.ascontiguousarray(labels[steps])
        again = occupancy(stored[steps])
        np.testing.assert_array_equal(again[1], pa)
        np.testing.assert_array_equal(again[2], ll)
        for found, kept in zip(occupancy_binary(stored[steps] == 3), (pa, ll), strict=True):
            np.testing.assert_array_equal(found, kept[values.index(3)])
    for order in ((0, 2, 1), (2, 0, 1), (1, 2, 0)):
        stored = np.ascontiguousarray(labels.transpose(order)).transpose(np.argsort(order))
        np.testing.assert_array_equal(occupancy(stored)[2], ll)


def test_wanted_values_keep_their_order_and_absent_ones_are_empty():
    labels = np.zeros((1, 2, 3), np.uint8)
    labels[0, 0, 1], labels[0, 1, 1], labels[0, 1, 2] = 7, 3, 9
    values, pa, ll = occupancy(labels, [9, 200, 3])
    assert values == [9, 200, 3]
    assert pa.tolist() == [[[1, 0, 0]], [[0, 0, 0]], [[0, 1, 0]]]
    assert ll.tolist() == [[[1, 0]], [[0, 0]], [[1, 0]]]
    assert occupancy(labels, [])[1].shape == (0, 1, 3)


def test_orientation_of_both_views():
    labels = np.zeros((4, 5, 6), np.uint8)
    labels[3, 4, 5] = 1  # head, front, patient's right
    _, pa, ll = occupancy(labels)
    assert np.argwhere(pa[0]).tolist() == np.argwhere(ll[0]).tolist() == [[0, 0]]


@given(
    st.sampled_from([np.bool_, np.uint8, np.int16, np.float32, np.dtype(">f4")]).flatmap(
        lambda kind: arrays(kind, SMALL, elements=st.sampled_from([0, 1]))
    )
)
@settings(max_examples=40, deadline=None)
def test_binary_equals_any(mask):
    for found, wanted in zip(occupancy_binary(mask, threads=2), slow(mask != 0, True), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_small_fractions_and_large_values_count_as_inside():
    mask = np.zeros((1, 1, 3))
    mask[0, 0] = 0, 0.25, 256
    assert occupancy_binary(mask)[0].tolist() == [[1, 1, 0]]


@given(arrays(np.uint8, (3, 4, 6), elements=st.integers(0, 4)))
@settings(max_examples=20, deadline=None)
def test_union_is_the_mask_of_the_union(labels):
    _, pa, ll = occupancy(labels, [1, 3])
    either_pa, either_ll = occupancy_binary((labels == 1) | (labels == 3))
    np.testing.assert_array_equal(union(pa), either_pa)
    np.testing.assert_array_equal(union(ll), either_ll)


def test_faults_are_named():
    labels = np.zeros((2, 2, 2), np.int32)
    with pytest.raises(CxrError, match="expected an integer type"):
        occupancy(labels.astype(float))
    with pytest.raises(CxrError, match="labels run from -1 to 0"):
        occupancy(labels - (np.arange(8).reshape(2, 2, 2) == 0))
    with pytest.raises(CxrError, match="labels run from 70000 to 70000"):
        occupancy(labels + 70000)
    with pytest.raises(CxrError, match="label value 0; expected 1"):
        occupancy(labels, [0])
    with pytest.raises(CxrError, match="name one twice"):
        occupancy(labels, [2, 2])
    with pytest.raises(CxrError, match="union of no masks"):
        union(np.zeros((0, 2, 2), np.uint8))
