import csv
import json

import cv2
import numpy as np
import pytest

import cxrfactory as cxr
from cxrfactory.config.infer import AnatomyConfig, SegmentConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.infer.anatomy.run import segment_anatomy
from cxrfactory.tables.parquet import read_table
from tests.imaging.dicom_files import file_bytes, radiograph
from tests.models.stub_structures import film, use_bands, write_bands

NAMES = ["right lung", "left lung", "left rib 1", "left rib 2", "pacemaker"]
BOXES = {1: (24, 16, 96, 48), 2: (24, 72, 96, 112), 3: (8, 72, 16, 100), 5: (40, 52, 50, 60)}
ENTRY = {
    "views": ["PA", "LL"],
    "thresholds": {},
    "validated": {"PA": {"right lung": "truth", "left rib 1": "plausible"}},
    "confidence": {"scores": [0.0, 0.5, 1.0], "dices": [0.0, 0.9, 0.95], "films": "three"},
}
SETTINGS = SegmentConfig(device="cpu", check_orientation=False)
RECIPE = Preparation(size=128, remove_borders=False)


@pytest.fixture
def weights(monkeypatch, tmp_path):
    use_bands(monkeypatch)
    for module in ("imaging.radiograph.prepare", "infer.anatomy.film"):  # the stub needs the grey values of the files
        monkeypatch.setattr(f"cxrfactory.{module}.to_uint8", lambda pixels, padding=None: pixels)
    return write_bands(tmp_path / "w.safetensors", NAMES, 128, ENTRY)


@pytest.fixture
def folder(tmp_path):
    """A square film, a film of twice the width and half the height, and an empty file."""
    root = tmp_path / "in"
    root.mkdir()
    cv2.imwrite(str(root / "a.png"), film(BOXES, 128))
    cv2.imwrite(str(root / "b.png"), film(BOXES, 128)[24:88])
    (root / "c.png").write_bytes(b"")
    return root


def run(folder, weights, output, workers=1, **anatomy):
    return segment_anatomy([folder], weights, output, SETTINGS, AnatomyConfig(**anatomy), RECIPE, workers)


def test_every_film_has_the_masks_of_its_structures_in_its_own_frame(folder, weights, tmp_path):
    assert run(folder, weights, tmp_path / "out", all=True) == (2, 1)
    product = cxr.open_product(tmp_path / "out")
    first, second = product
    assert [each.image_id for each in product] == ["a.png", "b.png"]
    assert list(first.masks) == [*NAMES, "lung"]
    picture = film(BOXES, 128)
    for number in (1, 2, 3, 5):
        assert np.array_equal(first.masks[NAMES[number - 1]], (picture == 20 * number).astype(np.uint8))
    assert not first.masks["left rib 2"].any()
    assert np.array_equal(first.masks["lung"], np.isin(picture, (20, 40)).astype(np.uint8))
    assert second.masks["right lung"].shape == (64, 128)
    assert np.array_equal(second.masks["right lung"], (picture[24:88] == 20).astype(np.uint8))
    assert np.array_equal(first.image(), cv2.imread(str(folder / "a.png"), 0))
    assert product.accounts["films"].kept == 2
    assert product.accounts["films"].rejected == 1


def test_only_validated_structures_are_given_and_all_gives_the_rest_marked(folder, weights, tmp_path):
    run(folder, weights, tmp_path / "out")
    masks = read_table(tmp_path / "out" / "masks.parquet")
    assert masks.groupby("image_id")["name"].apply(list).to_dict() == {
        name: ["right lung", "left rib 1"] for name in ("a.png", "b.png")
    }
    run(folder, weights, tmp_path / "all", all=True)
    masks = read_table(tmp_path / "all" / "masks.parquet").set_index(["image_id", "name"]).loc["a.png"]
    assert masks["validated"].dropna().to_dict() == {"right lung": "truth", "left rib 1": "plausible"}
    assert masks.loc["pacemaker", ["class_id", "class_name", "system"]].isna().all()
    assert masks["panel"].to_dict()["left rib 1"] == "bones"
    empty = masks.loc["left rib 2"]
    assert np.isnan(empty["confidence"])
    assert (empty["area_px"], empty["trusted"]) == (0, False)


def test_trust_is_a_least_confidence(folder, weights, tmp_path):
    for trust, expected in ((0.7, 2), (0.97, 0)):
        run(folder, weights, tmp_path / f"out{trust}", trust=trust)
        films = read_table(tmp_path / f"out{trust}" / "films.parquet").set_index("image_id")
        assert films.loc["a.png", ["structures", "trusted"]].tolist() == [2, expected]
        masks = read_table(tmp_path / f"out{trust}" / "masks.parquet")
        assert masks.loc[masks["image_id"] == "a.png", "trusted"].sum() == expected
        mean = masks.loc[masks["image_id"] == "a.png", "confidence"].mean()
        assert films.loc["a.png", "confidence"] == pytest.approx(mean)


def test_words_choose_structures_and_what_is_not_validated_needs_all(folder, weights, tmp_path):
    run(folder, weights, tmp_path / "ribs", structures=["ribs"])
    assert set(read_table(tmp_path / "ribs" / "masks.parquet")["name"]) == {"left rib 1"}
    with pytest.raises(CxrError, match="none of the 1 structures asked for is validated on real films; --all"):
        run(folder, weights, tmp_path / "p", structures=["pacemaker"])
    with pytest.raises(CxrError, match="'liver' is none of this network's"):
        run(folder, weights, tmp_path / "p", structures=["liver"])
    assert not (tmp_path / "p").exists()


def test_bytes_depend_on_neither_workers_nor_the_other_films(folder, weights, tmp_path):
    run(folder, weights, tmp_path / "one", all=True)
    run(folder, weights, tmp_path / "two", workers=3, all=True)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) > 8
    for each in files:
        assert (tmp_path / "one" / each).read_bytes() == (tmp_path / "two" / each).read_bytes()
    (folder / "a.png").unlink()
    run(folder, weights, tmp_path / "alone", all=True)
    rows = [read_table(tmp_path / name / "masks.parquet") for name in ("one", "alone")]
    both = rows[0][rows[0]["image_id"] == "b.png"].reset_index(drop=True)
    assert both.equals(rows[1])


def test_rejected_files_are_named_and_the_card_says_what_made_the_masks(folder, weights, tmp_path):
    run(folder, weights, tmp_path / "out")
    with (tmp_path / "out" / "rejected.csv").open() as stream:
        assert [(row["image_id"], row["reason"]) for row in csv.DictReader(stream)] == [("c.png", "empty file")]
    facts = json.loads((tmp_path / "out" / "weights.json").read_text())
    assert facts["structures"] == ["right lung", "left rib 1"]
    assert facts["anatomy"]["validated"] == ENTRY["validated"]
    drawn = {path.name for path in (tmp_path / "out" / "overlays").iterdir()}
    assert drawn == {"a.png.lungs.png", "a.png.bones.png", "b.png.lungs.png"}


def test_an_output_that_holds_files_is_refused(folder, weights, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").touch()
    with pytest.raises(CxrError, match="exists already; expected a new or empty folder"):
        run(folder, weights, tmp_path / "out")


def test_a_dicom_header_states_the_view_and_others_than_chest_views_are_rejected(weights, tmp_path):
    root = tmp_path / "dicom"
    root.mkdir()
    pixels = film(BOXES, 128)
    for view in ("AP", "LL", "LATERAL", "RAO"):
        (root / f"{view}.dcm").write_bytes(file_bytes(radiograph(pixels, bits=8, ViewPosition=view)))
    assert run(root, weights, tmp_path / "out", all=True) == (3, 1)
    films = read_table(tmp_path / "out" / "films.parquet").set_index("image_id")
    assert films["view"].to_dict() == {"AP.dcm": "PA", "LL.dcm": "LL", "LATERAL.dcm": "LL"}
    assert set(films["view_from"]) == {"stated"}
    assert cxr.open_product(tmp_path / "out")["AP.dcm"].pixel_mm is None  # pixels of 0.2 x 0.3 mm
    assert films["stated_view"].to_dict() == {"AP.dcm": "AP", "LL.dcm": "LL", "LATERAL.dcm": "LL"}
    with (tmp_path / "out" / "rejected.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["reason"].startswith("view position RAO; expected a frontal or lateral view")
    run(root, weights, tmp_path / "given", all=True, view="LL")
    films = read_table(tmp_path / "given" / "films.parquet")
    assert set(films["view"]) == {"LL"}
    assert set(films["view_from"]) == {"given"}


def test_a_view_that_the_network_does_not_know_is_rejected(folder, monkeypatch, tmp_path):
    use_bands(monkeypatch)
    path = write_bands(tmp_path / "pa.safetensors", NAMES, 128, ENTRY | {"views": ["PA"]})
    assert run(folder, path, tmp_path / "out", all=True, view="LL") == (0, 3)
    with (tmp_path / "out" / "rejected.csv").open() as stream:
        reasons = {row["reason"] for row in csv.DictReader(stream)}
    assert "the film's view is LL (given); the network knows PA only" in reasons


def test_a_structure_is_given_only_in_the_view_in_which_it_was_validated(folder, weights, tmp_path):
    entry = ENTRY | {"validated": ENTRY["validated"] | {"LL": {"left lung": "plausible"}}}
    both = write_bands(tmp_path / "both.safetensors", NAMES, 128, entry)
    for view, names in (("PA", {"right lung", "left rib 1"}), ("LL", {"left lung"})):
        run(folder, both, tmp_path / view, view=view)
        assert set(read_table(tmp_path / view / "masks.parquet")["name"]) == names
