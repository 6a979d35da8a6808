import cv2
import numpy as np
import pytest
import torch

from cxrfactory.config import PostDaeConfig
from cxrfactory.models.post_dae import build
from cxrfactory.models.postprocess import PostProcessor, to_cover
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.data.shapes import Shape
from cxrfactory.train.postprocess.degrade import KINDS
from cxrfactory.train.postprocess.examples import write_examples
from cxrfactory.train.postprocess.post_dae import batch, check, fit, summary_by_kind, train_post_dae
from tests.train.conftest import ellipse

SMALL = {"input_size": 32, "latent": 32, "widths": [8, 16, 16], "refine": True}


def shapes(count, seed):
    """Two lungs and a heart as ellipses of varied place and size; every fifth has no heart."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        wide, tall, heart = rng.uniform(0.9, 1.1, 3)
        contours = {
            "right_lung": ellipse(44, 0.3, 0.5, 0.14 * wide, 0.3 * tall),
            "left_lung": ellipse(50, 0.72, 0.5, 0.13 * wide, 0.3 * tall),
            "heart": ellipse(26, 0.53, 0.62, 0.12 * heart, 0.13 * heart),
        }
        if number % 5 == 4:
            del contours["heart"]
        found.append(Shape(f"{seed}-{number}", "Drawn", contours))
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("post") / "post-dae.safetensors"
    settings = PostDaeConfig(input_size=32, latent=32, steps=300, batch_size=8, learning_rate=6e-3)
    rows = train_post_dae(shapes(40, 0), shapes(6, 1), path, settings, network_settings=SMALL)
    return path, rows


def test_it_mends_and_leaves_true_masks_alone(trained):
    means = summary_by_kind(trained[1])
    assert list(means.index) == ["none", *KINDS]
    assert means.loc["none", "before"] == 1
    assert means.loc["none", "after"] >= 0.95
    for kind in ("missing", "swapped", "noise"):
        assert means.loc[kind, "after"] > means.loc[kind, "before"] + 0.02
    assert means["after"].min() > 0.85


def test_holes_and_islands_are_gone(trained):
    post = PostProcessor(*read_weights(trained[0]))
    truth, _ = shapes(1, 2)[0].masks(post.organs, 256)
    spoiled = truth.copy()
    spoiled[0, 110:150, 60:95] = 0
    spoiled[1, 5:35, 5:35] = 1
    mended = post(dict(zip(post.organs, spoiled, strict=True)))
    for mask, count in zip(mended.values(), (1, 1, 1), strict=True):
        assert cv2.connectedComponents(mask)[0] - 1 == count
        assert cv2.connectedComponents(1 - mask)[0] - 1 == 1  # the outside alone: no hole
    assert mended["right_lung"][115:145, 65:90].mean() > 0.95
    assert not mended["left_lung"][5:35, 5:35].any()


def test_the_same_seed_gives_the_same_weights(tmp_path):
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        settings = PostDaeConfig(input_size=32, latent=32, steps=20, batch_size=4, seed=seed)
        weights = tmp_path / f"{name}.safetensors"
        train_post_dae(shapes(8, 0), shapes(1, 1), weights, settings, network_settings=SMALL)
    one, two, three = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_an_organ_without_annotation_takes_no_loss():
    network = build(SMALL | {"refine": False})  # the refiner lets each organ see the others
    _, target, annotated = batch(network, shapes(5, 0)[4:], 3, np.random.default_rng(0))
    assert annotated.tolist() == [[True, True, False]] * 3
    assert not target[:, 2].any()
    before = network.decoder[-2].bias.detach().clone()
    fit(network, shapes(5, 0)[4:], 20, 2, 1e-2, 0)
    # Weight decay aside, the bias of the heart's four maps never moves.
    moved = (network.decoder[-2].bias.detach() - before).abs()
    assert moved[8:].max() < 1e-4 < moved[:8].min()


def test_batches_hold_shares_of_the_same_frame():
    network = build(SMALL)
    seen, target, _ = batch(network, shapes(10, 0), 6, np.random.default_rng(1))
    assert seen.shape == target.shape == (6, 3, 32, 32)
    assert seen.dtype == target.dtype == torch.float32
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1
    assert float((seen - target).abs().max()) > 0.5
    again = batch(network, shapes(10, 0), 6, np.random.default_rng(1))
    assert torch.equal(again[0], seen)


def test_a_check_spoils_by_id_and_kind(trained):
    post = PostProcessor(*read_weights(trained[0]))
    both = check(post, shapes(3, 5), frame=128)
    alone = check(post, shapes(3, 5)[1:2], frame=128)
    part = both[both["image_id"] == "5-1"].reset_index(drop=True)
    assert part.equals(alone)
    assert to_cover(np.ones((1, 4, 4), np.uint8), 2).min() == 1


def test_card_says_what_it_was_trained_on_and_does(trained):
    _, card = read_weights(trained[0])
    assert card["segmenter"] == "post-dae"
    assert card["settings"] == {"graph": "lungs-heart", **SMALL}
    assert card["data"] == {"train": 40, "val": 6, "sources": ["Drawn"]}
    assert set(card["metrics"]) == {"none", *KINDS}
    assert card["training"]["steps"] == 300


def test_examples_are_drawn(trained, tmp_path):
    write_examples(PostProcessor(*read_weights(trained[0])), shapes(2, 1), tmp_path / "examples.png")
    picture = cv2.imread(str(tmp_path / "examples.png"))
    assert picture.shape == (4 * 192, len(KINDS) * 192, 3)
    assert picture.max() == 255
