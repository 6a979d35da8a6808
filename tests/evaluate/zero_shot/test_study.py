import json

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cxrfactory.config.zero_shot import ZeroShotTestConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.zero_shot.calibrate import calibrate, validation
from cxrfactory.evaluate.zero_shot.study import zero_shot
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.models.anatomy.network import AnatomyNetwork
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.models.stub_structures import film, use_bands, write_bands

NAMES = ["right_clavicle", "left_clavicle", "heart"]
BOXES = {1: (8, 8, 28, 48), 2: (8, 64, 28, 104), 3: (40, 40, 80, 76)}
SETTINGS = ZeroShotTestConfig(resamples=20)
RECIPE = Preparation(size=128, remove_borders=False)


def table(path, views=False, shift=0):
    """Two films with the truth of their structures, the second moved down by ``shift`` pixels."""
    rows = []
    for number in range(2):
        boxes = {
            each: (top + number, left, bottom + number, right) for each, (top, left, bottom, right) in BOXES.items()
        }
        true = film({each: (t + shift, left, b + shift, r) for each, (t, left, b, r) in boxes.items()}, 128)
        regions = [
            {"name": name, "png": encode_png((true == 20 * (place + 1)).astype(np.uint8) * np.uint8(255))}
            for place, name in enumerate(NAMES)
        ]
        geometry = dict.fromkeys(["crop_top", "crop_left"], 0) | dict.fromkeys(
            ["original_height", "original_width", "crop_height", "crop_width", "size"], 128
        )
        rows.append(
            {"image_id": f"f{number}", "png": encode_png(film(boxes, 128)), **geometry, "orientation": 1,
             "patient_id": f"p{number}", "source": "Virtual" if views else "Real", "labels": "M", "split": "val",
             "landmarks": np.zeros(0, np.float32), "regions": regions, **({"view": "PA"} if views else {})}
        )  # fmt: skip
    schema = pa.schema([*LABELLED_IMAGES, pa.field("view", pa.string())]) if views else LABELLED_IMAGES
    write_table(pd.DataFrame(rows), path, schema)
    return path


@pytest.fixture
def weights(monkeypatch, tmp_path):
    use_bands(monkeypatch)
    return write_bands(tmp_path / "w.safetensors", NAMES, 128)


def test_masks_that_equal_the_truth_have_a_dice_of_one(weights, tmp_path):
    real = table(tmp_path / "real.parquet")
    made = zero_shot(AnatomyNetwork(weights), [real], [], None, SETTINGS, RECIPE, tmp_path / "out")
    found = made["summary"].set_index("region")
    assert list(found.index) == ["clavicles", "heart", "left_clavicle", "right_clavicle"]
    assert found.loc[["left_clavicle", "right_clavicle", "clavicles"], "dice"].tolist() == pytest.approx(
        [1, 1, 1], abs=1e-3
    )
    assert found.loc["clavicles", ["films", "hd95_px"]].tolist() == [2, 0]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{name}.csv" for name in (
            "scores", "structures", "agreement", "vertebrae", "summary", "published", "plausibility", "spine",
        )
    }  # fmt: skip
    again = zero_shot(AnatomyNetwork(weights), [real], [], None, SETTINGS, RECIPE, tmp_path / "again")
    assert (tmp_path / "out" / "scores.csv").read_bytes() == (tmp_path / "again" / "scores.csv").read_bytes()
    assert again["scores"].equals(made["scores"])
    with pytest.raises(CxrError, match="nothing to test on"):
        zero_shot(AnatomyNetwork(weights), [], [], None, SETTINGS, RECIPE)


def test_the_calibration_writes_thresholds_places_confidence_and_validation(weights, tmp_path):
    known, real = table(tmp_path / "known.parquet", views=True), table(tmp_path / "real.parquet")
    out = tmp_path / "calibrated.safetensors"
    card = calibrate(weights, [known], [real], [], None, out, SETTINGS, RECIPE, evidence=tmp_path / "evidence")
    stored = json.loads(out.with_suffix(".json").read_text())["anatomy"]
    assert stored == card.as_entry() == AnatomyNetwork(out).card.as_entry()
    names = ["heart", "left clavicle", "right clavicle"]
    assert stored["views"] == ["PA"]
    assert stored["thresholds"] == {"PA": dict.fromkeys(names, 0.5)}
    assert stored["validated"]["PA"]["left clavicle"] == "truth"
    table_of = pd.read_csv(tmp_path / "evidence" / "known.csv").set_index("structure")
    assert table_of["dice"].to_dict() == pytest.approx(dict.fromkeys(names, 1.0), abs=3e-3)
    assert card.calibrated_on == "2 films of known truth"


def made(dice, plausible, hits=()):
    regions = ["right_clavicle", "left_clavicle"]
    shares = [("PA", "left clavicle", plausible), ("PA", "trachea", plausible), ("LL", "left clavicle", plausible)]
    return {
        "scores": pd.DataFrame({"region": regions, "dice": [dice, dice]}),
        "spine": pd.DataFrame(hits, columns=["structure", "hit"]),
        "plausibility": pd.DataFrame(shares, columns=["view", "structure", "plausible"]).assign(films=10),
    }


def test_truth_decides_where_there_is_one_and_plausibility_elsewhere():
    index = pd.MultiIndex.from_tuples([("PA", "left clavicle"), ("PA", "trachea"), ("LL", "left clavicle")])
    good = pd.Series([0.9, 0.9, 0.9], index)
    assert validation(made(0.8, 0.95), good) == {
        "LL": {"left clavicle": "plausible"},
        "PA": {"left clavicle": "truth", "right clavicle": "truth", "trachea": "plausible"},
    }
    assert validation(made(0.7, 0.95), good)["PA"] == {"trachea": "plausible"}
    assert validation(made(0.8, 0.85), good) == {"PA": {"left clavicle": "truth", "right clavicle": "truth"}}
    assert "LL" not in validation(made(0.8, 0.95), good - 0.2)
    spine = [("thoracic vertebrae 5 (t5)", 0.75), ("thoracic vertebrae 6 (t6)", 0.65)]
    assert validation(made(0.1, 0.1, spine), good) == {"PA": {"thoracic vertebrae 5 (t5)": "truth"}}


def test_a_frontal_film_is_turned_where_the_orientation_network_is_sure():
    from cxrfactory.evaluate.zero_shot.study import _is_turned

    odds = [(0.98, 0.02, 0, 0), (0.02, 0.98, 0, 0), (0.04, 0.96, 0, 0)]
    assert [_is_turned(np.array(each)) for each in odds] == [False, True, False]


def test_films_of_a_folder_are_drawn_and_compared_with_the_landmarks(weights, monkeypatch, tmp_path):
    odds = np.array([1.0, 0, 0, 0])  # of any picture, because the stub's films are no radiographs
    monkeypatch.setattr("cxrfactory.evaluate.zero_shot.study.OrientationCheck", lambda: lambda image: odds)
    folder = tmp_path / "films"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (128, 128), dtype=np.uint8)
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.png"), np.where(film(BOXES, 128) > 0, film(BOXES, 128), noise))
    (folder / "c.png").write_bytes(b"")
    found = zero_shot(AnatomyNetwork(weights), [], [folder], None, SETTINGS, RECIPE, tmp_path / "out")
    assert set(found["agreement"]["region"]) == {"heart"}  # the stub has no lungs
    assert found["structures"].groupby("image_id").size().to_dict() == {"a.png": 3, "b.png": 3}
    sheets = sorted(path.name for path in (tmp_path / "out" / "sheets").iterdir())
    assert [name.split(".")[-2] for name in sheets] == ["abdomen", "bones", "heart-and-vessels", "lungs"]
    assert cv2.imread(str(tmp_path / "out" / "sheets" / sheets[0])).shape == (320 + 24, 640, 3)


def test_an_output_as_people_draw_it_is_judged_in_place_of_the_projected_structure():
    index = pd.MultiIndex.from_tuples([("PA", "left clavicle"), ("PA", "drawn_left_clavicle")])
    names = ["left clavicle", "drawn_left_clavicle"]
    tables = made(0.8, 0.95)
    found = validation(tables, pd.Series([0.9, 0.9], index), names)["PA"]
    assert found == {"drawn_left_clavicle": "truth", "left clavicle": "plausible", "right clavicle": "truth"}
