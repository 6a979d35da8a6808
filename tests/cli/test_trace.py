"""The command trace: its options reach the steps."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from cxrfactory.cli.people.trace import trace
from cxrfactory.errors import CxrError


@pytest.fixture
def app():
    app = typer.Typer()
    app.command("trace")(trace)
    app.callback()(lambda: None)
    return app


def _pair(folder: Path) -> tuple[str, str]:
    mask = np.zeros((300, 300), np.uint8)
    cv2.polylines(mask, [np.array([[150, 40], [156, 120], [150, 240]])], False, 255, 5)
    picture = np.random.default_rng(0).integers(40, 60, mask.shape).astype(np.uint8) + mask // 2
    cv2.imwrite(str(folder / "plate.png"), picture)
    cv2.imwrite(str(folder / "mask.png"), mask)
    return str(folder / "plate.png"), str(folder / "mask.png")


def test_a_picture_with_a_mask_is_traced(app, tmp_path):
    picture, mask = _pair(tmp_path)
    words = ["trace", picture, "--mask", mask, "--output", str(tmp_path / "out"), "--mm-per-pixel", "50 px/cm"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    traits = pd.read_csv(tmp_path / "out" / "traits.csv")
    assert traits["mm_per_pixel"].tolist() == [0.2]
    assert traits["main_length_mm"].iloc[0] == pytest.approx(40, rel=0.03)


def test_a_scale_without_unit_is_one_line(app, tmp_path):
    picture, mask = _pair(tmp_path)
    words = ["trace", picture, "--mask", mask, "--output", str(tmp_path / "out"), "--mm-per-pixel", "50"]
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, CxrError)
    assert "--mm-per-pixel: expected mm of a pixel" in str(error)
