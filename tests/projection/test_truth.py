"""The radiographic convention: what is taken off the projected lungs."""

import numpy as np

from cxrfactory.projection.truth import frontal_truth


def box(top, bottom, left, right):
    mask = np.zeros((300, 300), np.float32)
    mask[top:bottom, left:right] = 1
    return mask


def organs():
    return {
        "right_lung": box(50, 250, 30, 145),
        "left_lung": box(50, 250, 150, 270),
        "heart": box(130, 220, 120, 215),
        "abdomen": box(200, 300, 20, 280),
        "mediastinum": box(0, 300, 135, 160),
        "spinal_cord": box(0, 300, 144, 150),
    }


def test_lungs_lose_heart_abdomen_and_mediastinum():
    truth = frontal_truth(organs(), 1.0)
    assert truth["right_lung"][100, 80]
    assert truth["left_lung"][100, 230]
    assert not (truth["right_lung"] & truth["heart"]).any()
    assert not (truth["left_lung"] & truth["heart"]).any()
    assert not truth["right_lung"][210:, :].any()
    assert not (truth["right_lung"] | truth["left_lung"])[60:190, 140:156].any()
    assert truth["heart"][180, 160]


def test_only_the_largest_part_stays_and_a_stump_leaves_the_heart():
    given = organs()
    given["left_lung"][10:16, 10:16] = 1
    given["heart"][150:156, 215:240] = 1
    truth = frontal_truth(given, 1.0)
    assert not truth["left_lung"][:40].any()
    assert not truth["heart"][150:156, 225:].any()


def test_pixel_size_scales_the_rules():
    fine = frontal_truth(organs(), 1.0)["heart"]
    coarse = frontal_truth({name: mask[::2, ::2] for name, mask in organs().items()}, 2.0)["heart"]
    assert abs(fine[::2, ::2].sum() - coarse.sum()) < 0.05 * coarse.sum()


def test_an_organ_out_of_the_picture_is_empty():
    given = organs() | {"heart": np.zeros((300, 300), np.float32)}
    assert not frontal_truth(given, 1.0)["heart"].any()
