import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.models.curves import plot_histories, read_histories
from cxrfactory.evaluate.models.naming import model_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/mine.safetensors", "mine"),
        ("results/weights/sa-unet/weights.safetensors", "sa-unet"),
        ("results/weights/sa-unet/history.csv", "sa-unet"),
        ("weights.safetensors", "weights"),
        ("pretrained", "pretrained"),
    ],
)
def test_generic_files_take_their_folders_name(path, name):
    assert model_name(path) == name


def history(dice):
    epochs = np.arange(1, 7)
    frame = pd.DataFrame({"epoch": epochs, "loss": 1 / epochs, "learning_rate": 1e-3, "seconds": 1.0})
    frame.loc[[1, 3, 5], "val_dice_lungs"] = dice
    frame.loc[[1, 3, 5], "val_dice_heart"] = np.array(dice) - 0.1
    return frame


def test_every_training_is_drawn(tmp_path):
    paths = {}
    for name, dice in (("one", [0.5, 0.8, 0.7]), ("two", [0.3, 0.4, 0.6])):
        paths[name] = tmp_path / f"{name}.csv"
        frame = history(dice)
        if name == "one":
            frame.loc[3, "kept"] = 1
        frame.to_csv(paths[name], index=False)
    found = read_histories(paths)
    assert list(found) == ["one", "two"]
    plot_histories(found, tmp_path / "both.png")
    plot_histories({"one": found["one"]}, tmp_path / "one.png")
    both, one = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("both", "one"))
    assert both.shape == one.shape
    orange = (abs(both.astype(int) - (14, 127, 255)) < 12).all(axis=-1)  # C1, blue first
    assert orange.sum() > 100
    assert not (abs(one.astype(int) - (14, 127, 255)) < 12).all(axis=-1).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file; expected the CSV that train writes"),
        ("", "not readable as CSV"),
        ("epoch,loss\n", "0 rows"),
        ("epoch,dice\n1,0.5\n", r"columns \['epoch', 'dice'\]; expected epoch and loss"),
    ],
)
def test_errors_are_one_line(tmp_path, text, message):
    path = tmp_path / "history.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CxrError, match=message) as caught:
        read_histories({"m": path})
    assert "\n" not in str(caught.value)
