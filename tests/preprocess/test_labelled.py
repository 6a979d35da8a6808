import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cxrfactory.cli.stages.preprocess import preprocess_labelled
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.tables.parquet import read_table, write_arrow, write_table
from cxrfactory.tables.schemas import LABELLED, LABELLED_IMAGES, REJECTED


def circle(nodes, x, y, radius):
    angle = np.linspace(0, 2 * np.pi, nodes, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


@pytest.fixture
def labelled(tmp_path):
    """A film of 120 x 160 with a black border of 20 on the left, into which the landmarks of 'a' reach."""
    pixels = np.random.default_rng(0).integers(60, 250, (120, 160), dtype=np.uint8)
    pixels[:, :20] = 0
    cv2.imwrite(str(tmp_path / "film.png"), pixels)
    good = np.concatenate([circle(44, 50, 60, 40), circle(50, 110, 60, 40)])
    landmarks = {
        "a": ("L", good),
        "b": ("LH", np.concatenate([good, circle(26, 80, 80, 30)])),
        "short": ("LH", good),
        "unknown": ("LX", good),
        "elsewhere": ("L", good * 6),
        "lost": ("L", good * np.nan),
    }
    frame = pd.DataFrame(
        {
            "image_id": list(landmarks),
            "path": str(tmp_path / "film.png"),
            "patient_id": [f"p-{name}" for name in landmarks],
            "source": "Virtual",
            "labels": [labels for labels, _ in landmarks.values()],
            "split": "train",
            "sex": ["F", *[None] * 5],
            "age": [61.5, *[np.nan] * 5],
            "condition": ["COVID-19", *[None] * 5],
            "landmarks": [points.astype(np.float32).ravel() for _, points in landmarks.values()],
        }
    )
    write_table(frame, tmp_path / "labelled.parquet", LABELLED)
    return tmp_path, landmarks


def test_landmarks_move_with_the_image_and_stay_in_it(labelled):
    folder, landmarks = labelled
    output, rejected = folder / "o.parquet", folder / "r.parquet"
    preprocess_labelled(folder / "labelled.parquet", output, rejected, size=128)
    found = read_table(output, LABELLED_IMAGES).set_index("image_id")
    assert found.index.tolist() == ["a", "b"]
    assert found.loc["b", "patient_id"] == "p-b"
    assert found.loc["a", ["sex", "age", "condition"]].tolist() == ["F", 61.5, "COVID-19"]
    stored = pq.read_table(output, columns=["sex", "age", "condition"]).to_pylist()
    assert stored[1] == {"sex": None, "age": None, "condition": None}
    for name, row in found.iterrows():
        geometry = Geometry.from_row(row)
        assert geometry == Geometry(120, 160, 0, 10, 120, 150, 128)  # x = 10 is the leftmost landmark
        moved = row["landmarks"].reshape(-1, 2)
        assert moved.dtype == np.float32
        assert np.allclose(moved, geometry.forward_points(landmarks[name][1]), atol=1e-4)
        assert moved.min() >= -0.5
        assert moved.max() <= 127.5
    faults = read_table(rejected, REJECTED).set_index("image_id")["reason"]
    assert sorted(faults.index) == ["elsewhere", "lost", "short", "unknown"]
    assert "188 landmark numbers; labels LH have 120 x 2" in faults["short"]
    assert "'LX'" in faults["unknown"]
    assert "pixels of the image file" in faults["elsewhere"]
    assert "finite" in faults["lost"]


def test_a_heart_alone_is_moved_and_labels_without_landmarks_are_named(labelled):
    folder, _ = labelled
    table = read_table(folder / "labelled.parquet", LABELLED).set_index("image_id")
    heart = circle(26, 80, 80, 30)
    table.loc["a", "labels"], table.loc["b", "labels"] = "H", "M"
    table.at["a", "landmarks"], table.at["b", "landmarks"] = heart.astype(np.float32).ravel(), np.zeros(0, np.float32)
    write_table(table.reset_index(), folder / "labelled.parquet", LABELLED)
    preprocess_labelled(folder / "labelled.parquet", folder / "o.parquet", folder / "r.parquet", size=128)
    found = read_table(folder / "o.parquet", LABELLED_IMAGES)
    assert found["image_id"].tolist() == ["a"]
    moved = found["landmarks"][0].reshape(-1, 2)
    assert np.allclose(moved, Geometry.from_row(found.iloc[0]).forward_points(heart), atol=1e-4)
    assert found["regions"][0] is None
    reason = read_table(folder / "r.parquet", REJECTED).set_index("image_id")["reason"]["b"]
    assert reason == "labels M have no landmarks; make a table of drawn masks with 'label masks'"


def test_tables_written_before_the_person_was_known_are_read_with_empty_cells(labelled):
    folder, _ = labelled
    preprocess_labelled(folder / "labelled.parquet", folder / "o.parquet", folder / "r.parquet", size=128)
    older = pq.read_table(folder / "o.parquet").drop_columns(["sex", "age", "condition"])
    write_arrow(older, folder / "older.parquet")
    found = read_table(folder / "older.parquet", LABELLED_IMAGES)
    assert found.columns.tolist() == LABELLED_IMAGES.names
    assert found[["sex", "age", "condition"]].isna().all(axis=None)
    both = pd.concat([found, read_table(folder / "o.parquet", LABELLED_IMAGES).iloc[:1].assign(image_id="z")])
    write_table(both, folder / "both.parquet", LABELLED_IMAGES)
    assert read_table(folder / "both.parquet", LABELLED_IMAGES)["age"].tolist()[2:] == [61.5]
