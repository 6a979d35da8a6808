import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config.generalise import GeneraliseTestConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.measures import COLUMNS
from cxrfactory.evaluate.generalise.testing import KEYS, measure_model
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.weights import read_weights
from tests.evaluate.generalise.hospitals import SIZE, hospital

QUICK = GeneraliseTestConfig(samples=0, worst=0)


def read(folder):
    return pd.read_csv(folder / "images.csv")


def test_the_card_says_which_source_was_left_out(tests):
    unseen, seen = read(tests / "without-South"), read(tests / "all")
    assert list(unseen["image_id"]) == [f"South-{number}" for number in range(8)]
    assert unseen["unseen"].all()
    assert list(seen["image_id"]) == ["North-0", "North-1", "South-0", "South-1"]
    assert not seen["unseen"].any()
    spread = [f"doubt_spread_{organ}" for organ in ("lungs", "heart", "both")]
    assert list(unseen.columns) == [*KEYS, *COLUMNS, *spread]
    assert (unseen[spread] > 0).all(axis=None)


def test_a_row_is_what_the_segmenter_finds(tests, trained, table_of):
    row = read(tests / "without-South").set_index("image_id").loc["South-3"]
    segmenter = Segmenter(*read_weights(trained["without-South"]))
    found = segmenter(decode_png(table_of.loc["South-3", "png"]), SIZE).masks
    points = np.asarray(table_of.loc["South-3", "landmarks"], np.float64).reshape(-1, 2)
    truth = landmarks_to_masks(points, landmark_graph("lungs-heart"), SIZE, SIZE)
    for organ in ("right_lung", "left_lung", "heart"):
        assert row[f"dice_{organ}"] == pytest.approx(dice(found[organ], truth[organ]), abs=1e-6)


def test_distances_in_mm_where_the_pixel_size_is_known(tests):
    seen = read(tests / "all")
    north = seen["source"] == "North"
    assert seen.loc[~north, "hd95_mm_lungs"].isna().all()
    pixel = 0.2 * 2 * SIZE / 1024  # mm per pixel of 1024: two pixels of the file are one of the 64
    np.testing.assert_allclose(seen.loc[north, "hd95_mm_lungs"], seen.loc[north, "hd95_px_lungs"] * pixel, atol=1e-5)


def test_the_same_test_gives_the_same_bytes(tests, tables, trained, tmp_path):
    measure_model(tables, trained["without-South"], tmp_path, GeneraliseTestConfig(samples=3, worst=4), ["South"])
    for name in ("images.csv", "rejected.csv", "worst-South.png"):
        assert (tmp_path / name).read_bytes() == (tests / "without-South" / name).read_bytes()


def test_given_names_replace_those_of_the_card(tables, trained, tmp_path):
    found = measure_model(tables, trained["all"], tmp_path, QUICK, ["North"], ["North"])
    assert found["unseen"].all()
    assert len(found) == 8
    assert not list(tmp_path.glob("worst-*"))
    none = measure_model(tables, trained["without-South"], tmp_path, QUICK, ["South"], [])
    assert list(none["image_id"]) == ["South-0", "South-1"]


def test_pixel_networks_are_tested_without_spread(tables, threshold_weights, tmp_path):
    found = measure_model(tables, threshold_weights, tmp_path, GeneraliseTestConfig(samples=3, worst=1), ["North"], [])
    assert found["dice_lungs"].notna().all()
    assert not [name for name in found if name.startswith("doubt_")]
    assert (tmp_path / "worst-North.png").stat().st_size > 1000


def test_whole_lungs_are_measured_by_their_outline(trained, tmp_path):
    path = hospital(tmp_path / "w.parquet", "Whole", labels="W")
    found = measure_model([path], trained["all"], tmp_path / "out", QUICK, None, ["Whole"])
    assert found["dice_outline"].between(0.1, 1).all()
    assert found[["dice_lungs", "dice_heart"]].isna().all(axis=None)
    assert found["ctr"].notna().all()
    assert found["ctr_true"].isna().all()


def test_scores_of_other_stages_are_joined_by_image(tables, trained, tmp_path):
    pd.DataFrame({"image_id": ["South-0", "South-5", "other"], "quality_mine_lungs": [0.5, 0.25, 1]}).to_csv(
        tmp_path / "mine.csv", index=False
    )
    found = measure_model(
        tables, trained["all"], tmp_path / "out", QUICK, ["South"], ["South"], [tmp_path / "mine.csv"]
    )
    known = found.set_index("image_id")["quality_mine_lungs"].dropna()
    assert known.to_dict() == {"South-0": 0.5, "South-5": 0.25}
    assert len(found) == 8


def test_images_that_cannot_be_segmented_are_listed(tables, trained, tmp_path, monkeypatch):
    from cxrfactory.errors import ImageError

    inner = Segmenter.__call__

    def fails_once(self, image, size):
        if not calls:
            calls.append(1)
            raise ImageError("odd")
        return inner(self, image, size)

    calls = []
    monkeypatch.setattr(Segmenter, "__call__", fails_once)
    found = measure_model(tables, trained["all"], tmp_path, QUICK, ["North"])
    assert list(found["image_id"]) == ["North-1"]
    assert (tmp_path / "rejected.csv").read_text() == "image_id,source,reason\nNorth-0,North,odd\n"
    monkeypatch.setattr(Segmenter, "__call__", lambda self, image, size: (_ for _ in ()).throw(ImageError("odd")))
    with pytest.raises(CxrError, match=r"all 2 images were rejected; the first: odd"):
        measure_model(tables, trained["all"], tmp_path, QUICK, ["North"])


def test_masks_and_scores_come_from_one_pass(tables, trained, tmp_path, monkeypatch):
    encode, passes = HybridGNet.encode, []

    def counted(self, image, also=()):
        passes.append(len(image))
        return encode(self, image, also)

    monkeypatch.setattr(HybridGNet, "encode", counted)
    found = measure_model(tables, trained["all"], tmp_path, GeneraliseTestConfig(samples=3, worst=0), ["North"])
    assert passes == [1] * len(found)
    assert (found["doubt_spread_lungs"] > 0).all()
    alone = measure_model(tables, trained["all"], tmp_path, QUICK, ["North"])
    np.testing.assert_allclose(found["dice_lungs"].astype(float), alone["dice_lungs"].astype(float), atol=2e-3)
