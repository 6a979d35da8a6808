"""The evidence of a network with two heads, from the network to the segmenter's predictions."""

import numpy as np
import pytest
import torch

from cxrfactory.models.evidence import evidence_of
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.models.inputs import to_input
from cxrfactory.models.segmenter import Segmenter
from tests.models.hybrid import hybrid_unet, stored

PLACES = ("landmarks", "mean", "std", "latent")


@pytest.fixture(scope="module")
def network():
    return hybrid_unet().eval()


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [(f"i{number}", rng.integers(0, 256, (96, 96), dtype=np.uint8)) for number in range(5)]


def run(network, images, samples=20, precision="fp32", **options):
    return list(Segmenter(*stored(network), samples=samples, precision=precision).run(images, 1024, **options))


def test_the_evidence_is_that_of_the_networks_own_answers(network, images):
    image_id, image = images[0]
    found = Segmenter(*stored(network), samples=3).predict(image[None], [image_id], 1024)[0]
    with torch.inference_mode():
        encoded = network.encode(torch.from_numpy(to_input(image, 64))[None, None])
        positions, stages = network.decode(encoded, encoded.mu.unsqueeze(1))
    _, shape, start, _ = (each[0, 0].numpy() for each in stages)
    expected = evidence_of(
        positions[0, 0].numpy(), start, shape, encoded.logits[0, :3].numpy(), encoded.mu[0].numpy(), network.graph
    )
    assert list(found.evidence.organs) == ["right_lung", "left_lung", "heart", "lungs"]
    for organ, values in expected.organs.items():
        for name, value in vars(values).items():
            assert getattr(found.evidence.organs[organ], name) == pytest.approx(value, abs=1e-3), (organ, name)
    assert found.evidence.latent_norm == pytest.approx(expected.latent_norm, rel=1e-4)
    assert 0 < found.evidence.organs["heart"].shape_dice < 1
    np.testing.assert_allclose(found.landmarks, positions[0, 0].numpy() * 1024 - 0.5, atol=0.02)


def test_evidence_does_not_depend_on_samples(network, images):
    few, many = (run(network, images[:1], samples=samples)[0][1] for samples in (2, 20))
    for organ, values in few.evidence.organs.items():
        for name, value in vars(values).items():
            assert getattr(many.evidence.organs[organ], name) == pytest.approx(value, abs=1e-3)
    assert many.evidence.latent_norm == few.evidence.latent_norm


@pytest.mark.parametrize("options", [{"batch_size": 16}, {"workers": 3}])
def test_batch_workers_and_order_change_no_bit(network, images, options):
    expected, found = dict(run(network, images)), dict(run(network, images[::-1], **options))
    for image_id, one in expected.items():
        for name in PLACES:
            np.testing.assert_array_equal(getattr(one, name), getattr(found[image_id], name))
        assert one.evidence == found[image_id].evidence


def test_a_batch_gives_each_image_its_own_evidence(network, images):
    segmenter = Segmenter(*stored(network), samples=3)
    together = segmenter.predict(np.stack([image for _, image in images]), [name for name, _ in images], 1024)
    for (name, image), one in zip(images, together, strict=True):
        alone = segmenter.predict(image[None], [name], 1024)[0]
        np.testing.assert_allclose(one.landmarks, alone.landmarks, atol=0.02)
        assert one.evidence.latent_norm == pytest.approx(alone.evidence.latent_norm, rel=1e-4)
        assert vars(one.evidence.organs["heart"]) == pytest.approx(vars(alone.evidence.organs["heart"]), abs=1e-3)


def test_bf16_stays_near_fp32(network, images):
    fine, coarse = run(network, images), run(network, images, precision="bf16")
    apart = [np.abs(a.landmarks - b.landmarks).max() for (_, a), (_, b) in zip(fine, coarse, strict=True)]
    assert 0 < max(apart) < 20  # an untrained network; docs/benchmarks.md has the figure of a trained one


def test_a_network_without_a_dense_head_gives_none(images):
    plain = HybridGNet(hybrid_unet().graph, 64)
    card = {"segmenter": "hybridgnet", "settings": plain.settings()}
    tensors = {name: value.numpy() for name, value in plain.state_dict().items()}
    assert Segmenter(tensors, card, samples=2).predict(images[0][1][None], ["a"], 64)[0].evidence is None
