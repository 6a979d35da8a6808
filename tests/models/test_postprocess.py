import numpy as np
import pytest
import torch

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.models.post_dae import build
from cxrfactory.models.postprocess import PostProcessed, PostProcessor, to_cover
from cxrfactory.models.segmenter import Segmentation
from cxrfactory.models.trained import logits_to_masks

ORGANS = ("right_lung", "left_lung", "heart")


def parts(seed=0, **settings):
    torch.manual_seed(seed)
    network = build({"input_size": 32, "latent": 8, "widths": [4, 4], "refine": True} | settings)
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    return tensors, {"segmenter": "post-dae", "settings": network.settings()}


def discs(size, organs=ORGANS):
    y, x = np.mgrid[:size, :size] / size
    places = {"right_lung": 0.3, "left_lung": 0.7, "heart": 0.5}
    return {organ: ((x - places[organ]) ** 2 + (y - 0.5) ** 2 < 0.02).astype(np.uint8) for organ in organs}


class Fixed:
    """Finds the same discs in every image."""

    device, parameters = torch.device("cpu"), 7

    def __init__(self, organs=ORGANS, definition="jsrt"):
        self.organs, self.definition = organs, definition

    def __call__(self, image, size):
        return Segmentation(discs(size, self.organs), np.zeros((120, 2)))


def test_settings_rebuild_the_network():
    network = build({"input_size": 48, "latent": 5, "widths": [3, 6, 7]})
    assert build(network.settings()).settings() == network.settings()
    assert network.eval()(torch.zeros(2, 3, 48, 48)).shape == (2, 3, 48, 48)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 3}, "unknown setting 'depth'; expected any of graph, input_size"),
        ({"input_size": 40, "widths": [4] * 4}, "expected a multiple of 16"),
        ({"input_size": 40, "widths": []}, "expected a multiple of 1"),
        ({"graph": "ribs"}, "unknown graph 'ribs'"),
    ],
)
def test_wrong_settings_are_one_line(settings, message):
    with pytest.raises(CxrError, match=message):
        build(settings)


def test_cover_and_masks_of_a_frame():
    mask = np.zeros((1, 8, 8), np.uint8)
    mask[0, :4, :3] = 1
    assert to_cover(mask, 4)[0].tolist() == [[1, 0.5, 0, 0]] * 2 + [[0] * 4] * 2
    logits = np.full((1, 4, 4), -1.0, np.float32)
    logits[:, :, :2] = 1
    assert (logits_to_masks(logits, 16)[0] == (np.arange(16) < 8)).all()


@pytest.mark.parametrize("size", [32, 64, 200, 24])
def test_masks_come_back_in_their_frame(size):
    found = PostProcessor(*parts())(discs(size))
    assert list(found) == list(ORGANS)
    assert all(mask.shape == (size, size) and mask.dtype == np.uint8 and mask.max() <= 1 for mask in found.values())


def test_organs_that_are_not_given_are_empty_and_not_returned():
    post = PostProcessor(*parts())
    found = post(discs(64, ORGANS[:2]))
    assert list(found) == ["right_lung", "left_lung"]
    whole = post(discs(64, ORGANS[:2]) | {"heart": np.zeros((64, 64), np.uint8)})
    assert all((whole[organ] == mask).all() for organ, mask in found.items())


def test_order_of_organs_does_not_matter_and_any_non_zero_is_inside():
    post = PostProcessor(*parts())
    first = post(discs(64))
    second = post({organ: mask * 255 for organ, mask in reversed(discs(64).items())})
    assert all((second[organ] == mask).all() for organ, mask in first.items())


def test_a_segmenter_with_it_is_a_segmenter():
    post = PostProcessor(*parts())
    both = PostProcessed(Fixed(), post)
    found = both(np.zeros((64, 64), np.uint8), 64)
    assert found.landmarks is None
    assert all((found.masks[organ] == mask).all() for organ, mask in post(discs(64)).items())
    assert both.parameters == 7 + post.parameters
    assert (both.definition, both.device.type) == ("jsrt", "cpu")


def test_errors_are_one_line():
    tensors, card = parts()
    with pytest.raises(CxrError, match=r"w: weights of 'unet'; expected a post-processor \(post-dae\)"):
        PostProcessor(tensors, {**card, "segmenter": "unet"}, source="w")
    with pytest.raises(CxrError, match="w: the weights do not fit their card"):
        PostProcessor(tensors, {**card, "settings": {**card["settings"], "latent": 9}}, source="w")
    post = PostProcessor(tensors, card, source="w")
    with pytest.raises(CxrError, match=r"w: masks of \['spleen'\]; it mends right_lung, left_lung, heart"):
        post({"spleen": np.zeros((64, 64), np.uint8)})
    with pytest.raises(CxrError, match="expected square ones of one size"):
        post(discs(64, ORGANS[:1]) | discs(32, ORGANS[1:]))
    with pytest.raises(CxrError, match="trained on masks of definition 'jsrt', the segmenter's are of 'whole-lungs'"):
        PostProcessed(Fixed(definition="whole-lungs"), post)
    broken = {name: value * np.nan if name == "to_code.bias" else value for name, value in tensors.items()}
    with pytest.raises(ImageError, match="numbers that are not finite"):
        PostProcessor(broken, card)(discs(64))
