"""Shoulders and arms that are added to a frontal projection."""

import numpy as np

from cxrfactory.projection.shoulders import add_shoulders

BOX = (70.0, 50.0, 190.0, 180.0)


def added(seed=0):
    soft, bone = np.full((256, 256), 0.5, np.float32), np.zeros((256, 256), np.float32)
    return add_shoulders(soft, bone, BOX, 1.6, np.random.default_rng(seed))


def test_shoulders_lie_above_and_beside_the_lungs():
    soft, _ = added()
    thick = soft > 1.0
    assert thick[60, 45]
    assert thick[60, 215]
    assert not thick[100:180, 80:180].any()  # the lungs
    assert not thick[5, :40].any()  # above the shoulder is air


def test_each_arm_has_a_bone_whose_line_integral_counts_in_both_channels():
    soft, bone = added()
    assert bone[:, :128].max() > 0.1
    assert bone[:, 128:].max() > 0.1
    assert (soft + 1e-6 >= 0.5 + bone).all()


def test_arrays_stay_and_one_seed_gives_one_picture():
    soft, bone = np.zeros((128, 128), np.float32), np.zeros((128, 128), np.float32)
    box = (35.0, 25.0, 95.0, 90.0)
    first, second = (add_shoulders(soft, bone, box, 3.0, np.random.default_rng(5)) for _ in range(2))
    assert not soft.any()
    assert not bone.any()
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
