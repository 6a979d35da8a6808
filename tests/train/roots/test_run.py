import json

import numpy as np
import pandas as pd
import pytest
import torch

import cxrfactory.train.roots.run as training
from cxrfactory.config.roots import RootsTrainConfig
from cxrfactory.models.roots.example_table import RootExample, write_example_table
from cxrfactory.models.roots.networks import build, read_network
from cxrfactory.models.roots.normalise import local_contrast
from cxrfactory.train.roots.run import train_roots

CPU = torch.device("cpu")
SETTINGS = RootsTrainConfig(steps=6, patch_px=32, train_batch_size=2, learning_rate=5e-3)


def _example(number: int, split: str) -> RootExample:
    rng = np.random.default_rng(number)
    mask = np.zeros((64, 72), np.uint8)
    column = int(rng.integers(10, 60))
    mask[8:56, column : column + 4] = 1
    grey = np.clip(90 + 70 * mask + rng.normal(0, 3, mask.shape), 0, 255).astype(np.uint8)
    return RootExample(f"p{number}", split, grey, mask)


@pytest.fixture
def examples(tmp_path):
    write_example_table(tmp_path / "e.parquet", [_example(n, "validate" if n > 2 else "train") for n in range(5)])
    return tmp_path / "e.parquet"


def _bytes(path) -> bytes:
    return path.read_bytes() + path.with_suffix(".json").read_bytes()


def test_interrupted_training_ends_with_the_same_bytes(examples, tmp_path, monkeypatch) -> None:
    train_roots(examples, "unet", tmp_path / "whole.safetensors", None, SETTINGS, CPU)
    drawn, calls = training.draw_batch, []

    def stops(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return drawn(*arguments)

    monkeypatch.setattr(training, "draw_batch", stops)
    with pytest.raises(KeyboardInterrupt):
        train_roots(examples, "unet", tmp_path / "cut.safetensors", None, SETTINGS, CPU)
    assert len(list(tmp_path.glob("cut.*.checkpoint"))) == 1
    monkeypatch.setattr(training, "draw_batch", drawn)
    before = len(calls)
    train_roots(examples, "unet", tmp_path / "cut.safetensors", tmp_path / "h.csv", SETTINGS, CPU)
    assert before == 4
    assert _bytes(tmp_path / "whole.safetensors") == _bytes(tmp_path / "cut.safetensors")
    assert not list(tmp_path.glob("*.checkpoint"))
    assert list(pd.read_csv(tmp_path / "h.csv")["epoch"]) == [1, 2, 3, 4, 5, 6]


def test_card_and_measures(examples, tmp_path) -> None:
    found = train_roots(examples, "ds-resunet", tmp_path / "w.safetensors", None, SETTINGS, CPU)
    card = json.loads((tmp_path / "w.json").read_text())
    assert card["segmenter"] == "ds-resunet"
    assert card["metrics"]["validate"] == found
    assert card["data"]["train"], card["data"]["validate"] == (3, 2)
    assert set(found) == {"val_dice", "val_precision", "val_recall", "val_pooled_dice"}
    name, network, shrink = read_network(tmp_path / "w.safetensors", CPU)
    assert (name, shrink) == ("ds-resunet", 1)
    assert not network.training


def test_training_learns_and_leaves_the_number_of_threads(examples, tmp_path) -> None:
    before = torch.get_num_threads()
    settings = RootsTrainConfig(steps=40, patch_px=32, train_batch_size=4, learning_rate=1e-2)
    found = train_roots(examples, "unet", tmp_path / "w.safetensors", None, settings, CPU)
    assert found["val_pooled_dice"] > 0.6
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("name", ["unet", "resunet", "ds-resunet", "segnet"])
def test_calibration_lowers_logits_by_what_it_says(name: str) -> None:
    torch.manual_seed(0)
    network, example = build(name), _example(0, "train")
    picture = torch.from_numpy(local_contrast(example.grey))[None, None, :, :64]
    with torch.inference_mode():
        before = network.eval()(picture)
        by = training.calibrate(name, network, [example], CPU)
        after = network.eval()(picture)
    torch.testing.assert_close(before - after, torch.full_like(before, by), rtol=1e-4, atol=1e-4)


def test_calibrated_threshold_is_the_best_one() -> None:
    example = _example(0, "train")

    class Known(torch.nn.Module):
        """The logit is 3.9 on roots, 1.9 beside them and -2 elsewhere."""

        def __init__(self) -> None:
            super().__init__()
            self.shift = torch.nn.Parameter(torch.zeros(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            border = (x.shape[-1] - example.mask.shape[1]) // 2  # the picture is seen with a mirrored border
            mask = torch.from_numpy(np.pad(example.mask, border, mode="symmetric").astype(np.float32))[None, None]
            near = torch.nn.functional.max_pool2d(mask, 3, 1, 1)
            return 3.9 * near + 2 * mask - 2 + self.shift[1] - self.shift[0]

    network = Known()
    assert training.calibrate("unet", network, [example], CPU) == 2.0  # the first above the edges
    share = torch.sigmoid(network(torch.zeros(1, 1, 64, 72)))[0, 0].detach().numpy()
    np.testing.assert_array_equal(share >= 0.5, example.mask > 0)


def test_overlap() -> None:
    assert training._overlap(3, 4, 6) == (0.6, 0.75, 0.5)
    assert training._overlap(0, 0, 0) == (1.0, 1.0, 1.0)
    assert training._overlap(0, 0, 5) == (0.0, 1.0, 0.0)
