import json

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.weights import card_path, read_weights, sha256_of, write_weights

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
