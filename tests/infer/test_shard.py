import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config.infer import PredictConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.infer.montage import montage
from cxrfactory.infer.shard import infer_shard
from cxrfactory.models.evidence import Evidence
from cxrfactory.tables.parquet import read_table, stored_graph, write_arrow, write_table
from cxrfactory.tables.schemas import IMAGES, LANDMARKS, REJECTED


def shard(path, count, size=96):
    rng = np.random.default_rng(0)
    rows = [
        {
            "image_id": f"i{number}",
            "png": encode_png(rng.integers(0, 256, (size, size), dtype=np.uint8)),
            "original_height": 100,
            "original_width": 80,
            "crop_top": 0,
            "crop_left": 0,
            "crop_height": 100,
            "crop_width": 80,
            "size": size,
        }
        for number in range(count)
    ]
    write_table(pd.DataFrame(rows, columns=IMAGES.names), path, IMAGES)
    return path


def test_a_shard_names_the_graph_of_its_landmarks(weights, tmp_path):
    images = shard(tmp_path / "i.parquet", 0)
    infer_shard(images, weights, tmp_path / "l.parquet", tmp_path / "r.parquet", PredictConfig(samples=2, device="cpu"))
    assert stored_graph(tmp_path / "l.parquet") == "lungs-heart"
    assert stored_graph(images) is None


def test_every_image_gets_landmarks_and_keeps_its_geometry(weights, tmp_path):
    out, lost = tmp_path / "l.parquet", tmp_path / "r.parquet"
    infer_shard(shard(tmp_path / "s.parquet", 4), weights, out, lost, PredictConfig(samples=3, device="cpu"))
    table = read_table(out, LANDMARKS)
    assert list(table["image_id"]) == ["i0", "i1", "i2", "i3"]
    assert {len(each) for each in table["landmarks"]} == {240}
    assert set(table["original_width"]) == {80}
    points = table["landmarks"][0].reshape(120, 2)
    np.testing.assert_allclose(points[:44].mean(axis=0), [0.3 * 96 - 0.5, 0.5 * 96 - 0.5], atol=0.5)
    assert read_table(lost, REJECTED).empty


def test_a_network_with_a_dense_head_stores_its_evidence(two_headed_weights, tmp_path):
    images, settings = shard(tmp_path / "s.parquet", 4), PredictConfig(samples=3, device="cpu", batch_size=2)
    for name, workers in (("a", 1), ("b", 3)):
        infer_shard(images, two_headed_weights, tmp_path / name, tmp_path / f"{name}.lost", settings, workers)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    table = read_table(tmp_path / "a", LANDMARKS)
    for _, row in table.iterrows():
        found = Evidence.from_records(row["evidence"], row["latent_norm"])
        assert list(found.organs) == ["right_lung", "left_lung", "heart", "lungs"]
        assert all(0 <= value <= 1 for values in found.organs.values() for value in vars(values).values())
        assert found.latent_norm == pytest.approx(np.square(row["latent"]).mean(), rel=1e-5)
    assert table["latent_norm"].nunique() == 4


def test_shards_without_evidence_are_read_as_before(weights, tmp_path):
    out, lost = tmp_path / "l.parquet", tmp_path / "r.parquet"
    infer_shard(shard(tmp_path / "s.parquet", 2), weights, out, lost, PredictConfig(samples=2, device="cpu"))
    table = read_table(out, LANDMARKS)
    assert table["evidence"].isna().all()
    assert table["latent_norm"].isna().all()
    older = pq.read_table(out).drop_columns(["evidence", "latent_norm"])
    write_arrow(older, tmp_path / "older.parquet")
    again = read_table(tmp_path / "older.parquet", LANDMARKS)
    assert list(again.columns) == LANDMARKS.names
    assert again["evidence"].isna().all()
    np.testing.assert_array_equal(np.stack(again["landmarks"]), np.stack(table["landmarks"]))


def test_empty_shard_stays_empty(weights, tmp_path):
    infer_shard(
        shard(tmp_path / "s.parquet", 0),
        weights,
        tmp_path / "l.parquet",
        tmp_path / "r.parquet",
        PredictConfig(device="cpu"),
    )
    assert read_table(tmp_path / "l.parquet", LANDMARKS).empty


def test_landmarks_far_outside_are_rejected_by_name(weights, tmp_path, monkeypatch):
    from cxrfactory.infer import shard as module

    monkeypatch.setattr(module, "OUTSIDE", -0.3)
    infer_shard(
        shard(tmp_path / "s.parquet", 1),
        weights,
        tmp_path / "l.parquet",
        tmp_path / "r.parquet",
        PredictConfig(samples=2, device="cpu"),
    )
    lost = read_table(tmp_path / "r.parquet", REJECTED)
    assert list(lost["reason"]) == ["landmarks lie far outside the image"]


def test_montage_shows_all_when_there_are_few(weights, tmp_path):
    pictures, points = shard(tmp_path / "s.parquet", 3), tmp_path / "l.parquet"
    infer_shard(pictures, weights, points, tmp_path / "r.parquet", PredictConfig(samples=2, device="cpu"))
    montage([pictures], [points], landmark_graph("lungs-heart"), tmp_path / "m.png", count=12, columns=4, tile=80)
    assert decode_png((tmp_path / "m.png").read_bytes()).shape == (80, 320)


def test_montage_of_nothing_says_so(weights, tmp_path):
    pictures, points = shard(tmp_path / "s.parquet", 0), tmp_path / "l.parquet"
    infer_shard(pictures, weights, points, tmp_path / "r.parquet", PredictConfig(samples=2, device="cpu"))
    with pytest.raises(CxrError, match="no image has landmarks"):
        montage([pictures], [points], landmark_graph("lungs-heart"), tmp_path / "m.png")


def test_montage_needs_all_image_shards(weights, tmp_path):
    pictures, points = shard(tmp_path / "s.parquet", 3), tmp_path / "l.parquet"
    infer_shard(pictures, weights, points, tmp_path / "r.parquet", PredictConfig(samples=2, device="cpu"))
    fewer = shard(tmp_path / "f.parquet", 2)
    with pytest.raises(CxrError, match="1 images with landmarks are in no image shard, first 'i2'"):
        montage([fewer], [points], landmark_graph("lungs-heart"), tmp_path / "m.png")
