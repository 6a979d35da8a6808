import base64
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.studies import GoldSampleConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.gold.collect import import_gold
from cxrfactory.evaluate.gold.export import export_gold
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.rle import rle_decode

from .tables import GRAPH, SIZE, answered, decoded, ellipses, published_row, save, write_release

SCORES = {f"p{index}/view, 1.jpg": 0.6 + 0.05 * index for index in range(6)}


@pytest.fixture
def exported(tmp_path):
    product, shards = write_release(tmp_path, SCORES)
    chosen = export_gold(product, [shards], tmp_path / "out", GoldSampleConfig(bins=2, random=3))
    return chosen, json.loads((tmp_path / "out" / "CheXpert.tasks.json").read_text()), tmp_path


def test_export_writes_tasks_with_their_images_and_the_sample(exported):
    chosen, tasks, folder = exported
    assert len(chosen) == len(set(chosen)) == 5
    assert [task["data"]["image_id"] for task in tasks] == chosen
    for task in tasks:
        index = list(SCORES).index(task["data"]["image_id"])
        image = decoded(base64.b64decode(task["data"]["image"].split(",")[1]))
        assert (image == index).all()
        first = task["predictions"][0]["result"][0]["value"]
        assert first["x"] == pytest.approx(100 * (ellipses()[0, 0] + index + 0.5) / SIZE)
    sample = pd.read_csv(folder / "out" / "CheXpert.sample.csv")
    assert sample["image_id"].tolist() == chosen
    assert sorted(sample["chosen_by"]) == ["bin 1", "bin 2", "random", "random", "random"]
    assert (folder / "out" / "labelling.xml").read_text().startswith("<View>")


def test_export_does_not_depend_on_how_images_are_given(exported):
    _, _, folder = exported
    shards = [folder / "shards" / name for name in ("1.parquet", "0.parquet")]
    export_gold(folder / "Parquet" / "CheXpert.parquet", shards, folder / "again", GoldSampleConfig(bins=2, random=3))
    for name in ("CheXpert.tasks.json", "CheXpert.sample.csv", "labelling.xml"):
        assert (folder / "again" / name).read_bytes() == (folder / "out" / name).read_bytes()


def test_export_refuses_images_that_are_not_there(exported):
    _, _, folder = exported
    product = folder / "Parquet" / "CheXpert.parquet"
    with pytest.raises(CxrError, match="3 of 6 images are in no shard given"):
        export_gold(product, [folder / "shards" / "0.parquet"], folder / "x", GoldSampleConfig())
    with pytest.raises(CxrError, match=r"columns.*png"):
        export_gold(product, [product], folder / "x", GoldSampleConfig())


def test_untouched_predictions_come_back_as_the_published_row(exported):
    chosen, tasks, folder = exported
    export = save(answered(tasks), folder / "export.json")
    assert import_gold(export, folder / "gold") == {"CheXpert": 5}
    path = folder / "gold" / "CheXpert_annotations.csv"
    assert path.read_text().splitlines()[0] == "ImageID,Dataset,Landmarks,Right Lung,Left Lung,Heart"
    table = read_chexmask(path)
    assert table["image_id"].tolist() == sorted(chosen)
    for row in table.to_dict("records"):
        expected = published_row(row["image_id"], ellipses((list(SCORES).index(row["image_id"]), 0)))
        np.testing.assert_array_equal(row["Landmarks"], expected["Landmarks"])
        for organ in ("Left Lung", "Right Lung", "Heart"):
            assert row[organ] == expected[organ]
    assert (folder / "gold" / "CheXpert_annotations.rejected.csv").read_text() == "ImageID,reason\n"


def test_a_moved_landmark_moves_landmark_and_mask(exported):
    _, tasks, folder = exported
    answers = answered(tasks[:1])
    heart = next(region for region in answers[0]["annotations"][0]["result"]
                 if region["value"]["keypointlabels"] == ["H01"])  # fmt: skip
    heart["value"]["x"] += 100 * 8 / SIZE
    import_gold(save(answers, folder / "export.json"), folder / "gold", reader="r1")
    row = read_chexmask(folder / "gold" / "CheXpert_r1_annotations.csv").iloc[0]
    index = list(SCORES).index(row["image_id"])
    before = np.rint(ellipses((index, 0)))
    after = before.copy()
    after[GRAPH.slices["heart"].start, 0] += 8
    np.testing.assert_array_equal(row["Landmarks"], after)
    x, y = after[GRAPH.slices["heart"].start].astype(int)
    assert rle_decode(row["Heart"], SIZE, SIZE)[y, x] == 1


def test_tasks_that_cannot_be_used_are_rows_with_a_reason(exported):
    _, tasks, folder = exported
    answers = answered(tasks)
    answers[0]["annotations"] = []
    answers[1]["annotations"][0]["was_cancelled"] = True
    answers[2]["annotations"] *= 2
    del answers[3]["annotations"][0]["result"][0]
    assert import_gold(save(answers, folder / "export.json"), folder / "gold") == {"CheXpert": 1}
    rejected = pd.read_csv(folder / "gold" / "CheXpert_annotations.rejected.csv").set_index("ImageID")["reason"]
    names = [task["data"]["image_id"] for task in tasks]
    assert rejected[names[0]] == "not annotated"
    assert rejected[names[1]] == "skipped by the reader"
    assert rejected[names[2]].startswith("2 annotations; expected one")
    assert rejected[names[3]] == "1 of 120 landmarks are missing, first 'H26'"


def test_one_of_two_readers_is_chosen_by_number(exported):
    _, tasks, folder = exported
    answers, others = answered(tasks, user=1), answered(tasks, user={"id": 7})
    for answer, other in zip(answers, others, strict=True):
        for region in other["annotations"][0]["result"]:
            region["value"]["x"] += 100 * 3 / SIZE
        answer["annotations"] += other["annotations"]
    export = save(answers, folder / "export.json")
    for reader, user in (("a", 1), ("b", 7)):
        import_gold(export, folder / "gold", reader, user)
    a, b = (read_chexmask(folder / "gold" / f"CheXpert_{reader}_annotations.csv") for reader in "ab")
    for one, other in zip(a["Landmarks"], b["Landmarks"], strict=True):
        np.testing.assert_array_equal(other - one, np.tile([3, 0], (120, 1)))
    with pytest.raises(CxrError, match=r"none of 5 tasks can be used.*not annotated by user 9"):
        import_gold(export, folder / "gold", "c", 9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "not readable as JSON"),
        ('{"a": 1}', "no list of tasks"),
        ('[{"image_id": "a"}]', r"JSON \(not JSON-MIN\)"),
        ('[{"data": {"image": "x"}}]', "task 1: data lacks"),
        ('[{"data": {"release": "../x", "image_id": "a", "graph": "lungs"}}]', "cannot name a file"),
    ],
)
def test_import_refuses_other_files(tmp_path, content, message):
    path = tmp_path / "export.json"
    path.write_text(content)
    with pytest.raises(CxrError, match=message):
        import_gold(path, tmp_path)
    with pytest.raises(CxrError, match="no such file"):
        import_gold(tmp_path / "none.json", tmp_path)


def test_a_recorded_export_of_label_studio(tmp_path):
    """Label Studio 1.23.2 got the four tasks of such a release, its API the annotations, and gave this file.

    Fields of users and times are taken out. Of the tasks, one is corrected (H01 by 5 px, LL50 by 3 px), one taken over
    with new region ids in another order, one skipped, and one lost landmark RL03.
    """
    export = Path(__file__).with_name("label_studio_1.23.2_export.json")
    assert import_gold(export, tmp_path) == {"CheXpert": 2}
    table = read_chexmask(tmp_path / "CheXpert_annotations.csv").set_index("image_id")["Landmarks"]
    corrected = ellipses((3, 0))
    corrected[GRAPH.slices["heart"].start, 0] += 5
    corrected[GRAPH.slices["left_lung"].stop - 1, 1] -= 3
    np.testing.assert_array_equal(table["p3/view, 1.jpg"], np.rint(corrected))
    np.testing.assert_array_equal(table["p0/view, 1.jpg"], np.rint(ellipses()))
    rejected = pd.read_csv(tmp_path / "CheXpert_annotations.rejected.csv").set_index("ImageID")["reason"].to_dict()
    assert rejected == {
        "p1/view, 1.jpg": "1 of 120 landmarks are missing, first 'RL03'",
        "p2/view, 1.jpg": "skipped by the reader",
    }
