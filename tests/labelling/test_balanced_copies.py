from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.vary import Changes
from cxrfactory.labelling.balanced_copies import Recipe, balance_masks, planned, read_recipe

ROOT = Path(__file__).parents[2]
GROUPS = {("A", "sick"): 3, ("A", "well"): 1}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "set"
    rows = []
    for number, kind in enumerate(["sick", "well", "well"]):
        image = np.random.default_rng(number).integers(0, 256, (80, 70), dtype=np.uint8)
        mask = np.zeros((80, 70), np.uint8)
        mask[20:50, 10:30] = 255
        for name, picture in (("images", image), ("masks", mask)):
            (root / name).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / name / f"x{number}.png"), picture)
        rows.append({"image_id": f"x{number}", "patient_id": f"p{number}", "source": "A", "class": kind})
    pd.DataFrame(rows).to_csv(root / "table.csv", index=False)
    return root


def test_papers_counts_give_its_15396_images():
    recipe = read_recipe(ROOT / "resources/cxlseg-balance.yaml")
    plan = planned(recipe, recipe.images)
    assert plan.groupby("class")["planned"].sum().to_dict() == {
        "Covid-19": 3619, "Normal": 3850, "Pneumonia": 3987, "Tuberculosis": 3940
    }  # fmt: skip
    assert plan["planned"].sum() == 15396
    assert plan["images"].sum() == 6906


def test_folder_holds_what_was_planned_and_copies_keep_their_patient(folder, tmp_path):
    out = tmp_path / "out"
    plan = balance_masks(folder, Recipe(GROUPS, {}, Changes()), out)
    assert plan["planned"].sum() == 5
    table = pd.read_csv(out / "table.csv")
    assert table["image_id"].tolist() == ["x0", "x0-copy01", "x0-copy02", "x1", "x2"]
    assert table["patient_id"].tolist() == ["p0", "p0", "p0", "p1", "p2"]
    for name in ("images", "masks"):
        read = {path.stem: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (out / name).iterdir()}
        assert sorted(read) == table["image_id"].tolist()
        np.testing.assert_array_equal(read["x0"], cv2.imread(str(folder / name / "x0.png"), cv2.IMREAD_UNCHANGED))
        assert (read["x0-copy01"] != read["x0-copy02"]).any()
        assert all(picture.shape == (80, 70) for picture in read.values())


def test_same_recipe_same_bytes_another_seed_others(folder, tmp_path):
    def made(name, seed):
        balance_masks(folder, Recipe(GROUPS, {}, Changes(), seed), tmp_path / name)
        return {path.name: path.read_bytes() for path in (tmp_path / name / "images").iterdir()}

    first = made("a", 0)
    assert made("b", 0) == first
    assert made("c", 1)["x0-copy01.png"] != first["x0-copy01.png"]


def test_a_copy_named_like_another_image_is_refused(folder, tmp_path):
    table = pd.read_csv(folder / "table.csv")
    table["image_id"] = table["image_id"].replace("x1", "x0-copy01")
    table.to_csv(folder / "table.csv", index=False)
    with pytest.raises(CxrError, match="named like image 'x0-copy01'"):
        balance_masks(folder, Recipe(GROUPS, {}, Changes()), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_group_without_an_entry_and_full_output_are_refused(folder, tmp_path):
    with pytest.raises(CxrError, match="no entry for source 'A', class 'well'"):
        balance_masks(folder, Recipe({("A", "sick"): 2}, {}, Changes()), tmp_path / "out")
    with pytest.raises(CxrError, match="not empty"):
        balance_masks(folder, Recipe(GROUPS, {}, Changes()), folder)
    (folder / "masks/x1.png").unlink()
    with pytest.raises(CxrError, match=r"0 files 'x1\.\*'; expected one"):
        balance_masks(folder, Recipe(GROUPS, {}, Changes()), tmp_path / "other")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("groups: [", "not readable as YAML"),
        ("changes: {}", "expected keys groups"),
        ("groups: [{source: A, class: b, times: 0}]", "group 1: times is 0; expected a whole number"),
        ("groups: [{source: A, times: 2}]", "expected both, and each pair once"),
        ("groups: [{source: A, class: b, times: 2, x: 1}]", "unknown key 'x'; known: class"),
        ("groups: []\nchanges: {shear: 1}", "unknown key 'shear'"),
        ("groups: []\nchanges: {zoom: 7}", "zoom is 7"),
    ],
)
def test_wrong_recipes_are_one_line(tmp_path, text, words):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(CxrError, match=words) as caught:
        read_recipe(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(CxrError, match="no such file"):
        read_recipe(tmp_path / "none.yaml")
