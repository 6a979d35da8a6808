import numpy as np
import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models.roots.networks import NETWORKS, build, fold, read_network
from cxrfactory.models.roots.tiles import probabilities
from cxrfactory.models.roots.unet import Rise
from cxrfactory.tables.weights import write_weights

CPU = torch.device("cpu")
SMALL = ("unet", "resunet", "ds-resunet")


def _trained(name: str) -> torch.nn.Module:
    """Return a network whose normalisations have statistics and weights unlike those of the start."""
    torch.manual_seed(3)
    network = build(name).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            if module.affine:
                module.weight.data.uniform_(0.5, 2)
                module.bias.data.normal_(0, 0.3)
    return network


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("unet", 488_212),
        ("resunet", 505_046),
        ("ds-resunet", 532_336),
        ("segnet", 29_460_450),
        ("deeplabv3", 58_009_410),
    ],
)
def test_published_number_of_parameters(name: str, count: int) -> None:
    assert sum(each.numel() for each in build(name).parameters()) == count


@pytest.mark.parametrize("name", NETWORKS)
def test_shape_of_the_answer(name: str) -> None:
    network = build(name)
    picture = torch.randn(2, 1, 32, 64)
    answer = network.train()(picture)
    if name == "ds-resunet":
        assert [each.shape for each in answer] == [picture.shape] * 2
    else:
        assert answer.shape == picture.shape
    with torch.inference_mode():
        assert network.eval()(picture).shape == picture.shape


@pytest.mark.parametrize("name", [*SMALL, "segnet"])
def test_folded_network_answers_the_same(name: str) -> None:
    network = _trained(name)
    picture = torch.randn(1, 1, 64, 96)
    with torch.inference_mode():
        before = network(picture)
        fold(network)
        after = network(picture)
    assert before.std() > 0.01
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("normed", [True, False])
def test_upsampling_is_repetition_and_convolution(normed: bool) -> None:
    torch.manual_seed(0)
    rise, x = Rise(5, 3, normed).eval(), torch.randn(2, 5, 7, 4)
    if normed:
        rise.norm.running_mean.normal_()
        rise.norm.running_var.uniform_(0.5, 2)
    with torch.inference_mode():
        repeated = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        wanted = rise.norm(torch.nn.functional.conv2d(repeated, rise.conv.weight, rise.conv.bias, padding=1))
        torch.testing.assert_close(rise(x), wanted, rtol=1e-4, atol=1e-5)
        rise.fold()
        torch.testing.assert_close(rise(x), wanted, rtol=1e-4, atol=1e-5)


def test_evaluation_does_not_depend_on_the_other_pictures_of_a_batch() -> None:
    network, pictures = _trained("unet"), torch.randn(3, 1, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(network(pictures)[:1], network(pictures[:1]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_no_pixel_beyond_the_reach_matters(name: str) -> None:
    network, reach = _trained(name), NETWORKS[name].reach
    first = torch.randn(1, 1, 8, 256)
    other = first.clone()
    other[..., : 128 - reach] = 5.0
    with torch.inference_mode():
        change = (network(first) - network(other)).abs().amax(dim=(0, 1, 2))
    assert change[128:].max() == 0
    assert change[: 128 - reach].max() > 0


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("tile", [60, 96])
def test_tiles_do_not_show(name: str, tile: int) -> None:
    network = _trained(name)
    fold(network)
    picture = np.random.default_rng(0).normal(size=(149, 187)).astype(np.float32)
    whole = probabilities(name, network, picture, CPU, tile=4096)
    assert whole.shape == picture.shape
    assert whole.std() > 0.01
    np.testing.assert_allclose(probabilities(name, network, picture, CPU, tile=tile), whole, atol=1e-5)


def test_tiles_of_segnet_do_not_show() -> None:
    network = _trained("segnet")
    fold(network)
    picture = np.random.default_rng(0).normal(size=(32, 640)).astype(np.float32)
    whole = probabilities("segnet", network, picture, CPU, tile=4096)
    np.testing.assert_allclose(probabilities("segnet", network, picture, CPU, tile=320), whole, atol=1e-5)


def test_deeplab_sees_the_whole_picture_whatever_the_tile() -> None:
    network = build("deeplabv3").eval()
    picture = np.random.default_rng(0).normal(size=(50, 70)).astype(np.float32)
    first, second = (probabilities("deeplabv3", network, picture, CPU, tile=tile) for tile in (16, 512))
    np.testing.assert_array_equal(first, second)


def test_unknown_network_is_named() -> None:
    with pytest.raises(CxrError, match="'vnet'; expected one of unet, resunet"):
        build("vnet")


def test_weights_are_read_folded_and_others_refused(tmp_path) -> None:
    network = _trained("resunet")
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    card = {"segmenter": "resunet", "settings": {}, "normalisation": "", "data": {}, "metrics": {}}
    write_weights(tmp_path / "a.safetensors", tensors, card)
    name, read, shrink = read_network(tmp_path / "a.safetensors", CPU)
    picture = torch.randn(1, 1, 32, 32)
    assert (name, shrink) == ("resunet", 1)
    assert not read.training
    with torch.inference_mode():
        torch.testing.assert_close(read(picture), network(picture), rtol=1e-4, atol=1e-4)
    write_weights(tmp_path / "b.safetensors", tensors, {**card, "segmenter": "unet"})
    with pytest.raises(CxrError, match=r"b\.safetensors: its tensors do not fit the network 'unet'"):
        read_network(tmp_path / "b.safetensors", CPU)
    write_weights(tmp_path / "c.safetensors", tensors, {**card, "segmenter": "hybridgnet"})
    with pytest.raises(CxrError, match="weights of 'hybridgnet'; expected a network of roots"):
        read_network(tmp_path / "c.safetensors", CPU)
