import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.tables.mask_facts import mask_facts

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
masks = shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))


@settings(deadline=None)  # the first call compiles
@given(masks)
def test_facts_are_those_of_the_obvious_way(mask):
    facts = mask_facts(mask)
    rows, columns = np.nonzero(mask)
    assert facts.area_px == len(rows)
    if not len(rows):
        assert (facts.bbox, facts.centroid, facts.touches_border) == (None, None, False)
        return
    assert facts.bbox == (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert facts.centroid == pytest.approx((columns.mean(), rows.mean()))
    inner = mask.copy()
    inner[1:-1, 1:-1] = 0
    assert facts.touches_border == inner.any()
