import numpy as np

from cxrfactory.metrics.estimate.worst import flagged_organs

IDS = ["d", "a", "c", "b"]


def test_each_organ_is_ranked_by_itself():
    estimates = {"lungs": np.array([0.97, 0.95, 0.96, 0.98]), "heart": np.array([0.7, 0.9, 0.8, 0.85])}
    assert flagged_organs(IDS, estimates, 0.5) == {"a": ("lungs",), "d": ("heart",)}
    assert flagged_organs(IDS, estimates, 0) == {}
    assert list(flagged_organs(IDS, estimates, 1)) == ["a", "b", "c", "d"]


def test_the_share_is_rounded_up_and_ties_go_by_id():
    estimates = {"lungs": np.full(4, 0.9)}
    assert flagged_organs(IDS, estimates, 0.02) == {"a": ("lungs",)}
    assert flagged_organs(IDS, estimates, 0.5) == {"a": ("lungs",), "b": ("lungs",)}
    turned = flagged_organs(IDS[::-1], estimates, 0.5)
    assert turned == flagged_organs(IDS, estimates, 0.5)


def test_an_unknown_estimate_ranks_first_and_is_below_every_limit():
    estimates = {"lungs": np.array([0.5, np.nan, 0.9, 0.9])}
    assert flagged_organs(IDS, estimates, 0.25) == {"a": ("lungs",)}
    assert flagged_organs(IDS, estimates, 0, below=0.4) == {"a": ("lungs",)}


def test_a_limit_flags_further_images_with_all_organs_below_it():
    estimates = {"lungs": np.array([0.6, 0.95, 0.96, 0.98]), "heart": np.array([0.7, 0.9, 0.8, 0.85])}
    found = flagged_organs(IDS, estimates, 0.25, below=0.82)
    assert found == {"c": ("heart",), "d": ("lungs", "heart")}
    assert flagged_organs(IDS, estimates, 0, below=0.8) == {"d": ("lungs", "heart")}


def test_no_images_give_no_flags():
    assert flagged_organs([], {"lungs": np.empty(0)}, 0.5, 0.9) == {}
