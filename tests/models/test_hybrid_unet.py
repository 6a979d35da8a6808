import itertools

import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.regions import contour_regions
from cxrfactory.errors import CxrError
from cxrfactory.models.hybrid_unet import HybridUNet, build
from cxrfactory.models.networks import HasDenseHead
from cxrfactory.models.registry import segmenter_from_card
from tests.models.hybrid import REGIONS, hybrid_unet, stored


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(1))


def codes(encoded, count):
    noise = torch.randn(len(encoded.mu), count, encoded.mu.shape[1], generator=torch.Generator().manual_seed(2))
    return encoded.mu.unsqueeze(1) + noise * torch.exp(0.5 * encoded.logvar).unsqueeze(1)


@pytest.mark.parametrize("graph", ["lungs", "lungs-heart", "whole-lungs"])
@pytest.mark.parametrize("passes", [1, 3])
def test_shapes_of_both_heads_and_of_every_stage(graph, passes):
    graph = landmark_graph(graph)
    regions = (*contour_regions(graph), "airways")
    network = HybridUNet(graph, regions, 96, width=4, passes=passes).eval()
    encoded = network.encode(torch.rand(2, 1, 96, 96))
    assert encoded.logits.shape == (2, len(regions), 48, 48)
    assert encoded.mu.shape == encoded.logvar.shape == (2, 64)
    positions, stages = network.decode(encoded, codes(encoded, 5))
    assert positions.shape == (2, 5, graph.nodes, 2)
    assert [each.shape[2] for each in stages] == [sum(graph.pooled_counts), *[graph.nodes] * (passes + 1)]
    assert isinstance(network, HasDenseHead)
    assert max(network.shape_stage, network.start_stage) < len(stages)


def test_the_named_stages_are_the_codes_shape_and_the_landmarks_before_the_dense_head(images):
    network = hybrid_unet().eval()
    with torch.inference_mode():
        encoded = network.encode(images)
        positions, stages = network.decode(encoded, encoded.mu.unsqueeze(1))
        # A dense head that answers otherwise moves the passes alone.
        other = type(encoded)(encoded.maps, encoded.mu, encoded.logvar, -encoded.logits)
        moved, again = network.decode(other, encoded.mu.unsqueeze(1))
        assert all(torch.equal(*both) for both in zip(stages[: network.start_stage + 1], again, strict=False))
        assert not torch.equal(stages[network.start_stage + 1], again[network.start_stage + 1])
        assert not torch.equal(positions, moved)
        # The maps move everything but the shape, which the code alone gives.
        maps = {level: -each for level, each in encoded.maps.items()}
        other = type(encoded)(maps, encoded.mu, encoded.logvar, encoded.logits)
        _, again = network.decode(other, encoded.mu.unsqueeze(1))
        assert torch.equal(stages[network.shape_stage], again[network.shape_stage])
        assert not torch.equal(stages[network.start_stage], again[network.start_stage])


def test_a_pass_corrects_where_the_one_before_ended(images):
    network = hybrid_unet(passes=3).eval()
    with torch.inference_mode():
        encoded = network.encode(images)
        positions, stages = network.decode(encoded, encoded.mu.unsqueeze(1))
        assert all(bool((one != other).any()) for one, other in itertools.pairwise([*stages[2:], positions]))
        torch.nn.init.zeros_(network.position3.weight)
        torch.nn.init.zeros_(network.position3.bias)
        positions, stages = network.decode(encoded, encoded.mu.unsqueeze(1))
        assert torch.equal(positions, stages[network.start_stage])


def test_inference_folds_what_training_computes(images):
    network = hybrid_unet().eval()
    with torch.inference_mode():
        expected = network.encode(images)
        z = codes(expected, 4)
        places, stages = network.decode(expected, z)
        network.for_inference()
        found = network.encode(images)
        folded, folded_stages = network.decode(found, z)
    for name in ("mu", "logvar", "logits"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(folded, places, atol=1e-4, rtol=0)
    for one, other in zip(folded_stages, stages, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_samples_decoded_together_are_those_decoded_one_by_one(images):
    network = hybrid_unet().for_inference()
    with torch.inference_mode():
        encoded = network.encode(images)
        z = codes(encoded, 6)
        together = network.decode(encoded, z)[0]
        for sample in range(6):
            alone = network.decode(encoded, z[:, sample : sample + 1])[0]
            torch.testing.assert_close(together[:, sample], alone[:, 0], atol=1e-5, rtol=0)
    assert not torch.equal(together[:, 0], together[:, 1])


def test_an_image_has_the_same_answer_in_any_batch(images):
    network = hybrid_unet().for_inference()
    with torch.inference_mode():
        together = network(images)
        for row in range(len(images)):
            alone = network(images[row : row + 1])
            torch.testing.assert_close(together[0][row], alone[0][0], atol=1e-4, rtol=0)
            torch.testing.assert_close(together[2][row], alone[2][0], atol=1e-3, rtol=1e-4)
    assert not torch.equal(together[0][0], together[0][1])


def test_noise_is_scaled_by_the_deviation_of_the_code(images):
    network = hybrid_unet().eval()
    with torch.inference_mode():
        encoded = network.encode(images)
        noise = torch.ones(3, 64)
        expected = network.decode(encoded, (encoded.mu + torch.exp(0.5 * encoded.logvar)).unsqueeze(1))[0][:, 0]
        assert torch.equal(network(images, noise)[0], expected)


def test_bf16_is_for_the_inner_blocks_alone():
    network = hybrid_unet().for_inference()
    network.to_bf16()
    kinds = {name: value.dtype for name, value in network.named_parameters()}
    coarse = {name for name, kind in kinds.items() if kind == torch.bfloat16}
    assert coarse == {name for name in kinds if name.startswith("trunk.") and ".0." not in name}
    with torch.inference_mode():
        encoded = network.encode(torch.rand(1, 1, 64, 64))
    assert {each.dtype for each in (encoded.logits, encoded.mu, *encoded.maps.values())} == {torch.float32}


def test_weights_and_card_make_the_network_again(images):
    network = hybrid_unet(passes=3).eval()
    tensors, card = stored(network)
    again = segmenter_from_card(card, tensors).eval()
    assert again.settings() == network.settings()
    with torch.inference_mode():
        assert torch.equal(again(images)[0], network(images)[0])


def test_a_network_without_named_regions_has_those_of_its_graph():
    network = build({"graph": "whole-lungs", "input_size": 64, "latent": 8, "width": 4})
    assert network.regions == ("right_whole_lung", "left_whole_lung")
    assert network.passes == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_size": 72}, r"^model input_size is 72; expected a positive multiple of 32$"),
        ({"input_size": 0}, "model input_size is 0"),
        ({"passes": 0}, r"^model passes is 0; expected 1 to 9 for hybrid-unet$"),
        ({"passes": 10}, "model passes is 10"),
        ({"regions": ("heart", *REGIONS[:2])}, r"expected \['right_lung', 'left_lung', 'heart'\] first"),
        ({"regions": (*REGIONS, "heart")}, "each region once"),
    ],
)
def test_wrong_settings_are_one_line(change, message):
    settings = {"regions": REGIONS, "input_size": 64, "width": 4} | change
    with pytest.raises(CxrError, match=message):
        HybridUNet(landmark_graph("lungs-heart"), **settings)


def test_an_image_of_another_side_is_refused():
    with pytest.raises(CxrError, match=r"^image is \(96, 96\); this model expects 64 squared$"):
        hybrid_unet().encode(torch.rand(1, 1, 96, 96))
