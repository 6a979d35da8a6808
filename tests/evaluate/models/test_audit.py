from itertools import pairwise

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.studies import AuditConfig
from cxrfactory.evaluate.models.audit import LIMIT, audit, summarise_kinds
from cxrfactory.evaluate.models.occlusion import SHARES, box_places, occlude, summarise_occlusion
from cxrfactory.evaluate.models.perturb import suite
from cxrfactory.imaging.radiograph.prepare import Preparation
from tests.evaluate.conftest import SHAPE

RECIPE = Preparation(128)


@pytest.fixture(scope="module")
def out(labelled, fixed_weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    table = pd.read_parquet(labelled)
    table[table["image_id"].isin(["i0", "i1"])].to_parquet(folder / "two.parquet")
    audit(folder / "two.parquet", [fixed_weights], folder / "out", RECIPE, AuditConfig(places=2, resamples=50))
    return folder / "out"


def test_tables_of_a_model_that_always_answers_the_same(out):
    levels = pd.read_csv(out / "perturbations.csv").set_index(["kind", "level", "organ"])
    assert levels.loc[("none", "none", "heart"), "images"] == 2
    assert levels.loc[("none", "none", "all"), "displacement_px_max"] == 0
    for kind, level in (("gamma", "0.4"), ("polarity", "negative"), ("16 bits", "x 257"), ("JPEG quality", "40")):
        assert levels.loc[(kind, level, "lungs"), "dice_loss"] == pytest.approx(0, abs=1e-3)
    # The picture turns and the answer does not: the outermost node moves farthest against it.
    farthest = 1024 * np.linalg.norm(SHAPE - 0.5, axis=1).max()
    turned = levels.loc[("rotation, edge continued", "+10", "all"), "displacement_px_max"]
    assert turned == pytest.approx(2 * np.sin(np.radians(5)) * farthest, rel=0.02)
    assert levels.loc[("rotation, edge continued", "+10", "lungs"), "dice_loss"] > 0.05
    kinds = pd.read_csv(out / "kinds.csv").set_index(["kind", "organ"])
    assert bool(kinds.loc[("gamma", "lungs"), "within_limit"])
    assert not bool(kinds.loc[("rotation, edge continued", "lungs"), "within_limit"])
    assert kinds.loc[("gamma", "lungs"), "levels"] == 5
    boxes = pd.read_csv(out / "occlusion.csv")
    assert boxes.loc[boxes["organ"] == "average", "box_px"].to_list() == [round(1024 * share) for share in SHARES]
    assert boxes["hd_px_growth"].abs().max() < 1e-6  # a box moves nothing
    assert (boxes["infinite"] == 0).all()
    assert pd.read_csv(out / "rejected.csv").empty


def test_pictures(out):
    for name in ("perturbations.png", "occlusion.png", "examples-fixed.png", "occlusion-examples-fixed.png"):
        assert cv2.imread(str(out / name)).shape[0] > 300


def test_two_runs_give_the_same_bytes(labelled, fixed_weights, tmp_path, monkeypatch):
    some = [each for each in suite() if each.kind in ("none", "noise", "markers", "JPEG quality")]
    monkeypatch.setattr("cxrfactory.evaluate.models.audit.suite", lambda: some)
    for name in ("one", "two"):
        audit(labelled, [fixed_weights], tmp_path / name, RECIPE, AuditConfig(places=1, resamples=50))
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_images_that_annotate_lungs_alone_are_audited_for_lungs(labelled, fixed_weights, tmp_path, monkeypatch):
    monkeypatch.setattr("cxrfactory.evaluate.models.audit.suite", lambda: suite()[:2])
    table = pd.read_parquet(labelled)
    table[table["labels"] == "L"].to_parquet(tmp_path / "lungs.parquet")
    audit(tmp_path / "lungs.parquet", [fixed_weights], tmp_path / "out", RECIPE, AuditConfig(places=1, resamples=20))
    kinds = pd.read_csv(tmp_path / "out" / "kinds.csv")
    assert set(kinds["organ"]) == {"lungs", "right_lung", "left_lung", "all"}
    assert set(pd.read_csv(tmp_path / "out" / "occlusion.csv")["organ"]) == {"lungs"}


def test_boxes_lie_in_the_image_and_larger_ones_cover_smaller_ones():
    image = np.full((80, 100), 9, np.uint8)
    for place in [(0.0, 0.0), (1.0, 1.0), *box_places("a", 20, 0)]:
        covered = [occlude(image, share, place) == 0 for share in SHARES]
        for share, mask in zip(SHARES, covered, strict=True):
            assert mask.sum() == round(80 * share) * round(100 * share)
        for small, large in pairwise(covered):
            assert not (small & ~large).any()
    assert (image == 9).all()
    assert box_places("a", 3, 0) == box_places("a", 3, 0) != box_places("b", 3, 0)


def test_a_missed_organ_is_counted_and_does_not_enter_the_mean():
    rows = [("m", "a", 0, 10.0), ("m", "b", 0, 30.0), ("m", "a", 100, 40.0), ("m", "b", 100, np.inf)]
    boxes = pd.DataFrame(rows, columns=["model", "image_id", "box_px", "hd_px"]).assign(organ="heart", dice=0.5)
    found = summarise_occlusion(boxes, 50, 0).set_index("box_px")
    assert found["infinite"].to_list() == [0, 1]
    assert found["hd_px"].to_list() == [20, 40]
    assert found["hd_px_growth"].to_list() == [0, 20]
    assert found["hd_px_median"].to_list() == [20, np.inf]


def test_kinds_are_held_against_the_limit():
    rows = [("gamma", "1", 0.0), ("gamma", "2", 2 * LIMIT), ("zoom", "1", 3 * LIMIT), ("none", "none", 0.0)]
    levels = pd.DataFrame(rows, columns=["kind", "level", "dice_loss"]).assign(
        model="m", organ="lungs", displacement_px_max=np.nan
    )
    kinds = summarise_kinds(levels).set_index("kind")
    assert kinds["within_limit"].to_dict() == {"gamma": True, "zoom": False}
    assert kinds.loc["gamma", "worst_level"] == "2"
