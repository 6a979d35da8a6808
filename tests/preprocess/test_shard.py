import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cxrfactory.cli.stages.preprocess import preprocess
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.intensity import to_uint8
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.preprocess.shard import preprocess_shard
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import IMAGES, MANIFEST, REJECTED

RECIPE = Preparation(size=96, remove_borders=False)


def picture(number):
    return np.random.default_rng(number).integers(0, 256, (70 + number, 90), dtype=np.uint8)


@pytest.fixture
def release(tmp_path):
    """Nine good images, three bad ones, one left out by the manifest."""
    root = tmp_path / "root"
    root.mkdir()
    rows = []
    for number in range(9):
        cv2.imwrite(str(root / f"{number}.png"), picture(number))
        rows.append((f"id-{number}", f"{number}.png", True))
    (root / "empty.jpg").write_bytes(b"")
    cv2.imwrite(str(root / "flat.png"), np.full((80, 80), 3, np.uint8))
    rows += [("bad-empty", "empty.jpg", True), ("bad-flat", "flat.png", True), ("bad-out", "../0.png", True)]
    rows.append(("lateral", "0.png", False))
    frame = pd.DataFrame(rows, columns=["image_id", "path", "included"])
    for name in MANIFEST.names:
        if name not in frame:
            frame[name] = None
    frame["age"] = frame["age"].astype(float)
    write_table(frame, tmp_path / "manifest.parquet", MANIFEST)
    return tmp_path


def run(release, shard=0, shards=1, workers=1, tag=""):
    output, rejected = release / f"images{tag}.parquet", release / f"rejected{tag}.parquet"
    preprocess_shard(release / "manifest.parquet", release / "root", shard, shards, output, rejected, RECIPE, workers)
    return output, rejected


def test_images_and_rejections(release):
    output, rejected = run(release)
    images, faults = read_table(output, IMAGES), read_table(rejected, REJECTED)
    assert images["image_id"].tolist() == [f"id-{number}" for number in range(9)]
    for number, (_, row) in enumerate(images.iterrows()):
        geometry = Geometry.from_row(row)
        assert geometry == Geometry.whole(70 + number, 90, 96)
        expected = geometry.forward_image(to_uint8(picture(number)))
        assert np.array_equal(decode_png(row["png"]), expected)
    assert faults["image_id"].tolist() == ["bad-empty", "bad-flat", "bad-out"]
    assert faults["path"].tolist() == ["empty.jpg", "flat.png", "../0.png"]
    assert set(faults["stage"]) == {"preprocess"}
    for reason, word in zip(faults["reason"], ["empty file", "one-colour", "root"], strict=True):
        assert word in reason


def test_the_bytes_do_not_depend_on_the_workers(release):
    first, second = run(release, tag="1"), run(release, workers=3, tag="3")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_shards_together_are_the_whole_and_may_be_empty(release):
    whole = read_table(run(release)[0]).set_index("image_id")
    parts = []
    for shard in range(40):
        output, rejected = run(release, shard, 40, tag=f"-{shard}")
        part = read_table(output, IMAGES)
        assert pq.read_schema(rejected).names == REJECTED.names
        assert all(shard_of(image_id, 40) == shard for image_id in part["image_id"])
        parts.append(part)
    assert any(part.empty for part in parts)
    together = pd.concat(parts).set_index("image_id").loc[whole.index]
    pd.testing.assert_frame_equal(together, whole, check_dtype=False)


def test_many_images_are_written_in_order_over_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("cxrfactory.preprocess.streaming.ROWS_PER_GROUP", 4)
    cv2.imwrite(str(tmp_path / "a.png"), picture(1))
    ids = [f"{number:03d}" for number in np.random.default_rng(0).permutation(11)]
    frame = pd.DataFrame({"image_id": ids, "path": "a.png", "included": True})
    frame.to_parquet(tmp_path / "manifest.parquet")
    output = tmp_path / "o.parquet"
    written = preprocess_shard(tmp_path / "manifest.parquet", tmp_path, 0, 1, output, tmp_path / "r.parquet", RECIPE, 2)
    assert written == (11, 0)
    assert read_table(output, IMAGES)["image_id"].tolist() == sorted(ids)
    assert pq.ParquetFile(output).num_row_groups == 3


def test_faults_of_the_call_are_errors_and_write_nothing(release):
    manifest, root, out = release / "manifest.parquet", release / "root", release / "o.parquet"
    with pytest.raises(CxrError, match="shard 3 of 3"):
        preprocess_shard(manifest, root, 3, 3, out, release / "r.parquet", RECIPE)
    with pytest.raises(CxrError, match="no such folder"):
        preprocess_shard(manifest, release / "none", 0, 1, out, release / "r.parquet", RECIPE)
    with pytest.raises(CxrError, match="0 workers"):
        preprocess_shard(manifest, root, 0, 1, out, release / "r.parquet", RECIPE, workers=0)
    twice = pd.DataFrame({"image_id": ["a", "a"], "path": ["0.png", "1.png"], "included": True})
    twice.to_parquet(release / "twice.parquet")
    with pytest.raises(CxrError, match="'a' occurs twice"):
        preprocess_shard(release / "twice.parquet", root, 0, 1, out, release / "r.parquet", RECIPE)
    assert not out.exists()
    assert not (release / "r.parquet").exists()


def test_command_line_function(release):
    out = release / "cli.parquet"
    preprocess(release / "manifest.parquet", release / "root", out, release / "r.parquet", size=64, clahe_clip=2.0)
    assert set(read_table(out, IMAGES)["size"]) == {64}
    with pytest.raises(CxrError, match=r"--clahe-engine: .* found .x."):
        preprocess(
            release / "manifest.parquet", release / "root", out, release / "r.parquet",
            clahe_clip=2.0, clahe_engine="x",
        )  # fmt: skip
