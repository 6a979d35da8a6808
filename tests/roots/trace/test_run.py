"""Single pictures to RSML, traits and overlays, by masks whose roots are known."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.roots import RootsGraphConfig, RootsReadConfig, RootsSegmentConfig
from cxrfactory.errors import CxrError
from cxrfactory.roots.trace.run import TraceSettings, trace_pictures
from cxrfactory.tables.rsml import read_rsml
from tests.geometry.roots.drawn import drawn

LINES = [[(100, 40), (104, 240)], [(102, 120), (160, 170)], [(300, 50), (296, 300)]]


def _settings(**scale) -> TraceSettings:
    return TraceSettings(RootsReadConfig(**scale), RootsSegmentConfig(), RootsGraphConfig())


def _pair(folder: Path, name: str = "plate") -> tuple[Path, Path]:
    root = drawn(LINES)
    rng = np.random.default_rng(0)
    picture = np.clip(60 + 120 * root + rng.normal(0, 5, root.shape), 0, 255).astype(np.uint8)
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), picture)
    cv2.imwrite(str(folder / f"{name}_mask.png"), root.astype(np.uint8) * 255)
    return folder / f"{name}.png", folder / f"{name}_mask.png"


def test_a_picture_and_its_mask_give_rsml_traits_and_overlay(tmp_path):
    picture, mask = _pair(tmp_path)
    rows = trace_pictures([picture], tmp_path / "out", _settings(mm_per_pixel="100 px/cm"), [mask])
    names = {"plate.rsml", "plate.jpg", "plate.mask.png", "traits.csv", "laterals.csv", "plants.csv"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    traits = pd.read_csv(tmp_path / "out" / "traits.csv")
    assert traits["picture"].tolist() == ["plate", "plate"]
    assert traits["laterals"].tolist() == [1, 0]
    assert traits["main_length_mm"].tolist() == pytest.approx([20.0, 25.0], rel=0.02)
    assert [row["plant"] for row in rows] == ["1", "2"]
    scene = read_rsml(tmp_path / "out" / "plate.rsml")
    assert [[root.id for root in plant.roots] for plant in scene.plants] == [["1-1"], ["2-1"]]
    assert [root.id for root in scene.plants[0].roots[0].roots] == ["1-1.1"]
    assert (scene.metadata.unit, scene.metadata.resolution) == ("mm", 10.0)
    assert cv2.imread(str(tmp_path / "out" / "plate.jpg")) is not None


def test_a_mask_without_its_picture_is_traced_too(tmp_path):
    _, mask = _pair(tmp_path)
    rows = trace_pictures([mask], tmp_path / "out", _settings(), [mask])
    assert [row["laterals"] for row in rows] == [1, 0]
    assert rows[0]["main_length_px"] == pytest.approx(200, rel=0.02)


def test_several_pictures_take_their_masks_in_order(tmp_path):
    pairs = [_pair(tmp_path, name) for name in "ba"]
    rows = trace_pictures(*([[pair[0] for pair in pairs], tmp_path / "out", _settings(), [pair[1] for pair in pairs]]))
    assert [row["picture"] for row in rows] == ["a", "a", "b", "b"]


def test_seeds_may_be_given(tmp_path):
    picture, mask = _pair(tmp_path)
    table = tmp_path / "seeds.csv"
    table.write_text("plate,plant,seed_x,seed_y\nplate,wild,300,50\n")
    rows = trace_pictures([picture], tmp_path / "out", _settings(), [mask], plants_table=table)
    assert [row["plant"] for row in rows] == ["wild"]


def test_what_cannot_be_traced_is_one_line(tmp_path, caplog):
    picture, mask = _pair(tmp_path)
    small = tmp_path / "small.png"
    cv2.imwrite(str(small), cv2.imread(str(mask), 0)[:, :300])
    full = tmp_path / "full"
    _pair(full)
    for output, masks, message in (
        ("out", [], "give --mask with a mask of them, or --weights"),
        ("out", [mask, mask], "1 pictures and 2 masks"),
        ("out", [small], "300 x 400 pixels; its picture plate.png has 500 x 400"),
        ("out", [picture], "a grey picture, not a mask"),
        ("full", [mask], "the folder is not empty"),
    ):
        with pytest.raises(CxrError, match=message):
            trace_pictures([picture], tmp_path / output, _settings(), masks)
        assert not (tmp_path / "out").exists()
    caplog.clear()
    with caplog.at_level(logging.WARNING, "cxrfactory"):
        trace_pictures([picture], tmp_path / "out", _settings(), [mask])
    assert [record.getMessage() for record in caplog.records] == [
        "plate: no scale, so lengths are in pixels; give --mm-per-pixel if you know it"
    ]
