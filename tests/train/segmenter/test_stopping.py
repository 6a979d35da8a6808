import json

import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.best import Best
from cxrfactory.train.segmenter import loop
from cxrfactory.train.segmenter.run import train_segmenter
from cxrfactory.train.segmenter.stopping import mean_dice
from cxrfactory.train.segmenter.tasks import LandmarkTask

CPU = torch.device("cpu")
MODEL = ModelConfig(input_size=64)
WAIT = TrainConfig(epochs=12, batch_size=8, validate_every=1, precision="fp32", patience=2)


def test_mean_is_over_single_organs():
    metrics = {"lungs": {"dice": 0.1}, "right_lung": {"dice": 0.9}, "left_lung": {"dice": 0.8}, "heart": {"dice": 0.4}}
    assert mean_dice({"all": {"mse": 3.0}} | metrics) == pytest.approx(0.7)
    assert mean_dice({"lungs": {"dice": 0.1}}) == 0.1


def test_equal_is_not_better_and_nan_never():
    best, weights = Best(2), {"w": torch.zeros(1)}
    for epoch, score in enumerate((float("nan"), 0.5, 0.5, 0.6, 0.6, float("nan")), start=1):
        weights["w"] += 1
        best.offer(epoch, score, weights)
        assert best.exhausted == (epoch == 6)
    assert (best.epoch, best.score, best.weights["w"].item()) == (4, 0.6, 4)


def test_without_patience_nothing_is_kept():
    best = Best(None)
    best.offer(1, 0.5, {"w": torch.zeros(1)})
    assert (best.weights, best.epoch, best.exhausted) == ({}, None, False)


@pytest.fixture
def scores(monkeypatch):
    """Validation scores that are known before: the best in epoch 3, equal in epoch 5."""
    torch.set_num_threads(1)
    values, seen = [0.2, 0.5, 0.7, 0.6, 0.7, 0.8, 0.9], []

    def metrics(self, network, val, device, distances):
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return {"heart": {"dice": 0.0 if distances else values[len(seen) - 1]}}

    monkeypatch.setattr(LandmarkTask, "metrics", metrics)
    return seen


def test_stops_and_keeps_the_best_average(labelled, tmp_path, scores, caplog):
    caplog.set_level("INFO", "cxrfactory")
    out = tmp_path / "w.safetensors"
    train_segmenter(labelled, out, MODEL, WAIT, CPU, tmp_path / "h.csv", tmp_path / "c.png")
    tensors, card = read_weights(out)
    assert (card["training"]["stopped_epoch"], card["training"]["kept_epoch"]) == (5, 3)
    history = pd.read_csv(tmp_path / "h.csv")
    assert list(history["epoch"]) == [1, 2, 3, 4, 5]
    assert history.loc[history["kept"] == 1, "epoch"].to_list() == [3]
    for name, value in tensors.items():
        np.testing.assert_array_equal(value, scores[2][name].numpy(), err_msg=name)
    assert not np.array_equal(tensors["encoder.mu.weight"], scores[4]["encoder.mu.weight"].numpy())
    assert "stopped after epoch 5: no better mean Dice since epoch 3" in caplog.text
    assert (tmp_path / "c.png").stat().st_size > 1000
    assert not list(tmp_path.glob("*.checkpoint"))


def test_resumed_run_stops_alike(labelled, tmp_path, scores, monkeypatch, break_after):
    train_segmenter(labelled, tmp_path / "whole.safetensors", MODEL, WAIT, CPU)
    scores.clear()
    inner = break_after(4)
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(labelled, tmp_path / "part.safetensors", MODEL, WAIT, CPU)
    monkeypatch.setattr(loop, "_epoch", inner)
    train_segmenter(labelled, tmp_path / "part.safetensors", MODEL, WAIT, CPU)
    assert len(scores) == 4 + 1 + 1  # four epochs, the fifth after the break, the metrics of the card
    for suffix in ("safetensors", "json"):
        whole, part = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("whole", "part"))
        assert whole == part
    assert json.loads(part)["training"]["kept_epoch"] == 3


def test_a_run_that_improves_to_the_end_is_whole(labelled, tmp_path, monkeypatch):
    torch.set_num_threads(1)
    rising = iter(np.linspace(0.1, 0.9, 20))
    monkeypatch.setattr(LandmarkTask, "metrics", lambda *each, **named: {"heart": {"dice": next(rising)}})
    short = WAIT.model_copy(update={"epochs": 3, "validate_every": 2})
    train_segmenter(labelled, tmp_path / "w.safetensors", MODEL, short, CPU)
    facts = read_weights(tmp_path / "w.safetensors")[1]["training"]
    assert (facts["stopped_epoch"], facts["kept_epoch"]) == (3, 3)


def test_selection_by_the_loss_keeps_the_smallest_and_ends_alike_after_a_break(
    labelled, tmp_path, monkeypatch, break_after, caplog
):
    torch.set_num_threads(1)
    settings = WAIT.model_copy(update={"select": "loss", "epochs": 5, "patience": 9, "optimizer": "adam", "clip": None})
    train_segmenter(labelled, tmp_path / "whole.safetensors", MODEL, settings, CPU, tmp_path / "h.csv")
    history = pd.read_csv(tmp_path / "h.csv")
    assert history["val_loss"].notna().all()
    kept = history.loc[history["kept"] == 1, "epoch"].item()
    assert kept == history.loc[history["val_loss"].idxmin(), "epoch"]
    inner = break_after(3)
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(labelled, tmp_path / "part.safetensors", MODEL, settings, CPU)
    monkeypatch.setattr(loop, "_epoch", inner)
    train_segmenter(labelled, tmp_path / "part.safetensors", MODEL, settings, CPU)
    whole, part = (read_weights(tmp_path / f"{name}.safetensors") for name in ("whole", "part"))
    assert whole[1]["sha256"] == part[1]["sha256"]
    assert whole[1]["training"]["optimizer"] == "adam"


@pytest.mark.parametrize("change", [{"optimizer": "adam"}, {"clip": None}])
def test_optimiser_and_clipping_change_the_weights(labelled, tmp_path, change):
    torch.set_num_threads(1)
    still = TrainConfig(epochs=2, batch_size=8, precision="fp32", validate_every=2, weight_decay=0.1, clip=1e-3)
    found = []
    for name, settings in (("a", still), ("b", still.model_copy(update=change))):
        train_segmenter(labelled, tmp_path / f"{name}.safetensors", MODEL, settings, CPU)
        found.append(read_weights(tmp_path / f"{name}.safetensors")[0]["encoder.mu.weight"])
    assert not np.array_equal(*found)


def test_selection_by_the_loss_needs_patience():
    with pytest.raises(ValueError, match="select is loss, patience null; selection needs patience"):
        TrainConfig(select="loss")
