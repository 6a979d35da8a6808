"""The radiographic convention: what is taken off the projected lungs."""

import numpy as np
import pytest

from cxrfactory.anatomy.clavicles import drawn_clavicle
from cxrfactory.anatomy.film_regions import CLAVICLES, STRUCTURES, film_regions, frontal_truth
from cxrfactory.anatomy.taxonomy import classes, resolve, totalsegmentator_v2
from cxrfactory.cohort.source import ORGAN_GROUPS


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


def test_groups_of_classes_are_the_groups_of_label_values():
    names = {each.class_id: each.name for each in classes()}
    labels = totalsegmentator_v2()
    for group, values in ORGAN_GROUPS.items():
        assert set(STRUCTURES[group]) == {names[resolve(labels[value]).class_id] for value in values}
    assert set(CLAVICLES.values()) <= set(names.values())


def structures():
    given = {name: mask > 0.5 for name, mask in organs().items()}
    return {
        "right lung upper lobe": given["right_lung"],
        "left lung lower lobe": given["left_lung"],
        "heart": given["heart"],
        "liver": given["abdomen"],
        "aorta": given["mediastinum"],
        "spinal cord": given["spinal_cord"],
        "left clavicle": box(40, 60, 160, 260) > 0.5,
    }


def test_structures_give_the_lungs_of_both_definitions_the_heart_and_clavicles():
    found = film_regions(structures(), 1.0)
    expected = frontal_truth(organs(), 1.0, 12.0)
    for lung in ("right_lung", "left_lung"):
        assert np.array_equal(found[lung], expected[lung])
    rows = np.flatnonzero(expected["heart"].any(axis=1))
    first, last = np.flatnonzero(found["heart"].any(axis=1))[[0, -1]]
    assert rows[0] + 0.05 * np.ptp(rows) < first <= rows[0] + 0.1 * np.ptp(rows)
    assert not (expected["heart"] & ~found["heart"])[first : np.flatnonzero(found["right_lung"].any(axis=1))[-1]].any()
    assert last < rows[-1]
    assert (found["left_whole_lung"] & found["heart"]).any()
    assert not (found["left_whole_lung"] & ~found["left_lung"] & ~found["heart"])[:120].any()
    clavicle = drawn_clavicle("left_clavicle", structures()["left clavicle"], expected["left_lung"], 1.0)
    np.testing.assert_array_equal(found["left_clavicle"], clavicle)
    assert 0 < clavicle.sum() < 20 * 100
    assert not found["right_clavicle"].any()


def test_without_a_pixel_size_lungs_are_270_mm_wide():
    given = structures()
    wide = film_regions(given)
    assert all(np.array_equal(wide[name], mask) for name, mask in film_regions(given, 270 / 240).items())


def test_no_masks_are_refused():
    with pytest.raises(ValueError, match="no mask"):
        film_regions({})


def test_the_lower_heart_reaches_the_right_lung_and_the_upper_part_does_not():
    given = structures()
    given["heart"] = box(120, 200, 148, 215) > 0.5
    before = frontal_truth(organs() | {"heart": given["heart"].astype(np.float32)}, 1.0)
    heart, lung = (film_regions(given, 1.0)[name] for name in ("heart", "right_lung"))
    inner = np.flatnonzero(lung[180])[-1]
    assert heart[180, inner + 1 : 200].all()
    assert np.array_equal(heart[130:140], before["heart"][130:140])
    assert not (heart & lung).any()


def test_a_gap_that_is_wide_is_not_the_heart():
    given = structures()
    given["heart"] = box(120, 200, 165, 215) > 0.5
    given["right lung upper lobe"] = box(50, 250, 30, 110) > 0.5
    heart = film_regions(given, 1.0)["heart"]
    assert heart[:, 165:].any()
    assert not heart[:, 112:160].any()


def test_the_heart_ends_at_the_line_between_the_cardiophrenic_angles():
    given = structures()
    given["liver"] = box(240, 300, 20, 280) > 0.5
    given["heart"] = box(120, 240, 120, 215) > 0.5
    given["right lung upper lobe"] = box(50, 180, 30, 145) > 0.5  # the right lung ends at row 179, the left one at 239
    heart = film_regions(given, 1.0)["heart"]
    columns = np.flatnonzero(heart[150])
    left, right = columns[0], columns[-1]
    ends = [np.flatnonzero(heart[:, column])[-1] for column in (left, right)]
    assert abs(ends[0] - 179) <= 8
    assert ends[1] - ends[0] > 35
    lowest = np.array([np.flatnonzero(heart[:, column])[-1] for column in range(left + 15, right - 15)])
    assert (np.diff(lowest) >= 0).all()
