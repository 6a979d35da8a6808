from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models.hybridvnet.graph import read_graph
from cxrfactory.models.hybridvnet.losses import LossWeights
from cxrfactory.models.hybridvnet.network import NetworkSettings
from cxrfactory.models.hybridvnet.picture_table import read_pictures
from cxrfactory.tables.weights import read_weights
from cxrfactory.train import course
from cxrfactory.train.hearts.data import changed_frame, load_hearts, recoloured, training_batches, true_frame
from cxrfactory.train.hearts.finder import FinderTraining, train_finder
from cxrfactory.train.hearts.run import train_hearts
from cxrfactory.train.hearts.settings import HeartTraining

CPU = torch.device("cpu")
SMALL = NetworkSettings(
    grid=(8, 24, 24), plane_side=24, stack_channels=(8, 16), plane_channels=(8, 16), widths=(16, 16, 8, 8)
)
SHORT = HeartTraining(network=SMALL, epochs=3, batch_size=5, validate_every=1)


def test_training_learns_and_writes_everything(eggs, tmp_path):
    moved = replace(SHORT, turn_degrees=2, shift_mm=8, appearance=0)
    tables = eggs / "pictures.parquet", eggs / "graph.npz"
    mean_shape = train_hearts(*tables, tmp_path / "m.safetensors", replace(moved, epochs=1, learning_rate=1e-12), CPU)
    out = tmp_path / "w.safetensors"
    settings = replace(moved, epochs=20, validate_every=20, learning_rate=5e-3)
    metrics = train_hearts(*tables, out, settings, CPU, tmp_path / "h.csv")
    assert metrics["val_distance_mm"] < 0.7 * mean_shape["val_distance_mm"]
    assert metrics["val_mae_mm"] < metrics["val_distance_mm"]
    tensors, card = read_weights(out)
    assert card["segmenter"] == "hybridvnet"
    assert card["settings"]["mesh"] == "surface"
    assert card["data"]["train"] == 15
    assert card["metrics"]["validate"] == metrics
    assert {"graph.faces", "mean_shape"} <= set(tensors)
    history = pd.read_csv(tmp_path / "h.csv")
    assert history["loss"].iloc[-1] < 0.5 * history["loss"].iloc[0]
    assert not list(tmp_path.glob("*.checkpoint"))


@pytest.mark.parametrize("model", ["hybridvnet", "pca"])
def test_resumed_run_ends_as_the_unbroken_one(eggs, tmp_path, monkeypatch, model):
    settings = replace(SHORT, model=model)
    tables = eggs / "pictures.parquet", eggs / "graph.npz"
    train_hearts(*tables, tmp_path / "whole.safetensors", settings, CPU)
    inner, calls = course.save_checkpoint, []

    def broken(*arguments):
        inner(*arguments)
        calls.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "save_checkpoint", broken)
    with pytest.raises(KeyboardInterrupt):
        train_hearts(*tables, tmp_path / "part.safetensors", settings, CPU)
    monkeypatch.setattr(course, "save_checkpoint", inner)
    assert len(list(tmp_path.glob("part.*.checkpoint"))) == 1
    train_hearts(*tables, tmp_path / "part.safetensors", settings, CPU)
    assert (tmp_path / "part.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    assert not list(tmp_path.glob("part.*.checkpoint"))


def test_other_losses_train_other_weights(eggs, tmp_path):
    found = set()
    for weights in (LossWeights(), LossWeights(deep=0), LossWeights(laplacian=1), LossWeights(edge=1, normal=1)):
        out = tmp_path / "w.safetensors"
        train_hearts(eggs / "pictures.parquet", eggs / "graph.npz", out, replace(SHORT, epochs=1, weights=weights), CPU)
        found.add(read_weights(out)[1]["sha256"])
    assert len(found) == 4


def test_mesh_of_another_template_is_refused(eggs):
    graph = read_graph(eggs / "graph.npz")
    with pytest.raises(CxrError, match="case 'egg00/ED': a mesh of 642 nodes; the template has 700 nodes"):
        load_hearts(eggs / "pictures.parquet", "train", graph.places, 700)
    with pytest.raises(CxrError, match="no case has split 'test'"):
        load_hearts(eggs / "pictures.parquet", "test", graph.places, 642)


def test_targets_follow_the_random_frames(eggs):
    """Back in mm, the target of a changed frame is the true mesh, whatever was drawn."""
    graph = read_graph(eggs / "graph.npz")
    hearts = load_hearts(eggs / "pictures.parquet", "train", graph.places, 642)[:2]
    frames = [true_frame(heart, graph, 144.0) for heart in hearts]
    rng = np.random.default_rng(0)
    frame = changed_frame(frames[0], SHORT, rng)
    np.testing.assert_allclose(frame.to_mm(frame.to_relative(hearts[0].vertices_mm)), hearts[0].vertices_mm, atol=1e-4)
    assert 0 < np.linalg.norm(frame.centre_mm - frames[0].centre_mm) < 30
    (inputs, targets), (again, _) = (
        next(training_batches(hearts, frames, [np.array(order)], SHORT, epoch=3)) for order in ([0, 1], [1, 0])
    )
    assert torch.equal(inputs.stack[0], again.stack[1])
    other, _ = next(training_batches(hearts, frames, [np.array([0, 1])], SHORT, epoch=4))
    assert not torch.equal(inputs.stack, other.stack)
    still = replace(SHORT, turn_degrees=0, shift_mm=0, scale=0)
    _, targets = next(training_batches(hearts, frames, [np.array([0])], still, epoch=0))
    np.testing.assert_allclose(targets[0], frames[0].to_relative(hearts[0].vertices_mm), atol=1e-6)
    assert targets.mean() == pytest.approx(0.5, abs=0.01)


def test_dropped_views_leave_nothing(eggs):
    heart = next(read_pictures(eggs / "pictures.parquet", "train"))
    graph = read_graph(eggs / "graph.npz")
    from cxrfactory.models.hybridvnet.inputs import sample

    sampled = sample(heart.pictures, true_frame(heart, graph, 144.0), SMALL)
    stack, planes, facts, present = recoloured(sampled, 0.0, 1.0, np.random.default_rng(0))
    assert not present.any()
    assert not planes.any()
    assert not facts.any()
    np.testing.assert_array_equal(stack, sampled[0])


def test_finder_learns_centre_and_direction(eggs, tmp_path):
    course = {"epochs": 40, "batch_size": 3, "validate_every": 40, "learning_rate": 5e-3}
    settings = FinderTraining((4, 24, 24), (8, 16), **course, turn_degrees=20, shift_mm=8)
    out = tmp_path / "f.safetensors"
    found = train_finder(eggs / "pictures.parquet", eggs / "graph.npz", out, settings, CPU, tmp_path / "h.csv")
    assert found["val_centre_mm"] < 9  # the eggs lie 14 mm from the middle of the stack on average
    assert found["val_angle_degrees"] < 20
    assert read_weights(out)[1]["segmenter"] == "heart-finder"
