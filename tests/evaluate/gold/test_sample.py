import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cxrfactory.config.studies import GoldSampleConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.gold.sample import FILL_CHOICE, RANDOM_CHOICE, sample_gold

SCORES = {f"image-{index:03d}": 0.5 + 0.499 * index / 199 for index in range(200)}


def test_one_image_of_each_bin_and_the_rest_at_random():
    choices = sample_gold(SCORES, GoldSampleConfig())
    assert len({choice.image_id for choice in choices}) == 30
    assert sorted(choice.chosen_by for choice in choices) == sorted(
        [f"bin {place}" for place in range(1, 11)] + [RANDOM_CHOICE] * 20
    )
    edges = np.linspace(0.5, 0.999, 11)
    for choice in choices:
        assert choice.dice_rca_mean == SCORES[choice.image_id]
        if choice.chosen_by != RANDOM_CHOICE:
            place = int(choice.chosen_by.split()[1])
            assert edges[place - 1] - 1e-12 <= choice.dice_rca_mean <= edges[place] + 1e-12


def test_an_empty_bin_is_filled_at_random():
    scores = {name: (0.1 if index == 0 else 0.9) for index, name in enumerate(SCORES)}
    choices = sample_gold(scores, GoldSampleConfig())
    by = [choice.chosen_by for choice in choices]
    assert (len(by), by.count("bin 1"), by.count("bin 10"), by.count(FILL_CHOICE)) == (30, 1, 1, 8)
    assert by.count(RANDOM_CHOICE) == 20


def test_a_small_release_is_taken_whole_and_its_order_hides_the_bins():
    scores = dict(list(SCORES.items())[:7])
    assert {choice.image_id for choice in sample_gold(scores, GoldSampleConfig())} == set(scores)
    order = [choice.chosen_by != RANDOM_CHOICE for choice in sample_gold(SCORES, GoldSampleConfig())]
    assert order not in (sorted(order), sorted(order, reverse=True))


def test_equal_scores_are_one_bin():
    by = [choice.chosen_by for choice in sample_gold(dict.fromkeys(SCORES, 0.8), GoldSampleConfig())]
    assert sum(name.startswith("bin") for name in by) == 1
    assert len(by) == 30


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_draw_depends_on_seed_and_ids_alone(shuffle, seed):
    names = list(SCORES)
    shuffle.shuffle(names)
    assert sample_gold({name: SCORES[name] for name in names}, GoldSampleConfig(seed=seed)) == sample_gold(
        SCORES, GoldSampleConfig(seed=seed)
    )


def test_another_seed_draws_others():
    drawn = [{choice.image_id for choice in sample_gold(SCORES, GoldSampleConfig(seed=seed))} for seed in (0, 1)]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("scores", "bins", "random", "message"),
    [
        ({}, 10, 20, "no scored images"),
        ({"a": 0.5, "b": 1.5}, 10, 20, "image 'b' has the RCA score 1.5"),
        ({"a": float("nan")}, 10, 20, "image 'a'"),
        ({"a": 0.5}, 0, 0, "not both 0"),
    ],
)
def test_refused(scores, bins, random, message):
    with pytest.raises(CxrError, match=message):
        sample_gold(scores, GoldSampleConfig(bins=bins, random=random))


def test_a_negative_count_is_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        GoldSampleConfig(bins=-1, random=3)
