from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.models.segmenter import Segmenter


@pytest.fixture(scope="session")
def trained():
    """Tensors and card of a small network whose outputs differ from image to image."""
    torch.manual_seed(0)
    network = HybridGNet(landmark_graph("lungs-heart"), 64)
    with torch.no_grad():
        network.conv6.weight.normal_(0, 0.05)
        network.encoder.logvar.bias.fill_(1.0)
    card = {"segmenter": "hybridgnet", "settings": network.settings()}
    return {name: value.numpy() for name, value in network.state_dict().items()}, card


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [(f"i{number}", rng.integers(0, 256, (96, 96), dtype=np.uint8)) for number in range(7)]


def run(trained, images, **options):
    settings = {"samples": 20} | {name: options.pop(name) for name in ("samples", "precision") if name in options}
    return list(Segmenter(*trained, **settings).run(images, 1024, **options))


@pytest.mark.parametrize("options", [{"batch_size": 1}, {"batch_size": 16, "workers": 2}, {"workers": 3}])
def test_batch_and_workers_change_no_bit(trained, images, options):
    expected = run(trained, images, batch_size=16, workers=1)
    found = run(trained, images, **options)
    assert [image_id for image_id, _ in found] == [image_id for image_id, _ in images]
    for (_, first), (_, second) in zip(expected, found, strict=True):
        for name in ("landmarks", "mean", "std", "latent"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_order_changes_no_bit(trained, images):
    forward, backward = dict(run(trained, images)), dict(run(trained, images[::-1]))
    for image_id, first in forward.items():
        np.testing.assert_array_equal(first.std, backward[image_id].std)


@pytest.mark.parametrize("workers", [1, 3])
def test_on_a_gpu_images_are_loaded_in_threads_and_go_in_batches(trained, images, monkeypatch, workers):
    segmenter = Segmenter(*trained, samples=20)
    batches = []

    def predict(pictures, image_ids, size):
        batches.append((pictures.shape, size))
        return [int(picture[0, 0]) for picture in pictures]

    monkeypatch.setattr(segmenter, "device", SimpleNamespace(type="cuda"))  # there is none here
    monkeypatch.setattr(segmenter, "predict", predict)
    stream = ((image_id, image.tolist()) for image_id, image in images)
    found = list(segmenter.run(stream, 1024, batch_size=3, workers=workers, load=np.array))
    assert found == [(image_id, int(image[0, 0])) for image_id, image in images]
    assert batches == [((3, 96, 96), 1024), ((3, 96, 96), 1024), ((1, 96, 96), 1024)]


def test_few_images_are_taken_before_their_turn(trained, images):
    taken = []

    def stream():
        for number in range(40):
            taken.append(number)
            yield f"i{number}", images[number % 7]

    results = Segmenter(*trained, samples=20).run(stream(), 1024, workers=2, load=lambda item: item[1])
    for done, _ in enumerate(results, start=1):
        assert len(taken) - done <= 6


def test_threads_of_torch_are_given_back(trained, images):
    torch.set_num_threads(2)
    run(trained, images[:1])
    assert torch.get_num_threads() == 2


def test_samples_are_seeded_by_the_id(trained, images):
    picture = images[0][1]
    found = run(trained, [("a", picture), ("b", picture), ("a", picture)])
    np.testing.assert_array_equal(found[0][1].landmarks, found[1][1].landmarks)
    np.testing.assert_array_equal(found[0][1].std, found[2][1].std)
    assert not np.array_equal(found[0][1].std, found[1][1].std)


def test_mean_and_deviation_are_those_of_the_samples(trained, images):
    segmenter = Segmenter(*trained, samples=5)
    image_id, image = images[0]
    found = segmenter.predict(image[None], [image_id], 1024)[0]
    network = HybridGNet(landmark_graph("lungs-heart"), 64)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in trained[0].items()})
    network.eval()
    from cxrfactory.models.inputs import to_input, to_pixels
    from cxrfactory.tables.keys import seed_of

    noise = np.random.default_rng(seed_of(image_id, "latent")).standard_normal((5, 64), dtype=np.float32)
    with torch.inference_mode():
        picture = torch.from_numpy(to_input(image, 64))[None, None]
        drawn = [network(picture, torch.from_numpy(code)[None])[0][0].numpy() for code in noise]
    points = to_pixels(np.stack(drawn).astype(np.float64), 1024)
    np.testing.assert_allclose(found.mean, points.mean(axis=0), atol=1e-2)
    np.testing.assert_allclose(found.std, points.std(axis=0, ddof=1), atol=1e-2)
    assert found.std.min() > 0


def test_bf16_stays_near_fp32(trained, images):
    fine, coarse = run(trained, images), run(trained, images, precision="bf16")
    apart = [np.abs(a.landmarks - b.landmarks).max() for (_, a), (_, b) in zip(fine, coarse, strict=True)]
    assert 0 < max(apart) < 20  # an untrained network; the figure for a trained one is in docs/benchmarks.md


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 1}, "samples is 1"),
        ({"precision": "fp8"}, "precision is 'fp8'"),
        ({"device": "tpu"}, "device is 'tpu'"),
    ],
)
def test_wrong_settings_are_one_line(trained, options, message):
    with pytest.raises(CxrError, match=message):
        Segmenter(*trained, **options)


def test_the_spread_needs_samples(trained, images):
    with pytest.raises(CxrError, match="without latent samples"):
        Segmenter(*trained).predict(images[0][1][None], ["a"], 64)
