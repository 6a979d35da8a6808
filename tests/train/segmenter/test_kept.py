import numpy as np
import pytest
import torch

from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.segmenter.kept import KeptEpochs
from cxrfactory.train.segmenter.run import train_segmenter

CPU = torch.device("cpu")
MODEL = ModelConfig(segmenter="unet", input_size=32, width=4)
RECIPE = {"batch_size": 4, "precision": "fp32", "schedule": "step", "average": 0.0}


def test_kept_weights_are_those_of_a_training_that_stops_there(labelled, tmp_path):
    torch.set_num_threads(1)
    two = TrainConfig(epochs=2, **RECIPE)
    train_segmenter(labelled, tmp_path / "long.safetensors", MODEL, two, CPU, keep_epochs=[1, 2])
    train_segmenter(labelled, tmp_path / "short.safetensors", MODEL, TrainConfig(epochs=1, **RECIPE), CPU)
    found = {name: read_weights(tmp_path / f"{name}.safetensors") for name in ("long", "long-001", "long-002", "short")}
    for kept, same in (("long-001", "short"), ("long-002", "long")):
        assert found[kept][0].keys() == found[same][0].keys()
        assert all(np.array_equal(value, found[same][0][name]) for name, value in found[kept][0].items())
    assert not np.array_equal(*(next(iter(found[name][0].values())) for name in ("long", "short")))
    card = found["long-001"][1]
    assert card["training"]["stopped_epoch"] == 1
    assert card["metrics"]["val"] == {}
    assert card["sha256"] != found["long"][1]["sha256"]


def test_epochs_that_are_not_reached_are_refused(tmp_path):
    with pytest.raises(CxrError, match="--keep-epochs 5: the training has epochs 1 to 4"):
        KeptEpochs(tmp_path / "w.safetensors", [2, 5]).check(4)
    with pytest.raises(CxrError, match=r"w-003.safetensors: the weights of epoch 3 were not kept"):
        KeptEpochs(tmp_path / "w.safetensors", [3]).finish({"metrics": {}, "training": {}})
