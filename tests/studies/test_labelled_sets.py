"""True masks of a row, commands of a measurement."""

import numpy as np
import pytest

from cxrfactory.studies.labelled_sets import evaluated, truth_of
from cxrfactory.studies.study import Context
from tests.studies.films import film


def test_truth_is_drawn_or_filled_and_whole_lungs_are_second_to_lungs():
    truth = truth_of(film("a", heart=12))
    assert {name: int(mask.sum()) for name, mask in truth.items()} == {
        "right_lung": 48 * 22,
        "left_lung": 48 * 22,
        "heart": 20 * 12,
    }
    row = film("a")
    row["regions"][0]["name"], row["regions"][1]["name"] = "right_whole_lung", "left_whole_lung"
    assert set(truth_of(row)) == {"right_lung", "left_lung", "heart"}
    angle = np.linspace(0, 2 * np.pi, 26, endpoint=False)
    heart = np.stack([32 + 10 * np.cos(angle), 32 + 10 * np.sin(angle)], axis=1).astype(np.float32)
    (only,) = truth_of(film("a", labels="H", landmarks=heart.ravel(), regions=None)).items()
    assert only[0] == "heart"
    assert only[1].sum() == pytest.approx(np.pi * 100, rel=0.1)


def test_each_table_is_measured_with_all_networks():
    tables = {"a": "{draw}/a.parquet", "b": "b.parquet"}
    step = evaluated(Context(("t.parquet",)), "measure", tables, ("x", "y"), ("draw",), "test")
    assert step.needs == ("x", "y", "draw")
    assert [words[1] for words in step.commands] == ["--labelled={draw}/a.parquet", "--labelled=b.parquet"]
    assert all("--weights={y}/weights.safetensors" in words and "--split=test" in words for words in step.commands)
    assert "--output={out}/b" in step.commands[1]
