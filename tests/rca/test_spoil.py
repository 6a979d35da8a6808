import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.rca.labels import organ_dice
from cxrfactory.rca.spoil import BEND, KINDS, MASK_KINDS, SHIFT, spoil, spoil_codes
from tests.rca.chests import SIZE, codes_of, landmarks_of

GRAPH = landmark_graph("lungs-heart")
POINTS = landmarks_of()
OTHER = landmarks_of(shift=(9, -6), scale=0.8)
CODES = codes_of(POINTS)
BIG = codes_of(landmarks_of(size=256), 256)


def spoiled(kind, severity, image_id="a"):
    return spoil(POINTS, GRAPH, kind, severity, image_id, SIZE, OTHER)


@pytest.mark.parametrize("kind", KINDS)
def test_severity_zero_changes_nothing_and_more_changes_more(kind):
    np.testing.assert_array_equal(spoiled(kind, 0.0), POINTS)
    errors = [np.abs(spoiled(kind, severity) - POINTS).mean() for severity in (0.25, 0.5, 1.0)]
    assert 0 < errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_image_is_spoiled_alike_and_the_input_is_left_alone(kind):
    before = POINTS.copy()
    np.testing.assert_array_equal(spoiled(kind, 0.7), spoiled(kind, 0.7))
    np.testing.assert_array_equal(POINTS, before)


def test_shift_moves_everything_by_its_share_of_the_side():
    moved = spoiled("shift", 0.5) - POINTS
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape))
    assert np.linalg.norm(moved[0]) == pytest.approx(0.5 * SHIFT * SIZE)


def test_scale_keeps_centre_and_shape():
    grown = spoiled("scale", 1.0)
    np.testing.assert_allclose(grown.mean(axis=0), POINTS.mean(axis=0))
    ratio = (grown - grown.mean(axis=0)) / (POINTS - POINTS.mean(axis=0))
    np.testing.assert_allclose(ratio, ratio[0, 0])


def test_collapse_touches_one_organ_only():
    changed = {
        organ for organ, where in GRAPH.slices.items() if not np.allclose(spoiled("collapse", 1)[where], POINTS[where])
    }
    assert len(changed) == 1
    hit = {
        organ
        for number in range(30)
        for organ, where in GRAPH.slices.items()
        if not np.allclose(spoiled("collapse", 1, str(number))[where], POINTS[where])
    }
    assert hit == set(GRAPH.organs)


def test_deformation_has_the_stated_size_on_average():
    moved = np.concatenate([spoiled("deform", 1.0, str(number)) - POINTS for number in range(60)])
    assert np.sqrt((moved**2).mean()) == pytest.approx(BEND * SIZE, rel=0.1)


def test_swap_at_one_is_the_other_patient():
    np.testing.assert_allclose(spoiled("swap", 1.0), OTHER)


@pytest.mark.parametrize(
    ("kind", "severity", "points", "said"),
    [
        ("melt", 0.5, POINTS, "unknown way to spoil 'melt'"),
        ("shift", 1.5, POINTS, "severity 1.5"),
        ("shift", 0.5, POINTS[:7], "landmarks of shape"),
        ("swap", 0.5, POINTS, "another patient"),
    ],
)
def test_bad_arguments_are_refused(kind, severity, points, said):
    with pytest.raises(CxrError, match=said):
        spoil(points, GRAPH, kind, severity, "a", SIZE)


@pytest.mark.parametrize("kind", MASK_KINDS)
def test_masks_stay_at_severity_zero_and_lose_more_with_more(kind):
    before = BIG.copy()
    np.testing.assert_array_equal(spoil_codes(BIG, kind, 0.0, "a"), BIG)
    lungs = [organ_dice(spoil_codes(BIG, kind, severity, "a"), BIG)[0] for severity in (0.25, 0.5, 1.0)]
    assert 1 > lungs[0] > lungs[1] > lungs[2]
    np.testing.assert_array_equal(BIG, before)


def test_sides_are_exchanged_from_below_and_the_heart_stays():
    whole = spoil_codes(CODES, "sides", 1.0, "a")
    np.testing.assert_array_equal(whole & 1, (CODES & 2) >> 1)
    np.testing.assert_array_equal(whole & 2, (CODES & 1) << 1)
    np.testing.assert_array_equal(whole & 4, CODES & 4)
    assert organ_dice(whole, CODES) == (0, 1)
    half = spoil_codes(CODES, "sides", 0.5, "a")
    rows = np.flatnonzero((CODES & 3).any(axis=1))
    split = rows[-1] + 1 - round(0.5 * len(rows))
    np.testing.assert_array_equal(half[:split], CODES[:split])
    np.testing.assert_array_equal(half[split:], whole[split:])
    assert organ_dice(half, CODES)[0] == pytest.approx(0.5, abs=0.02)  # the toy's lungs are symmetric


@pytest.mark.parametrize("severity", [0.3, 1.0])
def test_sides_exchanged_twice_are_as_they_were(severity):
    once = spoil_codes(CODES, "sides", severity, "a")
    np.testing.assert_array_equal(spoil_codes(once, "sides", severity, "b"), CODES)


@pytest.mark.parametrize("severity", [0.25, 0.5, 1.0])
def test_holes_lose_about_the_promised_share(severity):
    kept = [np.count_nonzero(spoil_codes(BIG, "holes", severity, str(number))) for number in range(12)]
    # Less than 1 - exp(-severity), as the discs at the border lie partly outside.
    assert 0.78 * (1 - np.exp(-severity)) < 1 - np.mean(kept) / np.count_nonzero(BIG) < 1 - np.exp(-severity)


def test_holes_are_cut_out_of_all_organs_and_nothing_is_added():
    holed = spoil_codes(BIG, "holes", 1.0, "a")
    np.testing.assert_array_equal(holed, np.where(holed > 0, BIG, 0))
    for bit in (1, 2, 4):
        assert 0 < np.count_nonzero(holed & bit) < np.count_nonzero(BIG & bit)


def test_holes_are_seeded_by_the_id():
    one, again, other = (spoil_codes(BIG, "holes", 0.5, name) for name in "aab")
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize("kind", MASK_KINDS)
def test_empty_masks_stay_empty(kind):
    assert not spoil_codes(np.zeros((64, 64), np.uint8), kind, 1.0, "a").any()


@pytest.mark.parametrize(("kind", "severity", "said"), [("shift", 0.5, "to spoil masks 'shift'"), ("holes", -1, "-1;")])
def test_bad_arguments_for_masks_are_refused(kind, severity, said):
    with pytest.raises(CxrError, match=said):
        spoil_codes(CODES, kind, severity, "a")
