import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LANDMARKS
from cxrfactory.tables.signals import WEIGHTS_KEY, read_signals, signal_row, signals_of, stored_weights

RECORD = {"organ": "lungs", "dense_dice": 0.9, "soft_dice": 0.8, "start_dice": None, "shape_dice": 0.7}


def shard(path, rows, weights=None):
    """A landmark shard of one image for each (id, evidence, latent norm)."""
    fixed = {name: [0.0, 0.0] for name in ("landmarks", "landmarks_mean", "landmarks_std", "latent")}
    sizes = dict.fromkeys(
        ["original_height", "original_width", "crop_top", "crop_left", "crop_height", "crop_width", "size"], 1
    )
    frame = [
        {"image_id": name, **fixed, **sizes, "evidence": evidence, "latent_norm": norm} for name, evidence, norm in rows
    ]
    write_table(pd.DataFrame(frame), path, LANDMARKS, facts=weights and {WEIGHTS_KEY: weights})
    return path


def test_signals_have_the_names_of_organ_and_agreement():
    found = signals_of([RECORD], 1.5)
    assert found == {"lungs_dense_dice": 0.9, "lungs_soft_dice": 0.8, "lungs_shape_dice": 0.7, "latent_norm": 1.5}
    assert signals_of(None, None) == {}
    np.testing.assert_array_equal(signal_row(found, ["latent_norm", "heart_soft_dice"]), [1.5, np.nan])


def test_shards_are_read_by_image(tmp_path):
    one = shard(tmp_path / "1.parquet", [("b", [RECORD], 1.0), ("a", None, None)])
    two = shard(tmp_path / "2.parquet", [("c", [RECORD | {"soft_dice": 0.5}], 2.0)])
    found = read_signals([one, two])
    assert sorted(found.index) == ["a", "b", "c"]
    assert found.loc["c", "lungs_soft_dice"] == 0.5
    assert found.loc["a"].isna().all()
    with pytest.raises(CxrError, match=r"image '[ab]' occurs twice"):
        read_signals([one, one])


def test_a_network_without_signals_is_refused(tmp_path):
    path = shard(tmp_path / "1.parquet", [("a", None, None)])
    with pytest.raises(CxrError, match="column 'evidence' is empty; expected landmarks of a network with a dense head"):
        read_signals([path])


def test_weights_are_recorded_in_the_shard(tmp_path):
    assert stored_weights(shard(tmp_path / "1.parquet", [("a", [RECORD], 1.0)], "f" * 64)) == "f" * 64
    assert stored_weights(shard(tmp_path / "2.parquet", [("a", [RECORD], 1.0)])) is None
