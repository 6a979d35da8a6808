"""What the names of networks in the config stand for."""

from typing import get_args

import pytest

from cxrfactory.config.hearts import HeartNetwork, HeartsTrainConfig
from cxrfactory.train.hearts.named import training_of

CONFIG = HeartsTrainConfig(epochs=9, train_batch_size=4, laplacian_weight=0.5, deep_weight=2.0, tetrahedra_weight=0.25)


@pytest.mark.parametrize("name", get_args(HeartNetwork))
def test_every_name_has_the_settings_of_the_config(name):
    training = training_of(name, CONFIG)
    assert (training.epochs, training.batch_size, training.validate_every) == (9, 4, 2)
    assert training.model == ("pca" if name == "pca" else "hybridvnet")


def test_names_differ_in_one_thing():
    multi = training_of("multi-view", CONFIG)
    assert multi.network.views
    assert (multi.weights.laplacian, multi.weights.deep, multi.weights.tetrahedra) == (0.5, 2.0, 0.0)
    assert training_of("single-view", CONFIG).network.views == ()
    assert training_of("published", CONFIG).network.windows == 0 < multi.network.windows
    assert training_of("multi-view-no-deep", CONFIG).weights.deep == 0
    assert training_of("multi-view-no-laplacian", CONFIG).weights.laplacian == 0
    volume = training_of("volume", CONFIG).weights
    assert (volume.laplacian, volume.tetrahedra) == (0.0, 0.25)
    assert training_of("volume-no-tetrahedra", CONFIG).weights.tetrahedra == 0
