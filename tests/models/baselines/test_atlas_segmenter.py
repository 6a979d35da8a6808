import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.metrics.overlap import dice
from cxrfactory.models import ModelKind, build_model, model_kind
from cxrfactory.models.baselines.multi_atlas import MultiAtlas
from cxrfactory.models.inputs import to_fractions
from cxrfactory.models.registry import segmenter_from_card
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.segmenter.run import train_segmenter
from tests.train.conftest import labelled, phantom  # noqa: F401


def atlases(count, side=128):
    rng = np.random.default_rng(5)
    pairs = [phantom(rng, side) for _ in range(count)]
    return np.stack([image for image, _ in pairs]), np.stack([points for _, points in pairs])


def test_answers_as_the_function_does():
    images, points = atlases(4)
    model = build_model("multi-atlas", {"graph": "lungs-heart", "input_size": 128, "neighbours": 2})
    fractions = [to_fractions(each, 128).astype(np.float32) for each in points[:3]]
    model.learn_atlases(images, [*fractions, fractions[0][:94]])  # the last annotates lungs only
    assert model.settings() == {"graph": "lungs-heart", "input_size": 128, "atlases": 3, "neighbours": 2}
    batch = torch.from_numpy(images[2:]).unsqueeze(1).float() / 255
    positions, stages = model(batch)
    expected = MultiAtlas(images[:3], points[:3], neighbours=2)
    assert stages == []
    for found, image in zip(positions.numpy(), images[2:], strict=True):
        np.testing.assert_allclose(found * 128 - 0.5, expected.predict(image).landmarks, atol=1e-2)


def test_train_keeps_a_library_that_segments(labelled, tmp_path):  # noqa: F811
    out = tmp_path / "weights.safetensors"
    model = ModelConfig(segmenter="multi-atlas", input_size=128)
    settings = TrainConfig()
    assert (
        train_segmenter(labelled, out, model, settings, torch.device("cpu"), tmp_path / "h.csv", tmp_path / "c.png")
        == {}
    )
    tensors, card = read_weights(out)
    assert card["settings"]["atlases"] == 8  # of 12, a third annotates lungs only
    assert tensors["images"].dtype == np.uint8
    assert card["training"] == {}
    assert (tmp_path / "h.csv").read_text() == "epoch,loss,learning_rate,seconds\n"
    assert (tmp_path / "c.png").exists()
    image, points = phantom(np.random.default_rng(99))
    found = Segmenter(tensors, card)(image, 128)
    truth = Segmenter(tensors, card)._from_landmarks(to_fractions(points, 128), 128)
    assert {organ: dice(found.masks[organ], mask) > 0.85 for organ, mask in truth.masks.items()} == dict.fromkeys(
        ("right_lung", "left_lung", "heart"), True
    )
    with pytest.raises(ImageError, match="one grey value"):
        Segmenter(tensors, card)(np.full((128, 128), 7, np.uint8), 128)
    with pytest.raises(CxrError, match="expected weights of a landmark model"):
        Segmenter(tensors, card, samples=20)


def test_registered_as_a_kind_of_its_own():
    assert model_kind("multi-atlas") is ModelKind.ATLAS
    assert build_model("multi-atlas").input_size == 256
    with pytest.raises(CxrError, match=r"settings \['input_size'\] are missing"):
        build_model("multi-atlas", {"graph": "lungs"})
    with pytest.raises(CxrError, match="there is no atlas"):
        build_model("multi-atlas").for_inference()


def test_weights_of_another_library_are_refused():
    model = build_model("multi-atlas", {"graph": "lungs", "input_size": 64, "atlases": 2})
    tensors = {name: value.numpy() for name, value in model.state_dict().items()}
    card = {"segmenter": "multi-atlas", "settings": model.settings() | {"atlases": 3}}
    with pytest.raises(CxrError, match="2 tensors do not fit a multi-atlas"):
        segmenter_from_card(card, tensors)
    assert landmark_graph("lungs").nodes == tensors["landmarks"].shape[1]
