import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config.rca import RcaReferenceConfig, RcaScoreConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.models.registration import CHANNELS
from cxrfactory.rca.reference import build_reference, library_digest
from cxrfactory.rca.shard import rca_shard
from cxrfactory.tables.calibration import ScoreOrigin, stored_origin
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import IMAGES, LANDMARKS, RCA, REJECTED
from cxrfactory.tables.weights import sha256_of
from tests.rca.chests import SIZE, encode, write_labelled, write_shard
from tests.rca.networks import tiny_network, write_network

KNOWN = {"k1": {"shift": (6, 0)}, "k2": {"scale": 0.95}, "k3": {"shift": (0, 7), "scale": 1.04}}
QUERIES = {"q2": {"shift": (-5, 3)}, "q1": {}, "k1": {"shift": (6, 0)}}
CLASSICAL = {"method": "classical"}
ALL = RcaReferenceConfig(fraction=1.0, size=SIZE)  # every labelled image is a reference


@pytest.fixture
def folder(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", KNOWN)
    graph = landmark_graph("lungs-heart")
    build_reference(tmp_path / "labelled.parquet", tmp_path / "reference.parquet", encode, graph, ALL)
    write_shard(tmp_path, QUERIES)
    return tmp_path


@pytest.fixture
def deep(tmp_path):
    """A network with random answers."""
    return {"network": str(write_network(tmp_path / "net.safetensors", tiny_network(moving=0.003)))}


def score(folder, name="scores", choice=CLASSICAL, references=2, size=SIZE, workers=1):
    return rca_shard(
        folder / "images.parquet",
        folder / "landmarks.parquet",
        folder / "reference.parquet",
        folder / f"{name}.parquet",
        folder / f"{name}.rejected.parquet",
        RcaScoreConfig(**choice, references=references, size=size),
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
    assert origin == ScoreOrigin(
        method="classical", references=2, size=SIZE, library=library_digest(folder / "reference.parquet")
    )
    assert table["typicality"].isna().all()


def test_deep_scores_say_which_network_they_are_of(folder):
    weights = write_network(folder / "net.safetensors")
    assert score(folder, choice={"network": str(weights), "interpolation": "linear"}) == (3, 0)
    table = read_table(folder / "scores.parquet", RCA)
    assert (table["typicality"] == 1).all()
    assert table["dice_rca_mean"].between(0.5, 1).all()  # the toys overlap as they are
    origin = stored_origin(folder / "scores.parquet")
    assert (origin.method, origin.network, origin.interpolation) == ("deep", sha256_of(weights), "linear")


def test_the_bytes_do_not_depend_on_the_number_of_processes(folder):
    assert score(folder, "one") == score(folder, "two", workers=2)
    assert (folder / "one.parquet").read_bytes() == (folder / "two.parquet").read_bytes()


def test_the_bytes_of_deep_scores_do_not_depend_on_workers_or_threads(folder):
    network = tiny_network(moving=0.003, input_size=64, channels=CHANNELS)
    choice = {"network": str(write_network(folder / "net.safetensors", network))}
    write_shard(folder, {f"i{number}": {"shift": (number, -number)} for number in range(4)})
    before = torch.get_num_threads()
    made = []
    try:
        for threads, workers in ((1, 1), (2, 1), (2, 3)):
            torch.set_num_threads(threads)
            score(folder, "deep", choice, workers=workers)
            made.append((folder / "deep.parquet").read_bytes())
    finally:
        torch.set_num_threads(before)
    assert made[0] == made[1] == made[2]
    assert read_table(folder / "deep.parquet", RCA)["dice_rca_mean"].nunique() == 4


def test_a_deep_score_does_not_depend_on_the_rest_of_its_shard(folder, deep):
    score(folder, "all", deep)
    write_shard(folder, {"q1": QUERIES["q1"]})
    score(folder, "one", deep)
    whole, one = (read_table(folder / f"{name}.parquet", RCA).set_index("image_id") for name in ("all", "one"))
    pd.testing.assert_frame_equal(whole.loc[["q1"]], one)


@pytest.mark.parametrize("method", ["classical", "deep"])
def test_a_one_colour_image_is_rejected_and_the_rest_goes_on(folder, deep, method):
    images = read_table(folder / "images.parquet", IMAGES).set_index("image_id")
    images.loc["q1", "png"] = encode_png(np.full((2 * SIZE, 2 * SIZE), 9, np.uint8))
    write_table(images.reset_index(), folder / "images.parquet", IMAGES)
    assert score(folder, choice=CLASSICAL if method == "classical" else deep) == (2, 1)
    lost = read_table(folder / "scores.rejected.parquet", REJECTED)
    assert lost["image_id"].to_list() == ["q1"]
    assert lost["stage"].to_list() == ["rca"]
    assert lost["reason"].to_list() == ["image has one grey value only (9); nothing to register"]


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
    build_reference(folder / "labelled.parquet", folder / "reference.parquet", encode, graph, ALL)
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
