import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.imaging.png import encode_png
from cxrfactory.rca.reference import build_reference, origin_of
from cxrfactory.rca.shard import rca_shard
from cxrfactory.tables.calibration import stored_origin
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import IMAGES, LANDMARKS, RCA, REJECTED
from tests.rca.chests import SIZE, encode, write_labelled, write_shard

KNOWN = {"k1": {"shift": (6, 0)}, "k2": {"scale": 0.95}, "k3": {"shift": (0, 7), "scale": 1.04}}
QUERIES = {"q2": {"shift": (-5, 3)}, "q1": {}, "k1": {"shift": (6, 0)}}


@pytest.fixture
def folder(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", KNOWN)
    graph = landmark_graph("lungs-heart")
    build_reference(tmp_path / "labelled.parquet", tmp_path / "reference.parquet", encode, graph, 1.0, SIZE)
    write_shard(tmp_path, QUERIES)
    return tmp_path


def score(folder, name="scores", references=2, size=SIZE, workers=1):
    return rca_shard(
        folder / "images.parquet",
        folder / "landmarks.parquet",
        folder / "reference.parquet",
        folder / f"{name}.parquet",
        folder / f"{name}.rejected.parquet",
        references,
        size,
        workers,
    )


def test_every_image_is_scored_against_others(folder):
    assert score(folder) == (3, 0)
    table = read_table(folder / "scores.parquet", RCA)
    assert table["image_id"].to_list() == ["k1", "q1", "q2"]
    assert (table["dice_rca_mean"] > 0.9).all()
    assert (table["dice_rca_max"] >= table["dice_rca_mean"]).all()
    assert set(table["references"].iloc[0]) == {"k2", "k3"}  # not k1 itself
    assert all(len(each) == 2 for each in table["references"])
    assert read_table(folder / "scores.rejected.parquet", REJECTED).empty
    origin = stored_origin(folder / "scores.parquet")
    assert origin == origin_of(folder / "reference.parquet", 2)
    assert (origin.method, origin.references, origin.size) == ("classical", 2, SIZE)


def test_the_bytes_do_not_depend_on_the_number_of_processes(folder):
    assert score(folder, "one") == score(folder, "two", workers=2)
    assert (folder / "one.parquet").read_bytes() == (folder / "two.parquet").read_bytes()


def test_a_one_colour_image_is_rejected_and_the_rest_goes_on(folder):
    images = read_table(folder / "images.parquet", IMAGES).set_index("image_id")
    images.loc["q1", "png"] = encode_png(np.full((2 * SIZE, 2 * SIZE), 9, np.uint8))
    write_table(images.reset_index(), folder / "images.parquet", IMAGES)
    assert score(folder) == (2, 1)
    lost = read_table(folder / "scores.rejected.parquet", REJECTED)
    assert lost["image_id"].to_list() == ["q1"]
    assert lost["stage"].to_list() == ["rca"]
    assert "one grey value" in lost["reason"].iloc[0]


def test_images_without_landmarks_are_passed_over_but_not_the_reverse(folder):
    landmarks = read_table(folder / "landmarks.parquet", LANDMARKS)
    write_table(landmarks.iloc[:1], folder / "landmarks.parquet", LANDMARKS)
    assert score(folder) == (1, 0)
    extra = pd.concat([landmarks, landmarks.iloc[:1].assign(image_id="ghost")])
    write_table(extra, folder / "landmarks.parquet", LANDMARKS)
    with pytest.raises(CxrError, match="1 images of"):
        score(folder, "ghost")
    assert not (folder / "ghost.parquet").exists()


def test_an_empty_shard_gives_empty_tables(folder):
    write_shard(folder, {})
    assert score(folder) == (0, 0)
    assert read_table(folder / "scores.parquet", RCA).empty


def test_lungs_alone_leave_the_heart_columns_empty(folder):
    graph = landmark_graph("lungs")
    build_reference(folder / "labelled.parquet", folder / "reference.parquet", encode, graph, 1.0, SIZE)
    landmarks = read_table(folder / "landmarks.parquet", LANDMARKS)
    landmarks["landmarks"] = [points[: 94 * 2] for points in landmarks["landmarks"]]
    write_table(landmarks, folder / "landmarks.parquet", LANDMARKS)
    score(folder)
    table = read_table(folder / "scores.parquet", RCA)
    assert table["heart_mean"].isna().all()
    assert table["heart_max"].isna().all()
    np.testing.assert_array_equal(table["dice_rca_mean"], table["lungs_mean"])


def test_what_does_not_fit_is_one_line(folder):
    with pytest.raises(CxrError, match="images of 96 px, --size is 128"):
        score(folder, size=128)
    with pytest.raises(CxrError, match="2 reference images, 3 wanted"):
        score(folder, references=3)  # k1 is in the shard and in the set
    with pytest.raises(CxrError, match="expected 1 or more"):
        score(folder, workers=0)
    landmarks = read_table(folder / "landmarks.parquet", LANDMARKS)
    write_table(pd.concat([landmarks, landmarks]), folder / "landmarks.parquet", LANDMARKS)
    with pytest.raises(CxrError, match="image_id 'k1' repeats"):
        score(folder)
    landmarks["landmarks"] = [points[: 94 * 2] for points in landmarks["landmarks"]]
    write_table(landmarks, folder / "landmarks.parquet", LANDMARKS)
    with pytest.raises(CxrError, match="graph 'lungs' does not fit"):
        score(folder)
