"""Both heads learn from landmarks, from drawn masks, and from both together."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.models.networks import HasDenseHead
from cxrfactory.models.registry import build_segmenter
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.images import load_labelled
from cxrfactory.train.segmenter.joint import JointTask
from cxrfactory.train.segmenter.run import train_segmenter
from cxrfactory.train.segmenter.tasks import task_of
from tests.models.hybrid import hybrid_unet
from tests.train.conftest import phantom

CPU = torch.device("cpu")
GRAPH = landmark_graph("lungs-heart")
REGIONS = ("right_lung", "left_lung", "heart")
SETTINGS = TrainConfig(precision="fp32", kl_weight=1e-5)
MODEL = ModelConfig(segmenter="hybrid-unet", input_size=64, width=4, latent=8, passes=1)
BENT = {"elastic": 0.02, "anatomy": 0.5, "opacities": 0.5}
SHORT = TrainConfig(epochs=3, batch_size=6, validate_every=1, precision="fp32", **BENT)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def batch(kind, count=4):
    """Phantoms with their landmarks, with their drawn masks, or with both."""
    rng = np.random.default_rng(0)
    pictures, points = zip(*(phantom(rng) for _ in range(count)), strict=True)
    images = torch.from_numpy(np.stack(pictures)[:, ::2, ::2] / 255).float()[:, None]
    landmarks = torch.from_numpy((np.stack(points) + 0.5) / 128)
    blank = torch.zeros(count, 3, 64, 64)
    nothing = Annotations(GRAPH, landmarks, REGIONS, blank, blank.bool(), torch.zeros(count, 3, dtype=torch.bool))
    if kind == "landmarks":
        return images, nothing
    masks = nothing.region_masks(4).masks
    unknown = torch.full_like(landmarks, torch.nan)
    drawn = torch.ones(count, 3, dtype=torch.bool)
    return images, Annotations(GRAPH, landmarks if kind == "both" else unknown, REGIONS, masks, blank.bool(), drawn)


def loss_of(network, images, annotations, settings=SETTINGS):
    return JointTask(REGIONS).loss(network, images, annotations, settings, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", ["landmarks", "masks", "both"])
def test_a_few_steps_lower_the_loss(kind):
    network = hybrid_unet(regions=REGIONS, passes=1).train()
    images, annotations = batch(kind)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss = loss_of(network, images, annotations)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0]


def gradients(kind):
    network = hybrid_unet(regions=REGIONS, passes=1).train()
    loss_of(network, *batch(kind), SETTINGS.model_copy(update={"kl_weight": 0.0})).backward()
    return {name for name, value in network.named_parameters() if value.grad is not None and bool(value.grad.any())}


def test_masks_alone_train_the_trunk_and_the_dense_head_only():
    found = gradients("masks")
    assert {"dense.weight", "trunk.down.0.conv1.weight", "trunk.up.0.conv2.weight"} <= found
    assert not {"mu.weight", "position1.weight", "position3.weight", "move1.weight"} & found
    everything = gradients("both")
    assert found < everything
    assert {"mu.weight", "position1.weight", "position3.weight"} <= everything


def test_organs_that_an_image_does_not_annotate_add_nothing():
    network = hybrid_unet(regions=REGIONS, passes=1).eval()
    images, annotations = batch("both")
    part = annotations.drawn.clone()
    part[:, 2] = False
    points = annotations.points.clone()
    points[:, 94:] = torch.nan
    fewer = replace(annotations, points=points, drawn=part)
    other = annotations.masks.clone()
    other[:, 2] = 1 - other[:, 2]
    assert torch.equal(loss_of(network, images, fewer), loss_of(network, images, replace(fewer, masks=other)))
    assert float(loss_of(network, images, fewer)) != float(loss_of(network, images, annotations))


def test_pixels_about_which_nothing_is_known_do_not_count():
    network = hybrid_unet(regions=REGIONS, passes=1).eval()
    images, annotations = batch("masks")
    ignored = torch.zeros_like(annotations.ignored)
    ignored[:, :, :16] = True
    wrong = annotations.masks.clone()
    wrong[:, :, :16] = 1 - wrong[:, :, :16]
    losses = [
        float(loss_of(network, images, replace(annotations, masks=masks, ignored=given)))
        for given in (ignored, annotations.ignored)
        for masks in (annotations.masks, wrong)
    ]
    assert losses[0] == losses[1]
    assert losses[2] < losses[3]


def test_a_batch_without_annotations_has_the_loss_of_the_code_alone():
    network = hybrid_unet(regions=REGIONS, passes=1).eval()
    images, annotations = batch("masks")
    empty = replace(annotations, drawn=torch.zeros_like(annotations.drawn))
    assert float(loss_of(network, images, empty, SETTINGS.model_copy(update={"kl_weight": 0.0}))) == 0
    assert float(loss_of(network, images, empty)) > 0


def test_the_task_of_a_network_with_two_heads(labelled):
    network = build_segmenter("hybrid-unet", MODEL.network_settings())
    task = task_of(network, SHORT)
    assert isinstance(network, HasDenseHead)
    assert task == JointTask(REGIONS)
    data = load_labelled(labelled, "train", GRAPH, 64, task.regions)
    task.start(network, data)
    np.testing.assert_allclose(network.mean_shape.numpy()[:94], np.nanmean(data.targets, axis=0)[:94], atol=1e-6)
    assert task.trained(network) is network


def test_a_resumed_run_gives_the_same_bytes(labelled, tmp_path, break_after, monkeypatch):
    train_segmenter(labelled, tmp_path / "whole.safetensors", MODEL, SHORT, CPU)
    with monkeypatch.context():
        break_after(2)
        with pytest.raises(KeyboardInterrupt):
            train_segmenter(labelled, tmp_path / "part.safetensors", MODEL, SHORT, CPU)
        assert list(tmp_path.glob("part.*.checkpoint"))
        monkeypatch.undo()
    train_segmenter(labelled, tmp_path / "part.safetensors", MODEL, SHORT, CPU)
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "part.safetensors").read_bytes()
    assert read_weights(tmp_path / "part.safetensors")[1]["settings"]["regions"] == list(REGIONS)
