from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from cxrfactory.cli.people.mask_to_landmarks import mask_to_landmarks
from cxrfactory.cli.people.train import train_mask_landmarks
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_VIEWS
from tests.labelling.test_table_landmarks import masks, row


@pytest.fixture
def app():
    app = typer.Typer()
    app.command("mask-to-landmarks")(mask_to_landmarks)
    app.command("train-mask-landmarks")(train_mask_landmarks)
    return app


def test_label_maps_to_rows(app, tmp_path: Path):
    labels = np.zeros((200, 200), np.uint8)
    cv2.ellipse(labels, (60, 100), (30, 70), 0, 0, 360, 2, -1)
    cv2.ellipse(labels, (140, 100), (30, 70), 0, 0, 360, 1, -1)
    save_png(labels, tmp_path / "in" / "a.png")
    output = tmp_path / "out.csv"
    values = ["--value", "right_lung=2", "--value", "left_lung=1"]
    arguments = ["mask-to-landmarks", str(tmp_path / "in"), "--output", str(output), *values]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    table = read_chexmask(output)
    assert table["image_id"].tolist() == ["a"]
    assert len(table["Landmarks"][0]) == 94
    assert table["Landmarks"][0][:44, 0].mean() < 100 < table["Landmarks"][0][44:, 0].mean()


def test_user_errors_come_through(app, tmp_path: Path):
    arguments = ["mask-to-landmarks", str(tmp_path), "--output", str(tmp_path / "out.csv")]
    with pytest.raises(CxrError, match="no PNG file"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    arguments = ["train-mask-landmarks", "--root", str(tmp_path), "--output", str(tmp_path / "models.npz")]
    with pytest.raises(CxrError, match="no such file"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_a_labelled_table_becomes_a_labelled_table(app, tmp_path: Path):
    pq.write_table(pa.Table.from_pylist([row("a", masks())], schema=LABELLED_VIEWS), tmp_path / "masks.parquet")
    arguments = ["mask-to-landmarks", str(tmp_path / "masks.parquet"), "--output", str(tmp_path / "out.parquet")]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    assert read_table(tmp_path / "out.parquet", LABELLED_VIEWS)["labels"].tolist() == ["LHC"]
    with pytest.raises(CxrError, match="a folder of masks gives a CSV"):
        CliRunner().invoke(app, ["mask-to-landmarks", str(tmp_path), *arguments[2:]], catch_exceptions=False)
    with pytest.raises(CxrError, match="takes no --value"):
        CliRunner().invoke(app, [*arguments, "--frame", "512"], catch_exceptions=False)
