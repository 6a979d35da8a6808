import json

import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.course import learning_rate
from cxrfactory.train.data.images import epoch_batches, load_labelled, mean_shape
from cxrfactory.train.segmenter import loop, run
from cxrfactory.train.segmenter.run import train_segmenter

CPU = torch.device("cpu")
MODEL = ModelConfig(input_size=64)
SHORT = TrainConfig(epochs=4, batch_size=4, validate_every=2, precision="fp32")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def test_training_learns_and_writes_everything(labelled, tmp_path):
    settings = TrainConfig(epochs=60, batch_size=4, validate_every=30, precision="fp32", learning_rate=1e-3)
    out = tmp_path / "w.safetensors"
    metrics = train_segmenter(labelled, out, MODEL, settings, CPU, tmp_path / "h.csv", tmp_path / "c.png")
    assert metrics["lungs"]["dice"] > 0.85
    assert set(metrics["heart"]) == {"dice", "hd_px", "hd95_px"}
    tensors, card = read_weights(out)
    assert card["settings"]["graph"] == "lungs-heart"
    assert card["metrics"]["val"]["lungs"]["dice"] == metrics["lungs"]["dice"]
    assert tensors["mean_shape"].shape == (120, 2)
    history = pd.read_csv(tmp_path / "h.csv")
    assert list(history["epoch"]) == list(range(1, 61))
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert (tmp_path / "c.png").stat().st_size > 1000
    assert not list(tmp_path.glob("*.checkpoint"))


def test_training_without_a_source_is_training_on_the_others(labelled, tmp_path):
    table = read_table(labelled, LABELLED_IMAGES)
    others = table.assign(image_id="other-" + table["image_id"], source="Other")
    write_table(others, tmp_path / "other.parquet", LABELLED_IMAGES)
    both = [labelled, tmp_path / "other.parquet"]
    train_segmenter(both, tmp_path / "left.safetensors", MODEL, SHORT, CPU, without_sources=["Other"])
    train_segmenter(labelled, tmp_path / "own.safetensors", MODEL, SHORT, CPU)
    (left, card), (own, own_card) = (read_weights(tmp_path / f"{name}.safetensors") for name in ("left", "own"))
    assert all((left[name] == value).all() for name, value in own.items())
    assert card["data"]["without_sources"] == ["Other"]
    assert "without_sources" not in own_card["data"]
    assert {key: card["data"][key] for key in ("train", "val")} == {"train": 12, "val": 4}


def test_a_run_without_a_source_does_not_go_on_from_one_with_it(labelled, tmp_path, monkeypatch, break_after):
    table = read_table(labelled, LABELLED_IMAGES)
    table.loc[table.index % 2 == 0, "source"] = "Other"
    write_table(table, tmp_path / "two.parquet", LABELLED_IMAGES)
    inner = break_after(3)
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(tmp_path / "two.parquet", tmp_path / "w.safetensors", MODEL, SHORT, CPU)
    assert len(list(tmp_path.glob("w.*.checkpoint"))) == 1
    epochs = []
    monkeypatch.setattr(loop, "_epoch", lambda *arguments: epochs.append(arguments[-1]) or inner(*arguments))
    train_segmenter(tmp_path / "two.parquet", tmp_path / "w.safetensors", MODEL, SHORT, CPU, without_sources=["Other"])
    assert epochs == [0, 1, 2, 3]


def test_same_settings_same_weights(labelled, tmp_path):
    for name in ("a", "b"):
        train_segmenter(labelled, tmp_path / f"{name}.safetensors", MODEL, SHORT, CPU)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_resumed_run_ends_as_the_unbroken_one(labelled, tmp_path, monkeypatch, break_after):
    train_segmenter(labelled, tmp_path / "whole.safetensors", MODEL, SHORT, CPU)
    whole = read_weights(tmp_path / "whole.safetensors")[0]
    inner = break_after(3)
    out = tmp_path / "part.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(labelled, out, MODEL, SHORT, CPU)
    assert not out.exists()
    assert list(tmp_path.glob("part.*.checkpoint"))
    epochs = []
    monkeypatch.setattr(loop, "_epoch", lambda *arguments: epochs.append(arguments[-1]) or inner(*arguments))
    train_segmenter(labelled, out, MODEL, SHORT, CPU)
    assert epochs == [2, 3]
    part = read_weights(out)[0]
    for name, value in whole.items():
        np.testing.assert_array_equal(value, part[name], err_msg=name)


def test_other_settings_do_not_resume_a_checkpoint(labelled, tmp_path):
    stale = tmp_path / "w.0123456789abcdef.checkpoint"
    stale.write_bytes(b"not one of ours")
    train_segmenter(labelled, tmp_path / "w.safetensors", MODEL, SHORT, CPU)
    assert stale.exists()


@pytest.mark.parametrize(("count", "sizes"), [(12, [3, 3, 3, 3]), (13, [3, 3, 3, 4]), (14, [3, 3, 3, 3, 2]), (1, [1])])
def test_batches_mix_labels_hold_every_image_once_and_never_one_alone(count, sizes):
    batches = epoch_batches(np.arange(count), 3, np.random.default_rng(0))
    assert sorted(np.concatenate(batches)) == list(range(count))
    assert [len(batch) for batch in batches] == sizes
    again = epoch_batches(np.arange(count), 3, np.random.default_rng(0))
    assert all((one == other).all() for one, other in zip(batches, again, strict=True))


def test_mean_shape_uses_the_images_that_annotate_a_node():
    full, lungs = np.full((120, 2), 0.2, np.float32), np.full((120, 2), 0.4, np.float32)
    lungs[94:] = np.nan
    mean = mean_shape(np.stack([full, lungs]))
    np.testing.assert_allclose(mean[:94], 0.3)
    np.testing.assert_allclose(mean[94:], 0.2)


def test_annotations_beyond_the_graph_are_cut(labelled):
    data = load_labelled(labelled, "train", landmark_graph("lungs"), 64)
    assert data.targets.shape == (12, 94, 2)
    assert np.isfinite(data.targets).all()


def test_graph_that_nobody_annotates_is_refused(labelled):
    with pytest.raises(CxrError, match="split 'train': no image annotates the right clavicle; choose a"):
        load_labelled(labelled, "train", landmark_graph("lungs-heart-clavicles"), 64)


def test_missing_split_is_named(labelled):
    with pytest.raises(CxrError, match="no image has split 'test'"):
        load_labelled(labelled, "test", landmark_graph("lungs"), 64)


@pytest.mark.parametrize(("schedule", "first", "last"), [("cosine", 0.0, 0.0), ("step", 1e-3, 1e-3 * 0.9**2)])
def test_learning_rate(schedule, first, last):
    settings = TrainConfig(schedule=schedule, step_epochs=10, epochs=30, learning_rate=1e-3)
    assert learning_rate(settings, 0.0, 0) == pytest.approx(first)
    assert learning_rate(settings, 1.0, 29) == pytest.approx(last, abs=1e-9)


def test_card_of_other_weights_is_refused(labelled, tmp_path):
    out = tmp_path / "w.safetensors"
    train_segmenter(labelled, out, MODEL, SHORT, CPU)
    card = json.loads(out.with_suffix(".json").read_text())
    out.with_suffix(".json").write_text(json.dumps({**card, "sha256": "0" * 64}))
    with pytest.raises(CxrError, match="the card is of other weights"):
        read_weights(out)


def test_training_goes_on_from_weights_of_the_same_network(labelled, tmp_path):
    train_segmenter(labelled, tmp_path / "first.safetensors", MODEL, SHORT, CPU)
    still = SHORT.model_copy(update={"epochs": 1, "learning_rate": 1e-12, "weight_decay": 0.0, "average": 0.0})
    train_segmenter(labelled, tmp_path / "second.safetensors", MODEL, still, CPU, init=tmp_path / "first.safetensors")
    first, second = (read_weights(tmp_path / f"{name}.safetensors") for name in ("first", "second"))
    np.testing.assert_array_equal(first[0]["mean_shape"], second[0]["mean_shape"])
    np.testing.assert_allclose(first[0]["encoder.mu.weight"], second[0]["encoder.mu.weight"], atol=1e-6)
    assert second[1]["training"]["init_sha256"] == first[1]["sha256"]
    other = MODEL.model_copy(update={"igsc": [5], "passes": 1})
    with pytest.raises(CxrError, match=r"igsc is .*; expected \[5\], as in the network that is trained"):
        train_segmenter(labelled, tmp_path / "x.safetensors", other, SHORT, CPU, init=tmp_path / "first.safetensors")
    larger = MODEL.model_copy(update={"input_size": MODEL.input_size * 2})
    with pytest.raises(CxrError, match="input_size is"):  # the shapes of the code's layers depend on it
        train_segmenter(labelled, tmp_path / "x.safetensors", larger, SHORT, CPU, init=tmp_path / "first.safetensors")


def test_a_pixel_network_goes_on_at_another_input_size(labelled, tmp_path):
    small = MODEL.model_copy(update={"segmenter": "unet", "width": 4})
    still = SHORT.model_copy(update={"epochs": 1, "learning_rate": 1e-12, "weight_decay": 0.0, "average": 0.0})
    train_segmenter(labelled, tmp_path / "first.safetensors", small, SHORT, CPU)
    larger = small.model_copy(update={"input_size": small.input_size * 2})
    train_segmenter(labelled, tmp_path / "second.safetensors", larger, still, CPU, init=tmp_path / "first.safetensors")
    first, second = (read_weights(tmp_path / f"{name}.safetensors")[0] for name in ("first", "second"))
    for name, value in first.items():
        if name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            continue  # statistics of the images
        np.testing.assert_allclose(second[name], value, atol=1e-5, err_msg=name)


def test_an_error_about_other_structures_lists_a_few():
    found, wanted = [f"rib {number}" for number in range(90)], [f"rib {number}" for number in range(1, 80)]
    text = run._other("organs", found, wanted)
    assert text == (
        "organs differ; only in the weights: rib 0, rib 80, rib 81, rib 82, rib 83 and 6 more; "
        "only in the network that is trained: none"
    )


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ({}, {"mirror": 0.5}, "mirror is 0.5 for a network that learns right_lung"),
        (
            {"segmenter": "unet"},
            {"padding": "reflection"},
            "padding is reflection for a network that learns right_lung",
        ),
        ({"segmenter": "unet", "organs": ["right_whole_lung"]}, {"mirror": 0.1}, "learns right_whole_lung"),
    ],
)
def test_images_are_not_mirrored_where_regions_have_sides(labelled, tmp_path, model, settings, message):
    model = ModelConfig(**{"input_size": 64} | model)
    with pytest.raises(CxrError, match=message):
        train_segmenter(labelled, tmp_path / "w.safetensors", model, TrainConfig(epochs=1, **settings), CPU)


def test_lstm_blocks_are_settings_of_res_cr_net_alone():
    assert ModelConfig(segmenter="res-cr-net", lstm_blocks=2).network_settings()["lstm_blocks"] == 2
    assert "lstm_blocks" not in ModelConfig(segmenter="res-cr-net").network_settings()
    assert "lstm_blocks" not in ModelConfig(segmenter="unet", lstm_blocks=2).network_settings()
    assert "lstm_blocks" not in ModelConfig(segmenter="hybrid-unet", lstm_blocks=2).network_settings()
