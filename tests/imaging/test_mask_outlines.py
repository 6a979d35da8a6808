import cv2
import numpy as np

from cxrfactory.imaging.mask_outlines import mask_outlines


def test_outlines_go_around_parts_and_holes():
    mask = np.zeros((40, 60), np.uint8)
    mask[5:30, 4:40] = 1
    mask[10:20, 10:20] = 0
    mask[33:38, 50:58] = 255
    outer, *others = sorted(mask_outlines(mask), key=lambda polygon: -np.ptp(polygon[:, 0]))
    assert (outer.min(axis=0).tolist(), outer.max(axis=0).tolist()) == ([4, 5], [39, 29])  # x, y
    assert len(others) == 2
    painted = np.zeros_like(mask)
    cv2.fillPoly(painted, [polygon.astype(np.int32) for polygon in mask_outlines(mask)], 1)
    assert (painted != (mask != 0)).sum() <= 40  # the rim of the hole, which belongs to both
    assert mask_outlines(np.zeros((4, 4), np.uint8)) == []
