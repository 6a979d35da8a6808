import json
from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.config import RegistrationConfig
from cxrfactory.errors import CxrError
from cxrfactory.models.registration import Alignment, RegistrationNet
from cxrfactory.rca.deep import open_registration
from cxrfactory.tables.weights import read_weights, sha256_of
from cxrfactory.train.registration import run as registration
from cxrfactory.train.registration.run import load_groups, train_registration, validate
from tests.rca.chests import write_labelled

SHORT = RegistrationConfig(steps=4, batch_size=4, partners=1, validate_every=2, threads=1)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


SMALL = partial(RegistrationNet, 32, (8, 8, 12, 16, 16))


@pytest.fixture(autouse=True)
def _small_network(monkeypatch):
    monkeypatch.setattr(registration, "RegistrationNet", SMALL)


def write_chests(path, train=6, val=2, labels="LH", prefix="i", seed=0):
    rng = np.random.default_rng(seed)
    hows = {
        f"{prefix}{number:02d}": {"shift": tuple(rng.uniform(-12, 12, 2)), "scale": rng.uniform(0.8, 1.1)}
        for number in range(train + val)
    }
    write_labelled(path, hows, labels, size=128, held_out=list(hows)[train:])
    return path


@pytest.fixture
def chests(tmp_path):
    return write_chests(tmp_path / "labelled.parquet")


def test_training_learns_and_writes_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(registration, "WARMUP_STEPS", 10)
    path = write_chests(tmp_path / "labelled.parquet", train=10, val=4)
    settings = RegistrationConfig(steps=80, batch_size=6, partners=2, validate_every=40, threads=1, learning_rate=2e-3)
    out = tmp_path / "r.safetensors"
    before = validate(SMALL().eval(), load_groups([path], "val", 32))
    metrics = train_registration([path], out, settings, tmp_path / "h.csv")
    assert list(metrics) == ["lungs-heart_right_lung", "lungs-heart_left_lung", "lungs-heart_heart", "folded"]
    for organ in list(metrics)[:3]:
        assert metrics[organ] > before[organ] + 0.08, organ
    assert metrics["folded"] < 0.01
    history = pd.read_csv(tmp_path / "h.csv")
    assert list(history["step"]) == [40, 80]
    assert history["dice"].iloc[-1] > history["dice"].iloc[0]
    assert history["val_lungs-heart_heart"].iloc[-1] == pytest.approx(metrics["lungs-heart_heart"], rel=1e-5)
    card = read_weights(out)[1]
    assert card["segmenter"] == "registration"
    assert card["data"] == {"train": 10, "val": 4, "labelled_sha256": [sha256_of(path)]}
    assert card["training"] == settings.model_dump()
    assert card["metrics"] == {"val": metrics}
    assert str(tmp_path) not in json.dumps(card)
    assert not list(tmp_path.glob("*.checkpoint"))
    net = open_registration(out)
    assert net.limit > 0
    assert net.whiten.abs().max() > 0


def test_same_settings_same_weights_and_another_seed_others(chests, tmp_path):
    for name, settings in (("a", SHORT), ("b", SHORT), ("c", SHORT.model_copy(update={"seed": 1}))):
        train_registration([chests], tmp_path / f"{name}.safetensors", settings)
    a, b, c = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_resumed_run_ends_as_the_unbroken_one(chests, tmp_path, monkeypatch, break_after):
    train_registration([chests], tmp_path / "whole.safetensors", SHORT, tmp_path / "whole.csv")
    inner = break_after(3, registration, "_step")
    out = tmp_path / "part.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_registration([chests], out, SHORT)
    assert not out.exists()
    assert len(list(tmp_path.glob("part.*.checkpoint"))) == 1
    steps = []
    monkeypatch.setattr(registration, "_step", lambda *given: steps.append(given[-1]) or inner(*given))
    train_registration([chests], out, SHORT, tmp_path / "part.csv")
    assert steps == [2, 3]
    assert out.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    rows = [pd.read_csv(tmp_path / f"{name}.csv").drop(columns="seconds") for name in ("whole", "part")]
    pd.testing.assert_frame_equal(*rows)
    assert not list(tmp_path.glob("*.checkpoint"))


def test_a_checkpoint_of_other_settings_is_left_alone(chests, tmp_path, monkeypatch, break_after):
    inner = break_after(3, registration, "_step")
    out = tmp_path / "r.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_registration([chests], out, SHORT)
    steps = []
    monkeypatch.setattr(registration, "_step", lambda *given: steps.append(given[-1]) or inner(*given))
    train_registration([chests], out, SHORT.model_copy(update={"bending": 0.5}))
    assert steps == [0, 1, 2, 3]
    assert len(list(tmp_path.glob("*.checkpoint"))) == 1


def test_definitions_are_grouped_apart_and_each_is_paired_with_its_own(tmp_path, monkeypatch):
    heart = write_chests(tmp_path / "lh.parquet", labels=["LH"] * 5 + ["L"] + ["LH"] * 3, train=6, val=3)
    whole = write_chests(tmp_path / "w.parquet", labels="W", prefix="w", train=4, val=2, seed=1)
    train = load_groups([heart, whole], "train", 32)
    assert [group.graph.name for group in train] == ["lungs-heart", "whole-lungs"]
    assert [len(group.chosen) for group in train] == [5, 4]  # i05 has no heart
    assert [group.weight for group in train] == [15, 8]
    assert [train[0].images.ids[index] for index in train[0].chosen] == ["i00", "i01", "i02", "i03", "i04"]
    assert {each[0] for each in train[1].images.ids} == {"w"}
    picked, annotations = train[1].pick(train[1].chosen[:3])
    assert picked.shape == (3, 1, 32, 32)
    assert 0 <= picked.min() < picked.max() <= 1
    assert annotations.points.shape == (3, 94, 2)
    used = Counter()
    fill = registration.filled
    monkeypatch.setattr(
        registration, "filled", lambda points, graph, side: used.update([graph.name]) or fill(points, graph, side)
    )
    metrics = train_registration([heart, whole], tmp_path / "r.safetensors", SHORT.model_copy(update={"steps": 8}))
    assert set(used) == {"lungs-heart", "whole-lungs"}
    assert set(metrics) == {"folded"} | {
        f"{graph}_{organ}"
        for graph, organs in (
            ("lungs-heart", ("right_lung", "left_lung", "heart")),
            ("whole-lungs", ("right_lung", "left_lung")),
        )
        for organ in organs
    }


def test_where_no_heart_is_labelled_the_lungs_are_registered(tmp_path):
    path = write_chests(tmp_path / "l.parquet", labels="L")
    assert [group.graph.name for group in load_groups([path], "train", 32)] == ["lungs"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            {"val": 1},
            r"labelled\.parquet: 1 images of split 'val' annotate all of 'lungs-heart'; registration needs pairs",
        ),
        ({"val": 0}, r"labelled\.parquet: no image has split 'val'; expected 'train' and 'val'"),
        ({"train": 1}, r"1 images of split 'train' annotate all of 'lungs-heart'"),
    ],
)
def test_too_few_images_are_one_line(tmp_path, how, said):
    path = write_chests(tmp_path / "labelled.parquet", **how)
    with pytest.raises(CxrError, match=said) as caught:
        train_registration([path], tmp_path / "r.safetensors", SHORT)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "r.safetensors").exists()


def test_validation_of_the_identity_is_the_overlap_of_the_masks(chests):
    class Still(RegistrationNet):
        def align(self, moving, fixed):
            return Alignment(torch.eye(2, 3).expand(len(moving), 2, 3), torch.zeros(len(moving), 2, 8, 8))

    groups = load_groups([chests], "val", 32)
    found = validate(Still(32).eval(), groups)
    masks = registration.filled(groups[0].pick(groups[0].chosen)[1].points, groups[0].graph, 256)
    expected = registration.soft_dice(masks[:1], masks[1:])[0]
    np.testing.assert_allclose(list(found.values()), [*expected, 0.0], atol=2e-3)
