import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import LABEL_GRAPHS, landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config import LabelLungMasksConfig, ModelConfig, TrainConfig
from cxrfactory.config.options import section_of
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.labelling.lung_masks import LUNG_GRAPHS, label_masks
from cxrfactory.metrics.overlap import dice
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table, write_table
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


def ellipse(x, y, width, height):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (x, y), (width, height), 0, 0, 360, 255, -1)
    return mask


@pytest.fixture
def named(tmp_path):
    """A folder whose table names the masks by region: 'a' has all, 'b' the heart, 'c' one lung, 'd' no mask."""
    root = tmp_path / "named"
    (root / "files").mkdir(parents=True)
    masks = {"right_lung": ellipse(70, 100, 35, 70), "left_lung": ellipse(170, 100, 35, 70)}
    masks |= {"heart": ellipse(125, 130, 30, 28), "airways": ellipse(120, 40, 6, 30)}
    image = np.clip(170 - 0.4 * sum(masks.values()) + np.arange(WIDTH) % 20, 0, 255).astype(np.uint8)
    cv2.imwrite(str(root / "files" / "film.png"), image)
    for name, mask in masks.items():
        cv2.imwrite(str(root / "files" / f"{name}.png"), mask)
    given = {"a": masks, "b": ["heart"], "c": ["right_lung", "airways"], "d": []}
    rows = [
        {"id": image_id, "file": "files/film.png", "over": int(image_id == "c")}
        | {f"mask_{name}": f"files/{name}.png" if name in names else "" for name in masks}
        for image_id, names in given.items()
    ]
    pd.DataFrame(rows).to_csv(root / "table.csv", index=False)
    return root


def regions_of(row):
    return {each["name"]: decode_png(each["png"]) for each in row["regions"]}


def test_what_the_table_says_of_people_is_kept(named, tmp_path):
    table = pd.read_csv(named / "table.csv", dtype=str, keep_default_na=False)
    table = table.assign(
        Sex=["male", "F", "?", ""], AGE=["061Y", "17", "unknown", ""], finding=["tuberculosis", "", " normal", ""]
    )
    table.to_csv(named / "table.csv", index=False)
    _, found, _ = run(named, tmp_path, definition="lungs")
    people = found.set_index("image_id")[["sex", "age", "condition"]].astype(object)
    assert people.where(people.notna(), None).to_numpy().tolist() == [
        ["M", 61.0, "tuberculosis"],
        ["F", 17.0, None],
        [None, None, "normal"],
    ]


def test_masks_of_any_regions_are_kept_and_give_the_landmarks_that_they_allow(named, tmp_path, caplog):
    with caplog.at_level("WARNING"):
        counts, table, rejected = run(named, tmp_path, definition="lungs")
    assert counts == (3, 1)
    assert "no column 'patient_id'; every image counts as a patient of its own" in caplog.text
    rows = table.set_index("image_id")
    assert rows["labels"].to_dict() == {"Set-a": "LH", "Set-b": "H", "Set-c": "M"}
    assert {name: len(each) // 2 for name, each in rows["landmarks"].items()} == {"Set-a": 120, "Set-b": 26, "Set-c": 0}
    found = regions_of(rows.loc["Set-a"])
    assert list(found) == ["airways", "heart", "left_lung", "right_lung"]
    geometry = Geometry.from_row(rows.loc["Set-a"])
    for name, mask in found.items():
        assert set(np.unique(mask)) == {0, 255}
        drawn = cv2.imread(str(named / "files" / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        assert dice(mask, geometry.forward_image(drawn) > 127) == 1
    for code, name in (("LH", "Set-a"), ("H", "Set-b")):
        points = np.asarray(rows.loc[name, "landmarks"], np.float64).reshape(-1, 2)
        filled = landmarks_to_masks(points, landmark_graph(LABEL_GRAPHS[code]), 256, 256)
        assert dice(filled["heart"], found["heart"]) > 0.97
    assert list(regions_of(rows.loc["Set-c"])) == ["airways", "right_lung"]
    reason = rejected.set_index("image_id")["reason"]["d"]
    assert reason == "no region is annotated; expected a mask in at least one column"


def test_whole_lungs_and_a_heart_of_another_kind_have_names_of_their_own(named, tmp_path):
    _, table, _ = run(named, tmp_path, columns=["mask_heart=heart_with_vessels"])
    row = table.set_index("image_id").loc["Set-a"]
    assert row["labels"] == "W"
    assert list(regions_of(row)) == ["airways", "heart_with_vessels", "left_whole_lung", "right_whole_lung"]


def test_a_column_says_where_a_region_is_not_annotated(named, tmp_path):
    _, table, _ = run(named, tmp_path, definition="lungs", not_annotated=["over=right_lung"])
    assert list(regions_of(table.set_index("image_id").loc["Set-c"])) == ["airways"]
    with pytest.raises(CxrError, match=r"columns \['other'\] are missing"):
        run(named, tmp_path, not_annotated=["other=right_lung"])
    with pytest.raises(CxrError, match=r"row 1: column 'file' is 'files/film\.png'; expected 1 or 0"):
        run(named, tmp_path, not_annotated=["file=right_lung"])
    with pytest.raises(CxrError, match="--not-annotated: 'over'; expected COLUMN=REGION"):
        run(named, tmp_path, not_annotated=["over"])


def test_grey_127_is_ignored_and_a_border_beside_it_has_no_landmarks(named, tmp_path, caplog):
    path = named / "files" / "right_lung.png"
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    mask[90:110, 60:75] = 127  # within the lung: a device
    cv2.imwrite(str(path), mask)
    rows = run(named, tmp_path, definition="lungs")[1].set_index("image_id")
    assert rows.loc["Set-a", "labels"] == "LH"
    assert set(np.unique(regions_of(rows.loc["Set-a"])["right_lung"])) == {0, 127, 255}
    mask[60:140, 90:] = np.where(mask[60:140, 90:] > 0, 127, 0)  # a strip of the border
    cv2.imwrite(str(path), mask)
    with caplog.at_level("INFO"):
        rows = run(named, tmp_path, definition="lungs")[1].set_index("image_id")
    assert rows.loc["Set-a", "labels"] == "H"
    assert "of the border of the right lung touches pixels that the mask ignores" in caplog.text
    cv2.imwrite(str(path), np.where(mask > 0, 127, 0).astype(np.uint8))
    rejected = run(named, tmp_path, definition="lungs")[2].set_index("image_id")["reason"]
    assert rejected["a"] == "right_lung.png: only 0 and 127, which means unknown; expected 255 inside the region"


def test_an_empty_mask_says_absent_and_exchanged_masks_are_refused(named, tmp_path):
    files = named / "files"
    cv2.imwrite(str(files / "heart.png"), np.zeros((HEIGHT, WIDTH), np.uint8))
    rows = run(named, tmp_path, definition="lungs")[1].set_index("image_id")
    assert rows["labels"].to_dict() == {"Set-a": "L", "Set-b": "M", "Set-c": "M"}
    assert not regions_of(rows.loc["Set-b"])["heart"].any()
    table = pd.read_csv(named / "table.csv", keep_default_na=False)
    swapped = table.rename(columns={"mask_right_lung": "mask_left_lung", "mask_left_lung": "mask_right_lung"})
    swapped.to_csv(named / "table.csv", index=False)
    reasons = run(named, tmp_path, definition="lungs")[2].set_index("image_id")["reason"]
    assert reasons["a"].startswith("the right lung's mask lies to the right of the left one's")
    cv2.imwrite(str(files / "heart.png"), ellipse(125, 130, 30, 28))
    table.rename(columns={"mask_heart": "mask_left_lung", "mask_left_lung": "mask_heart"}).to_csv(
        named / "table.csv", index=False
    )
    reasons = run(named, tmp_path, definition="lungs")[2].set_index("image_id")["reason"]
    assert reasons["a"].startswith("the centre of the heart's mask does not lie between")


def test_masks_of_a_film_on_its_side_are_refused_with_what_to_do(named, tmp_path):
    for name, y in (("right_lung", 50), ("left_lung", 150)):
        cv2.imwrite(str(named / "files" / f"{name}.png"), ellipse(WIDTH // 2, y, 60, 30))
    reasons = run(named, tmp_path, definition="lungs")[2].set_index("image_id")["reason"]
    assert reasons["a"] == (
        "one lung's mask lies above the other's; expected an upright film: turn the picture and its masks upright"
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["mask_heart=Heart"], "column 'mask_heart': region 'Heart'; expected lower-case words"),
        (["mask_heart=right_lung"], "several columns hold masks of right_lung"),
        (["mask_heart=lungs"], "several columns hold masks of left_lung, right_lung"),
        (["mask_spine=spine"], r"columns \['mask_spine'\] are missing"),
    ],
)
def test_columns_without_sense_are_one_line(named, tmp_path, columns, message):
    with pytest.raises(CxrError, match=message):
        run(named, tmp_path, definition="lungs", columns=columns)


def test_any_regions_train_a_pixel_network(named, tmp_path):
    import torch

    torch.set_num_threads(1)
    run(named, tmp_path, "train", val_fraction=0.0)
    run(named, tmp_path, "val", val_fraction=1.0)
    table = read_table(tmp_path / "val.parquet", LABELLED_IMAGES)
    table["image_id"] = "val-" + table["image_id"]
    write_table(table, tmp_path / "val.parquet", LABELLED_IMAGES)
    tables = [tmp_path / "train.parquet", tmp_path / "val.parquet"]
    settings = TrainConfig(epochs=1, batch_size=4, validate_every=1, precision="fp32")
    model = ModelConfig(segmenter="unet", input_size=64, organs=["airways", "right_whole_lung"])
    out = tmp_path / "w.safetensors"
    metrics = train_segmenter(tables, out, model, settings, torch.device("cpu"))
    assert set(metrics) <= {"airways", "right_whole_lung"}
    card = read_weights(out)[1]
    assert card["settings"]["organs"] == ["airways", "right_whole_lung"]
    assert card["definition"] == "masks as drawn of airways, right_whole_lung"
    assert card["data"]["train"] == 2  # 'b' has a heart only
    other = model.model_copy(update={"organs": ["spine"]})
    with pytest.raises(CxrError, match="none of 3 images annotates spine; they annotate airways, heart, left_whole_lu"):
        train_segmenter(tables, out, other, settings, torch.device("cpu"))
    landmarks = ModelConfig(input_size=64, organs=["airways"])
    with pytest.raises(CxrError, match="organs airways for hybridgnet; only pixel networks take them"):
        train_segmenter(tables, out, landmarks, settings, torch.device("cpu"))


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
