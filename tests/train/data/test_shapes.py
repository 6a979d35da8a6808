import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.train.data.shapes import Shape, moved, shapes_of_landmarks, shapes_of_tables

ORGANS = ("right_lung", "left_lung", "heart")


def test_tables_give_both_splits_sorted_with_what_is_annotated(labelled):
    train, val = shapes_of_tables([labelled], landmark_graph("lungs-heart"))
    assert [shape.image_id for shape in train] == [f"p{number:02d}" for number in range(12)]
    assert [shape.image_id for shape in val] == ["p12", "p13", "p14", "p15"]
    assert list(train[0].contours) == list(ORGANS)
    assert list(train[2].contours) == list(ORGANS[:2])
    masks, annotated = train[2].masks(ORGANS, 128)
    assert annotated.tolist() == [True, True, False]
    assert not masks[2].any()
    points = np.asarray(read_table(labelled).set_index("image_id").loc["p02", "landmarks"]).reshape(-1, 2)
    assert (masks[0] == fill_contour(points[:44], 128, 128)).mean() > 0.999  # float32 fractions and back


def test_images_without_both_lungs_are_left_out(labelled, tmp_path, caplog):
    table = read_table(labelled)
    for row, (code, nodes) in enumerate({"H": slice(94, 120), "M": slice(0)}.items()):
        table.at[row, "labels"] = code
        table.at[row, "landmarks"] = np.asarray(table.at[row, "landmarks"]).reshape(-1, 2)[nodes].ravel()
    write_table(table, tmp_path / "mixed.parquet", LABELLED_IMAGES)
    with caplog.at_level("INFO"):
        train, _ = shapes_of_tables([tmp_path / "mixed.parquet"], landmark_graph("lungs-heart"))
    assert [shape.image_id for shape in train] == [f"p{number:02d}" for number in range(2, 12)]
    assert "left out 2 images without landmarks of both lungs" in caplog.text


def test_organs_beyond_the_graph_are_not_read(labelled):
    train, _ = shapes_of_tables([labelled], landmark_graph("lungs"))
    assert all(list(shape.contours) == list(ORGANS[:2]) for shape in train)


def test_table_errors_are_one_line(labelled, tmp_path):
    with pytest.raises(CxrError, match="'p00' occurs twice"):
        shapes_of_tables([labelled, labelled], landmark_graph("lungs-heart"))
    table = read_table(labelled)
    write_table(table[table["split"] == "train"], tmp_path / "train.parquet", LABELLED_IMAGES)
    with pytest.raises(CxrError, match="12 shapes to train on and 0 held out"):
        shapes_of_tables([tmp_path / "train.parquet"], landmark_graph("lungs-heart"))
    table.loc[3, "labels"] = "L"
    write_table(table, tmp_path / "odd.parquet", LABELLED_IMAGES)
    with pytest.raises(CxrError, match="has labels L but 120 landmarks"):
        shapes_of_tables([tmp_path / "odd.parquet"], landmark_graph("lungs-heart"))


def test_a_landmark_set_is_held_out_by_patient(tmp_path):
    rng = np.random.default_rng(0)
    for folder, nodes in (("RL", 44), ("LL", 50), ("H", 26)):
        (tmp_path / folder).mkdir()
        for number in range(40):
            np.save(tmp_path / folder / f"i{number}.npy", rng.uniform(100, 900, (nodes, 2)))
    rows = [{"File": f"i{number}.png", "Dataset": "JSRT", "Condition": ""} for number in range(40)]
    pd.DataFrame(rows).to_csv(tmp_path / "clinical.csv", index=False)
    train, val = shapes_of_landmarks(tmp_path, landmark_graph("lungs-heart"))
    assert len(train) + len(val) == 40
    assert 2 <= len(val) <= 16
    again = shapes_of_landmarks(tmp_path, landmark_graph("lungs-heart"))[1]
    assert [shape.image_id for shape in val] == [shape.image_id for shape in again]


def test_moving_keeps_organs_together_and_is_mild():
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    shape = Shape("a", "s", {"right_lung": circle * 0.1 + (0.3, 0.5), "left_lung": circle * 0.1 + (0.7, 0.5)})
    apart = []
    for seed in range(50):
        after = moved(shape, np.random.default_rng(seed))
        assert list(after.contours) == list(shape.contours)
        centres = [points.mean(axis=0) for points in after.contours.values()]
        apart.append(np.linalg.norm(centres[1] - centres[0]))
        assert np.abs(np.mean(centres, axis=0) - 0.5).max() < 0.15
    assert 0.25 < min(apart) < 0.4 < max(apart) < 0.6
