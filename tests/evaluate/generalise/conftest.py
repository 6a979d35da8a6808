import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.config.generalise import GeneraliseTestConfig
from cxrfactory.evaluate.generalise.testing import measure_model
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.train.segmenter.run import train_segmenter
from tests.evaluate.generalise.hospitals import hospital


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """Labelled tables of two hospitals, eight images each, two of them in split ``val``."""
    folder = tmp_path_factory.mktemp("hospitals")
    return [hospital(folder / f"{name}.parquet", name) for name in ("North", "South")]


@pytest.fixture(scope="session")
def trained(tables, tmp_path_factory):
    """Weights of two epochs, trained without South and with both."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    short = TrainConfig(epochs=2, batch_size=4, validate_every=2, precision="fp32", threads=1)
    found = {}
    for name, without in {"without-South": ["South"], "all": []}.items():
        found[name] = folder / f"{name}.safetensors"
        train_segmenter(
            *(tables, found[name], ModelConfig(input_size=32), short, torch.device("cpu")), without_sources=without
        )
    return found


@pytest.fixture(scope="session")
def tests(tables, trained, tmp_path_factory):
    """Folders of both models' tests."""
    folder = tmp_path_factory.mktemp("tests")
    settings = GeneraliseTestConfig(samples=3, worst=4)
    measure_model(tables, trained["without-South"], folder / "without-South", settings, ["South"])
    measure_model(tables, trained["all"], folder / "all", settings, pixel_mm={"North": 0.2})
    return folder


@pytest.fixture
def table_of(tables):
    """Rows of both tables by id."""
    frames = [read_table(path, LABELLED_IMAGES) for path in tables]
    return pd.concat(frames).set_index("image_id")


@pytest.fixture
def images():
    """Measured images of two sources: ten unseen and two seen of each, whose lungs Dice falls with the number."""
    rows = []
    for place, source in enumerate(("North", "South")):
        for number in range(10):
            dice = 1 - 0.02 * number - 0.1 * place
            row = {"image_id": f"{source}-{number}", "patient_id": "p", "source": source, "unseen": True}
            row |= {"split": "val" if number < 2 else "train", "ctr_true": 0.4 + 0.01 * number}
            row["ctr"] = row["ctr_true"] + (0.02 if number % 2 else -0.02)
            for organ in ("right_lung", "left_lung", "lungs", "heart", "outline"):
                row |= {f"dice_{organ}": dice, f"hd95_px_{organ}": 10.0 + number, f"hd95_mm_{organ}": np.nan}
            row |= dict.fromkeys(("dice_whole_lungs", "hd95_px_whole_lungs", "hd95_mm_whole_lungs"), np.nan)
            rows.append(row)
        rows += [row | {"unseen": False, "dice_lungs": row["dice_lungs"] + 0.01} for row in rows[-10:-8]]
    return pd.DataFrame(rows)
