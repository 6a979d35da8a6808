import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config import LabelLungMasksConfig, ModelConfig, TrainConfig
from cxrfactory.config.options import section_of
from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.labelling.lung_masks import LUNG_GRAPHS, label_masks
from cxrfactory.metrics.overlap import dice
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import GEOMETRY_FIELDS, LABELLED_IMAGES, REJECTED
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.segmenter.run import train_segmenter

HEIGHT, WIDTH = 200, 240


def lungs(shift=0.0, gap=14):
    """Two lungs, right one first in the image: half ellipses with a flat base."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for side in (-1, 1):
        middle = WIDTH / 2 + side * (gap / 2 + 40) + shift
        cv2.ellipse(mask, (round(middle), 110), (38, 80), 0, 0, 360, 255, -1)
    mask[165:] = 0
    return mask


def add(root, name, mask, image=None):
    rng = np.random.default_rng(len(name))
    if image is None:
        image = np.where(mask > 0, 60, 170) + rng.integers(-20, 20, mask.shape[:2])
    cv2.imwrite(str(root / "images" / f"{name}.png"), np.clip(image, 0, 255).astype(np.uint8))
    if mask is not None:
        cv2.imwrite(str(root / "masks" / f"{name}.png"), mask)


@pytest.fixture
def folder(tmp_path):
    """Eight good images of four patients, and one of every fault."""
    root = tmp_path / "set"
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    rows = []
    for number in range(8):
        add(root, f"g{number}", lungs(shift=number - 4))
        rows.append((f"g{number}", f"p{number // 2}"))
    one = lungs()
    one[60:150, 60:180] = 255
    other = lungs()[:-1]
    faults = {"one": one, "empty": np.zeros_like(one), "shape": other}
    for name, mask in faults.items():
        add(root, name, mask, np.full((HEIGHT, WIDTH), 90) + np.arange(WIDTH) % 50)
        rows.append((name, "p9"))
    rows.append(("absent", "p9"))
    pd.DataFrame(rows, columns=["image_id", "patient_id"]).to_csv(root / "table.csv", index=False)
    return root


def run(root, folder, name="o", **options):
    recipe = options.pop("recipe", Preparation(256))
    paths = folder / f"{name}.parquet", folder / f"{name}.rejected.parquet"
    counts = label_masks(root, *paths, recipe, LabelLungMasksConfig(source="Set", **options))
    return counts, read_table(paths[0], LABELLED_IMAGES), read_table(paths[1], REJECTED)


def truth(root, row):
    """The mask in the preprocessed frame by another way than the code's: every pixel asks for its nearest original."""
    mask = cv2.imread(str(root / "masks" / f"{row['image_id'].removeprefix('Set-')}.png"), cv2.IMREAD_GRAYSCALE)
    geometry = Geometry(**{field.name: int(row[field.name]) for field in GEOMETRY_FIELDS})
    y, x = np.mgrid[: geometry.size, : geometry.size]
    points = np.rint(geometry.inverse_points(np.stack([x, y], axis=-1).astype(float))).astype(int)
    inside = (points >= 0).all(axis=-1) & (points[..., 0] < WIDTH) & (points[..., 1] < HEIGHT)
    clipped = points.clip(0, (WIDTH - 1, HEIGHT - 1))
    return (inside & (mask[clipped[..., 1], clipped[..., 0]] > 0)).astype(np.uint8)


def test_landmarks_fill_the_masks_that_went_through_the_preprocessing(folder, tmp_path):
    counts, table, rejected = run(folder, tmp_path)
    assert counts == (8, 4)
    assert set(table["labels"]) == {"W"}
    assert {len(each) for each in table["landmarks"]} == {188}
    for row in table.to_dict("records"):
        points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
        filled = landmarks_to_masks(points, landmark_graph("whole-lungs"), 256, 256)
        assert points[:44, 0].max() < points[44:, 0].min()  # the right lung on the image's left
        assert dice(np.maximum(*filled.values()), truth(folder, row)) > 0.97
    reasons = rejected.set_index("image_id")["reason"]
    assert reasons["one"].startswith("the lung mask is one connected part")
    assert reasons["empty"] == "empty.png: an empty mask; expected both lungs"
    assert reasons["shape"] == "shape.png: mask of 199 x 240; expected the image's 200 x 240 pixels"
    assert reasons["absent"].startswith("0 files 'absent.*'")


def test_patients_are_held_out_by_the_hash_of_label_outlines(folder, tmp_path):
    _, table, _ = run(folder, tmp_path, val_fraction=0.5)
    expected = {
        f"Set-p{number}": "val" if seed_of(f"Set-p{number}", "split") < 2**62 else "train" for number in range(4)
    }
    assert dict(zip(table["patient_id"], table["split"], strict=True)) == expected
    assert set(run(folder, tmp_path, "none", val_fraction=0.0)[1]["split"]) == {"train"}


def test_the_crop_keeps_lungs_that_a_border_covers(tmp_path, folder):
    image = np.full((HEIGHT, WIDTH), 0, np.uint8)
    image[60:] = np.random.default_rng(0).integers(60, 200, (HEIGHT - 60, WIDTH))
    add(folder, "g0", lungs(), image)
    _, table, _ = run(folder, tmp_path)
    row = table.set_index("image_id").loc["Set-g0"]
    assert row["crop_top"] == 30  # the first row of the mask, not of the tissue


def test_definition_names_the_label_code(folder, tmp_path):
    assert set(run(folder, tmp_path, definition="lungs")[1]["labels"]) == {"L"}
    assert set(LUNG_GRAPHS) == {"lungs", "whole-lungs"}
    with pytest.raises(CxrError, match="--definition: expected 'whole-lungs' or 'lungs', found 'lungs-heart'"):
        section_of(LabelLungMasksConfig, {"source": "Set", "definition": "lungs-heart"})


def test_two_runs_give_the_same_bytes(folder, tmp_path):
    run(folder, tmp_path, "a")
    run(folder, tmp_path, "b")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_id\na\n", r"columns \['patient_id'\] are missing"),
        ("image_id,patient_id\na,p\nb,\n", "row 2: column 'patient_id' is empty"),
        ("image_id,patient_id\na,p\na,q\n", "image 'a' occurs twice"),
    ],
)
def test_faulty_tables_are_one_line(folder, tmp_path, text, message):
    (folder / "table.csv").write_text(text)
    with pytest.raises(CxrError, match=message):
        run(folder, tmp_path)


def test_whole_lungs_train_both_kinds_of_network(folder, tmp_path):
    import torch

    torch.set_num_threads(1)
    run(folder, tmp_path, val_fraction=0.5)
    settings = TrainConfig(epochs=1, batch_size=4, validate_every=1, precision="fp32")
    for name in ("hybridgnet", "unet"):
        model = ModelConfig(segmenter=name, graph="whole-lungs", input_size=64)
        out = tmp_path / f"{name}.safetensors"
        metrics = train_segmenter(tmp_path / "o.parquet", out, model, settings, torch.device("cpu"))
        assert {"right_lung", "left_lung", "lungs"} <= set(metrics)
        assert "heart" not in metrics
        stated = read_weights(out)[1]["settings"]
        assert "whole-lungs" in (stated.get("graph"), stated.get("definition"))


def test_real_masks_keep_their_shape(tmp_path):
    root = os.environ.get("CXRFACTORY_REAL_DATA")
    if not root:
        pytest.skip("CXRFACTORY_REAL_DATA is not set: no real lung masks here")
    source = Path(root) / "v7_lungs"
    table = pd.read_csv(source / "table.csv", dtype=str).iloc[::40]
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        for image_id in table["image_id"]:
            for path in (source / part).glob(f"{image_id}.*"):
                shutil.copy(path, tmp_path / part)
    table.to_csv(tmp_path / "table.csv", index=False)
    counts, found, _ = run(tmp_path, tmp_path, recipe=Preparation(512))
    assert counts == (7, 0)
    spread = [np.ptp(np.asarray(each).reshape(-1, 2)[:44, 1]) for each in found["landmarks"]]
    assert min(spread) > 0.2 * 512  # a lung's height
