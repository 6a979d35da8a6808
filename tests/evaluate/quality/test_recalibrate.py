import math

import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.organs import ORGAN_NODES
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.quality.own_films import dice_of_corrections, dice_of_labelled
from cxrfactory.evaluate.quality.recalibrate import recalibrate_quality
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.metrics.estimate.model import OrganModel
from cxrfactory.tables.landmark_text import landmark_text
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.quality_calibration import (
    QualityCalibration,
    read_quality_calibration,
    write_quality_calibration,
)
from cxrfactory.tables.schemas import LABELLED_IMAGES, LANDMARKS
from cxrfactory.tables.signals import WEIGHTS_KEY

SIZE = 64
WEIGHTS = "a" * 64
BOXES = {"right_lung": (8, 10, 26, 50), "left_lung": (38, 10, 56, 50), "heart": (24, 34, 42, 52)}
GEOMETRY = {"original_height": SIZE, "original_width": SIZE, "crop_top": 0, "crop_left": 0, "crop_height": SIZE,
            "crop_width": SIZE, "size": SIZE}  # fmt: skip


def boxes(lower=0):
    """Landmarks along rectangles; ``lower`` moves the lower border of all organs up, in pixels."""
    points = []
    for organ in landmark_graph("lungs-heart").organs:
        left, top, right, bottom = BOXES[organ]
        bottom -= lower
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], float)
        count = ORGAN_NODES[organ]
        along = np.arange(count) * 4 / count
        place = along.astype(int)
        points.append(corners[place] + (along - place)[:, None] * (corners[place + 1] - corners[place]))
    return np.rint(np.concatenate(points))


def shard(path, ids, soft=0.9, weights=WEIGHTS):
    flat = boxes().astype(np.float32).ravel()
    organs = ("right_lung", "left_lung", "lungs", "heart")
    evidence = [{"organ": organ, **dict.fromkeys(("dense_dice", "soft_dice", "start_dice", "shape_dice"), soft)}
                for organ in organs]  # fmt: skip
    rows = [
        {
            "image_id": name,
            **dict.fromkeys(("landmarks", "landmarks_mean", "landmarks_std"), flat),
            "latent": [0.0],
            **GEOMETRY,
            "evidence": evidence,
            "latent_norm": 1.0,
        }
        for name in ids
    ]
    write_table(pd.DataFrame(rows), path, LANDMARKS, graph="lungs-heart", facts={WEIGHTS_KEY: weights})
    return path


def labelled(path, ids, lower=8):
    rows = [
        {
            "image_id": name,
            "png": b"",
            **GEOMETRY,
            "patient_id": name,
            "source": "own",
            "labels": "LH",
            "split": "train" if number % 2 else "val",
            "landmarks": boxes(lower).astype(np.float32).ravel(),
        }
        for number, name in enumerate(ids)
    ]
    write_table(pd.DataFrame(rows), path, LABELLED_IMAGES)
    return path


def corrections(path, ids, lower=8):
    text = landmark_text(boxes(lower))
    lines = [f'{name},own,"{text}",1 2,1 2,1 2\n' for name in ids]
    path.write_text("ImageID,Dataset,Landmarks,Left Lung,Right Lung,Heart\n" + "".join(lines))
    return path


@pytest.fixture
def prior(tmp_path):
    """Estimates equal to the soft Dice of lungs and heart."""
    least = -math.log(2)
    models = {
        organ: OrganModel(
            (f"{organ}_soft_dice",), (1.0,), (0.0,), 0.0, least, -least, 0.2, 0.3, (0.0, 1.0), (0.5, 1.0)
        ).as_dict()
        for organ in ("lungs", "heart")
    }
    path = tmp_path / "prior.json"
    write_quality_calibration(
        QualityCalibration(weights=WEIGHTS, alpha=0.1, models=models, table="b" * 64, sources={}), path
    )
    return path


IDS = [f"film{number:02d}" for number in range(20)]


def test_dice_of_labelled_films_of_both_splits(tmp_path):
    found = dice_of_labelled([shard(tmp_path / "l.parquet", IDS)], [labelled(tmp_path / "t.parquet", IDS[:6])])
    assert found["image_id"].tolist() == IDS[:6]
    # Lungs of 41 rows, of which the truth has 33; hearts of 19 rows, of which the truth has 11.
    np.testing.assert_allclose(found["dice_lungs"], 2 * 33 / (41 + 33), atol=0.003)  # corners lie between nodes
    np.testing.assert_allclose(found["dice_right_lung"], 2 * 33 / (41 + 33), atol=0.003)
    np.testing.assert_allclose(found["dice_heart"], 2 * 11 / (19 + 11), atol=0.01)


def test_ids_of_label_masks_are_found(tmp_path):
    landmarks = [shard(tmp_path / "l.parquet", IDS)]
    one = dice_of_labelled(landmarks, [labelled(tmp_path / "t.parquet", IDS[:6])])
    other = dice_of_labelled(landmarks, [labelled(tmp_path / "p.parquet", [f"own-{name}" for name in IDS[:6]])])
    pd.testing.assert_frame_equal(one, other)


def reframed(path, geometry, points, source):
    """Write the first table again in another frame."""
    table = pd.read_parquet(source).assign(**geometry.as_row())
    table["landmarks"] = [points.astype(np.float32).ravel()] * len(table)
    write_table(table, path, LABELLED_IMAGES)
    return path


def test_labels_of_another_crop_and_of_the_upright_film_give_the_same_dice(tmp_path):
    """Programs get other pictures than the run reads: stretched grey values, other borders, and upright films."""
    plain = labelled(tmp_path / "t.parquet", IDS[:6])
    wanted = dice_of_labelled([shard(tmp_path / "l.parquet", IDS)], [plain])
    crop = Geometry(SIZE, SIZE, 4, 2, SIZE - 4, SIZE - 2, SIZE)
    points = crop.forward_points(Geometry(SIZE, SIZE, 0, 0, SIZE, SIZE, SIZE).inverse_points(boxes(8)))
    found = dice_of_labelled([tmp_path / "l.parquet"], [reframed(tmp_path / "crop.parquet", crop, points, plain)])
    pd.testing.assert_frame_equal(found, wanted, atol=0.03)  # small organs, drawn in another raster
    turned = Geometry(SIZE, 2 * SIZE, 0, 30, SIZE, SIZE, SIZE, 6)  # F, R, of a film with borders
    run = pd.read_parquet(tmp_path / "l.parquet").assign(**turned.as_row())
    write_table(run, tmp_path / "turned.parquet", LANDMARKS, graph="lungs-heart")
    upright = Geometry(2 * SIZE, SIZE, 30, 0, SIZE, SIZE, SIZE)
    same = reframed(tmp_path / "upright.parquet", upright, boxes(8), plain)
    pd.testing.assert_frame_equal(dice_of_labelled([tmp_path / "turned.parquet"], [same]), wanted)


def test_labels_of_a_picture_of_another_size_are_refused(tmp_path):
    plain = labelled(tmp_path / "t.parquet", IDS[:6])
    small = Geometry.whole(SIZE // 2, SIZE // 2, SIZE)
    table = reframed(tmp_path / "small.parquet", small, boxes(8), plain)
    with pytest.raises(CxrError, match="'film00': labelled on a picture of 32 x 32 pixels; the run's film has 64 x"):
        dice_of_labelled([shard(tmp_path / "l.parquet", IDS)], [table])


def test_lungs_of_another_definition_are_not_left_out_in_silence(tmp_path, caplog):
    table = pd.read_parquet(labelled(tmp_path / "t.parquet", IDS[:6])).assign(labels="W")
    lungs = boxes(8)[: landmark_graph("whole-lungs").nodes].astype(np.float32).ravel()
    table["landmarks"] = [lungs] * len(table)
    write_table(table, tmp_path / "w.parquet", LABELLED_IMAGES)
    found = dice_of_labelled([shard(tmp_path / "l.parquet", IDS)], [tmp_path / "w.parquet"])
    assert list(found) == ["image_id"]
    assert "the lungs of 6 images, first 'film00'" in caplog.text
    assert "--definition lungs" in caplog.text


def test_a_table_without_images_is_named(tmp_path):
    table = labelled(tmp_path / "t.parquet", IDS[:6])
    write_table(pd.read_parquet(table).iloc[:0], table, LABELLED_IMAGES)
    with pytest.raises(CxrError, match=r"t\.parquet: no labelled image; the table of rejected images"):
        dice_of_labelled([shard(tmp_path / "l.parquet", IDS)], [table])


def test_corrections_give_the_same_dice_as_labelled_films(tmp_path):
    landmarks = [shard(tmp_path / "l.parquet", IDS)]
    one = dice_of_labelled(landmarks, [labelled(tmp_path / "t.parquet", IDS)])
    two = dice_of_corrections(landmarks, [corrections(tmp_path / "own_annotations.csv", IDS)])
    pd.testing.assert_frame_equal(one[sorted(one)], two[sorted(two)])


@pytest.mark.parametrize("truth", ["labelled", "annotations"])
def test_own_films_move_estimate_and_record(tmp_path, prior, truth):
    landmarks = [shard(tmp_path / "l.parquet", IDS)]
    made_by = {"labelled": labelled, "annotations": corrections}[truth]
    given = {truth: [made_by(tmp_path / {"labelled": "t.parquet", "annotations": "own_annotations.csv"}[truth], IDS)]}
    made = recalibrate_quality(prior, landmarks, tmp_path / "own.json", **given)
    assert read_quality_calibration(tmp_path / "own.json") == made
    assert made.own["lungs"].films == 20
    dice = dice_of_labelled(landmarks, [labelled(tmp_path / "again.parquet", IDS)]).iloc[0]
    seen = math.log((1 - dice["dice_lungs"]) / 0.1)
    assert made.own["lungs"].seen_shift == pytest.approx(seen, abs=1e-5)
    assert made.own["lungs"].shift == pytest.approx(seen * 0.8 / (0.8 + 0.09), abs=1e-5)
    assert made.own["heart"].seen_shift == pytest.approx(math.log((1 - dice["dice_heart"]) / 0.1), abs=1e-5)
    before = read_quality_calibration(prior).models["heart"]
    assert made.models["heart"]["offset"] > before["offset"] + 0.8


def test_organs_with_too_few_films_keep_their_estimate(tmp_path, prior):
    landmarks = [shard(tmp_path / "l.parquet", IDS)]
    with pytest.raises(CxrError, match="no organ with 5 films or more"):
        recalibrate_quality(prior, landmarks, tmp_path / "own.json", [labelled(tmp_path / "t.parquet", IDS[:4])])
    assert not (tmp_path / "own.json").exists()


def test_few_films_are_told(tmp_path, prior, caplog):
    landmarks = [shard(tmp_path / "l.parquet", IDS)]
    recalibrate_quality(prior, landmarks, tmp_path / "own.json", [labelled(tmp_path / "t.parquet", IDS[:6])])
    assert "6 films are few; 20 to 50 are better" in caplog.text


def test_misuse_is_refused_in_one_line(tmp_path, prior):
    landmarks, truth = [shard(tmp_path / "l.parquet", IDS)], [labelled(tmp_path / "t.parquet", IDS)]
    own = tmp_path / "own.json"
    recalibrate_quality(prior, landmarks, own, truth)
    other = [shard(tmp_path / "o.parquet", IDS, weights="c" * 64)]
    strangers = [labelled(tmp_path / "s.parquet", ["x", "y"])]
    for arguments, message in (
        ((prior, landmarks, own), "give either --labelled or --annotations"),
        ((own, landmarks, own, truth), "already sharpened with own films"),
        ((prior, other, own, truth), "masks of weights 'cccc"),
        ((prior, landmarks, own, strangers), "none of its images is in the landmark shards"),
    ):
        with pytest.raises(CxrError, match=message) as caught:
            recalibrate_quality(*arguments)
        assert "\n" not in str(caught.value)
