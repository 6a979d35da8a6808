"""Measures of one mask in its box equal those of the whole image, and empty masks have fixed values."""

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.benchmark.measures import DISTANCES, MEASURES, RATES, mask_measures
from cxrfactory.metrics.components import component_scores
from cxrfactory.metrics.distance import asd, hd95, nsd
from cxrfactory.metrics.overlap import dice, jaccard


def blobs(seed, size=48):
    """Smooth random masks that may touch the border."""
    import cv2

    noise = np.random.default_rng(seed).normal(size=(size, size))
    return cv2.GaussianBlur(noise, (0, 0), 3) > 0.08


@pytest.mark.parametrize("seed", range(6))
def test_measures_in_the_box_are_those_of_the_whole_image(seed):
    found, truth = blobs(seed), blobs(seed + 100)
    if seed > 2:  # small structures somewhere in the image
        found[:, :20] = found[30:] = truth[:, :24] = truth[34:] = False
    values = mask_measures(found, truth, 1.5, pixel_mm=0.5)
    parts = component_scores(found, truth)
    expected = {
        "dice": dice(found, truth),
        "iou": jaccard(found, truth),
        "hd95_px": hd95(found, truth),
        "hd95_mm": hd95(found, truth, (0.5, 0.5)),
        "asd_px": asd(found, truth),
        "asd_mm": asd(found, truth, (0.5, 0.5)),
        "nsd": nsd(found, truth, 1.5),
        "component_precision": parts.precision,
        "component_recall": parts.recall,
        "component_f1": parts.f1,
    }
    assert {name: values[name] for name in MEASURES} == pytest.approx(expected, abs=1e-12)
    assert (values["found_px"], values["truth_px"]) == (found.sum(), truth.sum())


def test_two_squares_one_pixel_apart_have_exact_values():
    found, truth = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    truth[5:9, 5:9] = found[5:9, 6:10] = True
    values = mask_measures(found, truth, 0.5, 2.0)
    assert values["dice"] == 0.75
    assert values["iou"] == 0.6
    assert (values["hd95_px"], values["hd95_mm"]) == (1.0, 2.0)
    assert values["nsd"] == 0.5  # 6 of the 12 pixels of each boundary lie on the other
    assert values["component_f1"] == 1.0


def test_empty_masks():
    empty, some = np.zeros((8, 8), bool), np.eye(8, dtype=bool)
    neither = mask_measures(empty, empty, 1, 1)
    assert all(np.isnan(neither[name]) for name in MEASURES)
    for pair in ((empty, some), (some, empty)):
        one = mask_measures(*pair, 1, 1)
        assert all(one[name] == 0 for name in RATES)
        assert all(np.isinf(one[name]) for name in DISTANCES)
    assert np.isnan(mask_measures(some, some, 1)["hd95_mm"])


def test_masks_of_unequal_shape_are_refused():
    with pytest.raises(CxrError, match=r"unequal shape: \(8, 8\) and \(9, 9\)"):
        mask_measures(np.eye(8, dtype=bool), np.eye(9, dtype=bool), 1)
