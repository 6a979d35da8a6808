import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import ImageError
from cxrfactory.models import registry
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.models.segmenter import Segmenter
from tests.models import stub_pixels


@pytest.fixture(scope="module")
def landmark_weights():
    torch.manual_seed(0)
    network = HybridGNet(landmark_graph("lungs-heart"), 64)
    with torch.no_grad():
        network.conv6.weight.normal_(0, 0.05)
    card = {"segmenter": "hybridgnet", "settings": network.settings()}
    return {name: value.numpy() for name, value in network.state_dict().items()}, card


@pytest.fixture
def pixels(monkeypatch):
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")

    def make(organs=("right_lung", "heart"), input_size=(30, 50), threshold=0.5):
        tensors = {"threshold": np.array(threshold, np.float32)}
        return Segmenter(tensors, stub_pixels.card(organs, input_size))

    return make


def test_landmarks_are_those_of_the_infer_stage(landmark_weights):
    image = np.random.default_rng(0).integers(0, 256, (96, 96), dtype=np.uint8)
    found = Segmenter(*landmark_weights)(image, 1024)
    expected = Segmenter(*landmark_weights, samples=20).predict(image[None], ["a"], 1024)[0].landmarks
    np.testing.assert_allclose(found.landmarks, expected, atol=0.01)
    filled = landmarks_to_masks(found.landmarks, found.graph, 1024, 1024)
    for organ, mask in filled.items():
        np.testing.assert_array_equal(found.masks[organ], mask)


def test_one_answer_an_image_and_threads_given_back(landmark_weights):
    first, second = np.random.default_rng(1).integers(0, 256, (2, 64, 64), dtype=np.uint8)
    segmenter = Segmenter(*landmark_weights)
    before = segmenter(first, 64).landmarks
    segmenter(second, 64)
    torch.set_num_threads(2)
    np.testing.assert_array_equal(segmenter(first, 64).landmarks, before)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_logits_come_back_in_the_frame_that_was_asked_for(pixels):
    image = np.zeros((120, 120), np.uint8)
    image[:, 60:] = 255
    found = pixels()(image, 240)
    assert list(found.masks) == ["right_lung", "heart"]
    assert found.landmarks is None
    assert found.graph is None
    expected = np.zeros((240, 240), np.uint8)
    expected[:, 120:] = 1
    np.testing.assert_array_equal(found.masks["heart"], expected)


def test_a_probability_of_one_half_is_inside(pixels):
    image = np.full((50, 50), 51, np.uint8)
    image[0, 0] = 0
    found = pixels(input_size=(50, 50), threshold=51 / 255)(image, 50)
    assert found.masks["heart"].sum() == 50 * 50 - 1


def test_an_answer_that_is_no_number_is_refused(pixels):
    with pytest.raises(ImageError, match="not finite"):
        pixels(threshold=np.nan)(np.zeros((64, 64), np.uint8), 64)
