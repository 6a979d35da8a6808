from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.config import ModelConfig, TrainConfig, parse_config
from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.data.balance import balanced, read_strata
from cxrfactory.train.segmenter import loop
from cxrfactory.train.segmenter.run import train_segmenter

# CXLSeg, Table II: images before and after augmentation, summed over its three sets.
BEFORE = {"Tuberculosis": 336 + 58, "Covid-19": 517, "Pneumonia": 3987, "Normal": 326 + 80 + 1602}
AFTER = {"Tuberculosis": 3360 + 580, "Covid-19": 3619, "Pneumonia": 3987, "Normal": 326 + 320 + 3204}


def test_exact_counts():
    strata = ["a"] * 7 + ["b"] * 3 + ["c"] * 1
    found = balanced(strata, 0, 0)
    times = np.bincount(found, minlength=11)
    assert times[:7].tolist() == [1] * 7
    assert sorted(times[7:10]) == [2, 2, 3]
    assert times[10] == 7
    assert found.tolist() == sorted(found)


def test_depends_on_epoch_and_seed_alone():
    strata = ["a"] * 27 + ["b"] * 13
    choice = [balanced(strata, epoch, 5).tolist() for epoch in range(20)]
    assert choice == [balanced(strata, epoch, 5).tolist() for epoch in range(20)]
    assert len({tuple(each) for each in choice}) > 10
    assert choice[0] != balanced(strata, 0, 6).tolist()
    extra = Counter(index for each in choice for index in each)
    assert min(extra[index] for index in range(27, 40)) >= 2 * 20  # 27 // 13 whole rounds
    assert sum(extra[index] for index in range(27, 40)) == 27 * 20


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40), st.integers(0, 50))
def test_every_stratum_as_often_and_every_image_at_least_once(strata, epoch):
    found = balanced(strata, epoch, 0)
    largest = max(Counter(strata).values())
    assert Counter(strata[index] for index in found) == dict.fromkeys(strata, largest)
    assert set(found) == set(range(len(strata)))
    for name in set(strata):
        counts = Counter(index for index in found if strata[index] == name).values()
        assert max(counts) - min(counts) <= 1


def test_the_papers_table():
    assert AFTER == {"Tuberculosis": 3940, "Covid-19": 3619, "Pneumonia": 3987, "Normal": 3850}
    assert sum(AFTER.values()) == 15396
    strata = [name for name, count in BEFORE.items() for _ in range(count)]
    found = balanced(strata, 0, 0)
    assert Counter(strata[index] for index in found) == dict.fromkeys(BEFORE, 3987)


@pytest.fixture
def two_sources(labelled):
    table = read_table(labelled, LABELLED_IMAGES)
    table.loc[table["image_id"] == "p03", "source"] = "Other"
    write_table(table, labelled, LABELLED_IMAGES)
    return labelled


def test_training_draws_every_source_equally(two_sources, tmp_path, monkeypatch):
    torch.set_num_threads(1)
    inner, epochs = loop.epoch_batches, []

    def spy(indices, *arguments):
        epochs.append(indices)
        return inner(indices, *arguments)

    monkeypatch.setattr(loop, "epoch_batches", spy)
    settings = TrainConfig(epochs=2, batch_size=8, precision="fp32", balance="source")
    train_segmenter(two_sources, tmp_path / "w.safetensors", ModelConfig(input_size=64), settings, torch.device("cpu"))
    assert [np.bincount(each).tolist() for each in epochs] == [[1, 1, 1, 11, *[1] * 8]] * 2
    assert read_weights(tmp_path / "w.safetensors")[1]["training"]["balanced"] == {"Other": 1, "Phantom": 11}


def test_classes_come_from_a_table(two_sources, tmp_path):
    classes = tmp_path / "classes.csv"
    classes.write_text("image_id,class,age\np00,TB,1\np03,Normal,2\nelsewhere,TB,\n")
    assert read_strata("class", classes, [two_sources], ["p00", "p03"]) == ["TB", "Normal"]
    assert read_strata("source", None, [two_sources], ["p00", "p03"]) == ["Phantom", "Other"]
    assert read_strata("none", None, [two_sources], ["p00"]) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file; expected a CSV"),
        ("", "not readable as CSV"),
        ("image_id,finding\np00,TB\n", r"columns \['class'\] are missing; found \['image_id', 'finding'\]"),
        ("image_id,class\np00,TB\n", "1 training images have no class, first 'p01'"),
        ("image_id,class\np00,TB\np01,TB\np00,Normal\n", "image 'p00' has two classes"),
        ("image_id,class\np00,TB\np01, \n", "image 'p01' has an empty class"),
    ],
)
def test_errors_are_one_line(tmp_path, text, message):
    path = tmp_path / "classes.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CxrError, match=message) as caught:
        read_strata("class", path, [Path("unread")], ["p00", "p01"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("small", "large", "times"), [(1, 100, 10), (4, 100, 20), (25, 100, 50), (100, 100, 100)])
def test_root_draws_small_sources_by_the_square_root(small, large, times):
    strata = ["b"] * large + ["a"] * small
    drawn = np.bincount(balanced(strata, 3, 0, root=True), minlength=small + large)
    assert drawn[:large].tolist() == [1] * large
    assert drawn[large:].sum() == times
    assert drawn[large:].max() - drawn[large:].min() <= 1


@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5), epoch=st.integers(0, 9))
def test_root_lies_between_no_balance_and_a_full_one(sizes, epoch):
    strata = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    plain, half, full = (
        Counter(np.asarray(strata)[indices])
        for indices in (np.arange(len(strata)), balanced(strata, epoch, 0, root=True), balanced(strata, epoch, 0))
    )
    assert all(plain[name] <= half[name] <= full[name] for name in plain)
    assert min(np.bincount(balanced(strata, epoch, 0, root=True), minlength=len(strata))) >= 1


def test_root_balances_sources_in_training(two_sources):
    assert read_strata("root", None, [two_sources], ["p00", "p03"]) == ["Phantom", "Other"]


@pytest.mark.parametrize("values", [{"balance": "class"}, {"classes": "c.csv"}, {"balance": "source", "classes": "c"}])
def test_class_and_table_go_together(values):
    with pytest.raises(CxrError, match="balance: class and classes go together"):
        parse_config({"train": values})
