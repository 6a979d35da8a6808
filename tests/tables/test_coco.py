import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.tables.coco import CocoWriter, coco_counts
from cxrfactory.tables.mask_facts import mask_facts

coco_mask = pytest.importorskip("pycocotools.mask", reason="pycocotools is the reference of this test")

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
masks = shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))


def reference(mask):
    return coco_mask.encode(np.asfortranarray(mask))["counts"].decode()


@settings(deadline=None)  # the first call compiles
@given(masks)
def test_counts_are_those_of_pycocotools(mask):
    facts = mask_facts(mask)
    if facts.bbox is not None:
        assert coco_counts(mask, facts.bbox) == reference(mask)
    assert coco_counts(mask, (0, 0, mask.shape[1], mask.shape[0])) == reference(mask)


def test_counts_of_a_mask_with_long_runs():
    mask = np.zeros((384, 384), np.uint8)
    mask[100:300, 50:350] = 1
    mask[:, 200] = 1
    assert coco_counts(mask, mask_facts(mask).bbox) == reference(mask)
    assert coco_counts(np.ones_like(mask), (0, 0, 384, 384)) == reference(np.ones_like(mask))


def test_a_file_without_images_is_json():
    stream = io.StringIO()
    CocoWriter(stream, "none", [(1, 'a "name"', "system")]).close()
    made = json.loads(stream.getvalue())
    assert made["categories"] == [{"id": 1, "name": 'a "name"', "supercategory": "system"}]
    assert made["images"] == made["annotations"] == []
