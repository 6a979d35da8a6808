import pytest

from cxrfactory.models.networks import (
    FitsShapes,
    KeepsExamples,
    LandmarkNetwork,
    LatentNetwork,
    LearnsGreyValues,
    PixelNetwork,
)
from cxrfactory.models.registry import LANDMARK_DEFAULTS, ZOO_MODELS, ModelKind, build_model, model_kind, model_names

KINDS = {
    ModelKind.LANDMARK: LatentNetwork,
    ModelKind.AUTOENCODER: LandmarkNetwork,
    ModelKind.ATLAS: LandmarkNetwork,
    ModelKind.PIXEL: PixelNetwork,
}


@pytest.mark.parametrize("name", [name for name in model_names() if name not in ZOO_MODELS])
def test_every_registered_network_is_of_its_kind(name):
    kind = model_kind(name)
    settings = LANDMARK_DEFAULTS | {"input_size": 64} if kind in (ModelKind.LANDMARK, ModelKind.AUTOENCODER) else None
    network = build_model(name, settings)
    assert isinstance(network, KINDS[kind])
    assert isinstance(network, LatentNetwork) == (kind is ModelKind.LANDMARK)
    assert isinstance(network, FitsShapes) == (name == "pca")
    assert isinstance(network, KeepsExamples) == (name == "multi-atlas")
    assert set(network.organs) >= {"right_lung", "left_lung"}
    assert network.definition == "jsrt"
    assert "input_size" in network.settings()


@pytest.mark.parametrize(("normalise", "learns"), [("none", False), ("equalise", True)])
def test_only_equalising_learns_grey_values(normalise, learns):
    network = build_model("hybridgnet", LANDMARK_DEFAULTS | {"input_size": 64, "normalise": normalise})
    assert isinstance(network.normaliser, LearnsGreyValues) == learns
