from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.config.roots import RootsSegmentConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.root_pictures import moved_by
from cxrfactory.models.roots.networks import build, read_network
from cxrfactory.models.roots.normalise import local_contrast
from cxrfactory.models.roots.tiles import probabilities
from cxrfactory.roots.segment.accumulate import Accumulator
from cxrfactory.roots.segment.shard import _Finder, segment_plates
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.roots import ROOT_FRAMES, ROOT_MASKS, ROOT_REJECTED
from cxrfactory.tables.weights import write_weights
from tests.roots.segment.plates import SHIFTS, SIDE, picture, write_plates

CPU = torch.device("cpu")


def _weights(path: Path, name: str = "unet", seed: int = 0) -> Path:
    torch.manual_seed(seed)
    network = build(name)
    with torch.no_grad():
        network.last.norm.bias.zero_() if name == "unet" else None
    tensors = {key: value.numpy() for key, value in network.state_dict().items()}
    write_weights(path, tensors, {"segmenter": name, "settings": {}, "normalisation": "", "data": {}, "metrics": {}})
    return path


def _masks(path: Path) -> dict[tuple[str, int], np.ndarray]:
    table = read_table(path, ROOT_MASKS)
    return {(r.plate, r.frame): rle_decode(r.rle, r.height, r.width) for r in table.itertuples()}


def test_masks_are_those_of_the_ensemble_moved_and_accumulated(tmp_path) -> None:
    frames, _ = write_plates(tmp_path / "in", plates=2, absolute=True)
    weights = [_weights(tmp_path / "a.safetensors"), _weights(tmp_path / "b.safetensors", seed=1)]
    settings = RootsSegmentConfig()
    segment_plates(frames, weights, tmp_path / "m.parquet", tmp_path / "r.parquet", settings)
    found = _masks(tmp_path / "m.parquet")
    networks = [read_network(path, CPU) for path in weights]
    assert list(found) == [(f"train-{plate}", frame) for plate in range(2) for frame in range(3)]
    for plate in range(2):
        over_time = Accumulator(0.5, 0.9)
        for frame, shift in enumerate(SHIFTS):
            contrast = local_contrast(picture(plate, frame)[0])
            mean = np.mean([probabilities(name, network, contrast, CPU) for name, network, _ in networks], axis=0)
            wanted = over_time.add(moved_by(mean, *shift))
            assert 0 < wanted.mean() < 1
            assert (found[f"train-{plate}", frame] != wanted).mean() < 1e-3  # rounding of the mean
    assert len(read_table(tmp_path / "r.parquet", ROOT_REJECTED)) == 0


def test_shards_and_order_of_rows_do_not_matter(tmp_path) -> None:
    frames, _ = write_plates(tmp_path / "in", plates=3, absolute=True)
    weights = [_weights(tmp_path / "w.safetensors")]
    segment_plates(frames, weights, tmp_path / "all", tmp_path / "r", RootsSegmentConfig())
    table = read_table(frames, ROOT_FRAMES).iloc[::-1]
    write_table(table, tmp_path / "turned.parquet", ROOT_FRAMES, sort=False)
    segment_plates(tmp_path / "turned.parquet", weights, tmp_path / "again", tmp_path / "r", RootsSegmentConfig())
    assert (tmp_path / "all").read_bytes() == (tmp_path / "again").read_bytes()
    parts = {}
    for shard in range(2):
        segment_plates(frames, weights, tmp_path / f"{shard}", tmp_path / "r", RootsSegmentConfig(), shard, 2)
        parts |= {key: mask.tobytes() for key, mask in _masks(tmp_path / f"{shard}").items()}
    assert parts == {key: mask.tobytes() for key, mask in _masks(tmp_path / "all").items()}


def test_plate_of_one_picture_and_the_random_field(tmp_path) -> None:
    frames, _ = write_plates(tmp_path / "in", plates=1, frames=1, absolute=True)
    weights = [_weights(tmp_path / "w.safetensors")]
    for crf in (False, True):
        settings = RootsSegmentConfig(crf=crf)
        segment_plates(frames, weights, tmp_path / f"{crf}", tmp_path / "r", settings)
    plain, refined = (_masks(tmp_path / f"{crf}")["train-0", 0] for crf in (False, True))
    assert 0 < plain.mean() < 1
    assert (plain != refined).any()


def test_damaged_and_other_pictures_are_rejected_by_name_and_the_others_used(tmp_path) -> None:
    frames, _ = write_plates(tmp_path / "in", plates=1, absolute=True)
    table = read_table(frames, ROOT_FRAMES)
    Path(table["path"][1]).write_bytes(b"no picture")
    import cv2

    cv2.imwrite(table["path"][2], picture(0, 2)[0][:80])
    weights = [_weights(tmp_path / "w.safetensors")]
    segment_plates(frames, weights, tmp_path / "m", tmp_path / "r", RootsSegmentConfig())
    assert list(_masks(tmp_path / "m")) == [("train-0", 0)]
    rejected = read_table(tmp_path / "r", ROOT_REJECTED)
    assert list(rejected["path"]) == list(table["path"][1:])
    assert list(rejected["stage"]) == ["segment", "segment"]
    assert rejected["reason"][1] == f"{SIDE} x 80 pixels; the plate's first picture has {SIDE} x {SIDE}"


def test_no_plates_give_empty_tables_and_no_weights_an_error(tmp_path) -> None:
    write_table(pd.DataFrame(columns=ROOT_FRAMES.names), tmp_path / "f.parquet", ROOT_FRAMES, sort=False)
    weights = [_weights(tmp_path / "w.safetensors")]
    segment_plates(tmp_path / "f.parquet", weights, tmp_path / "m", tmp_path / "r", RootsSegmentConfig())
    assert len(read_table(tmp_path / "m", ROOT_MASKS)) == 0
    with pytest.raises(CxrError, match="no weights of a network of roots"):
        segment_plates(tmp_path / "f.parquet", [], tmp_path / "m", tmp_path / "r", RootsSegmentConfig())


def test_values_are_moved_by_whole_and_part_pixels() -> None:
    values = np.zeros((5, 6), np.float32)
    values[2, 2] = 1
    assert moved_by(values, 1.0, -1.0)[1, 3] == 1
    halved = moved_by(values, 0.5, 0.0)
    assert halved[2, 2] == halved[2, 3] == pytest.approx(0.5)
    assert moved_by(values, 0.0, 0.0) is values


def test_dark_roots_are_found_as_bright_ones_are(tmp_path) -> None:
    grey = picture(0, 0)[0]
    weights = [_weights(tmp_path / "w.safetensors")]
    with _Finder.opened(weights, RootsSegmentConfig()) as finder:
        bright, wrong = finder.probability(grey), finder.probability(255 - grey)
    with _Finder.opened(weights, RootsSegmentConfig(dark_roots=True)) as finder:
        assert np.allclose(finder.probability(255 - grey), bright, atol=1e-4)
    assert not np.allclose(wrong, bright, atol=1e-2)
