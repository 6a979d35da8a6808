import json

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.weights import card_path, export_weights, read_weights, sha256_of, write_weights

CARD = {"segmenter": "hybridgnet", "settings": {}, "normalisation": "", "data": {}, "metrics": {}}
TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3).T, "a": np.array(7), "c": np.zeros(3, np.float32)}


def test_round_trip_keeps_shapes_and_names_the_file(tmp_path):
    path = tmp_path / "w.safetensors"
    write_weights(path, TENSORS, CARD)
    tensors, card = read_weights(path)
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], value)
        assert tensors[name].shape == value.shape
    assert card["sha256"] == sha256_of(path)


def test_same_weights_same_bytes(tmp_path):
    write_weights(tmp_path / "1.safetensors", TENSORS, CARD)
    write_weights(tmp_path / "2.safetensors", dict(reversed(TENSORS.items())), CARD)
    assert (tmp_path / "1.safetensors").read_bytes() == (tmp_path / "2.safetensors").read_bytes()


def test_what_is_wrong_is_one_line(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(CxrError, match=r"keys \['data'\] are missing"):
        write_weights(path, TENSORS, {key: value for key, value in CARD.items() if key != "data"})
    with pytest.raises(CxrError, match="no such file"):
        read_weights(path)
    write_weights(path, TENSORS, CARD)
    card_path(path).write_text("{")
    with pytest.raises(CxrError, match="not readable as JSON"):
        read_weights(path)
    card_path(path).write_text("{}")
    with pytest.raises(CxrError, match=r"keys .* are missing from the weights card"):
        read_weights(path)
    path.write_bytes(b"junk")
    card_path(path).write_text(json.dumps({**CARD, "sha256": sha256_of(path)}))
    with pytest.raises(CxrError, match="not readable as safetensors"):
        read_weights(path)


def test_exported_weights_are_16_bits_and_say_more(tmp_path):
    tensors = {"a": np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4), "count": np.array(7, np.int64)}
    write_weights(tmp_path / "w.safetensors", tensors, CARD)
    export_weights(tmp_path / "w.safetensors", tmp_path / "h.safetensors", {"intended_use": "research"})
    found, card = read_weights(tmp_path / "h.safetensors")
    assert card["intended_use"] == "research"
    assert found["a"].dtype == np.float32
    np.testing.assert_array_equal(found["a"], tensors["a"].astype(np.float16).astype(np.float32))
    assert found["count"] == 7
    assert (tmp_path / "h.safetensors").stat().st_size < (tmp_path / "w.safetensors").stat().st_size
    with pytest.raises(CxrError, match="stand in the card already"):
        export_weights(tmp_path / "w.safetensors", tmp_path / "x.safetensors", {"metrics": 1})
    write_weights(tmp_path / "big.safetensors", {"a": np.array([1e6], np.float32)}, CARD)
    with pytest.raises(CxrError, match="16 bits end at 65504"):
        export_weights(tmp_path / "big.safetensors", tmp_path / "x.safetensors", {})
