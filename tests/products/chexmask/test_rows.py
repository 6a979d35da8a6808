from dataclasses import replace

import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.products.chexmask.rows import LandmarkRow, Scores, pack_image
from cxrfactory.tables.chexmask import header_text, read_chexmask
from cxrfactory.tables.rle import rle_decode

from .packed import SIZE, ellipses

GEOMETRY = Geometry(64, 48, 2, 0, 60, 47, SIZE)
SCORES = Scores(0.8, 0.9, 0.85, 0.95, 0.75, 0.85)
COLUMNS = {"right_lung": "Right Lung", "left_lung": "Left Lung", "heart": "Heart"}


def prediction(graph="lungs-heart", geometry=GEOMETRY, points=None):
    points = ellipses("a", graph) if points is None else points
    return LandmarkRow("a", points, points, np.ones_like(points), geometry)


def parsed(line, tmp_path):
    (tmp_path / "t.csv").write_text(header_text("dicom_id") + line)
    return read_chexmask(tmp_path / "t.csv").iloc[0]


@pytest.mark.parametrize("geometry", [GEOMETRY, Geometry(21, 90, 1, 3, 20, 80, SIZE), Geometry.whole(512, 384, SIZE)])
def test_filling_the_published_landmarks_gives_the_published_masks(tmp_path, geometry):
    graph = landmark_graph("lungs-heart")
    packed = pack_image(prediction(geometry=geometry), SCORES, graph)
    shapes = {packed.original_line: (geometry.original_height, geometry.original_width),
              packed.preprocessed_line: (SIZE, SIZE)}  # fmt: skip
    for line, shape in shapes.items():
        row = parsed(line, tmp_path)
        assert (row["Height"], row["Width"]) == shape
        for organ, nodes in graph.slices.items():
            mask = fill_contour(row["Landmarks"][nodes], *shape)
            assert np.array_equal(rle_decode(row[COLUMNS[organ]], *shape), mask)


def test_landmarks_go_back_by_the_geometry_and_round_as_the_parquet_says(tmp_path):
    packed = pack_image(prediction(), SCORES, landmark_graph("lungs-heart"))
    original = packed.parquet_row["landmarks"].reshape(-1, 2)
    np.testing.assert_allclose(original, GEOMETRY.inverse_points(ellipses("a")), atol=1e-5)
    assert np.array_equal(parsed(packed.original_line, tmp_path)["Landmarks"], np.rint(original))
    assert np.array_equal(parsed(packed.preprocessed_line, tmp_path)["Landmarks"], np.rint(ellipses("a")))


def test_the_left_lung_column_is_the_patients_left_on_the_images_right(tmp_path):
    row = parsed(pack_image(prediction(), SCORES, landmark_graph("lungs-heart")).preprocessed_line, tmp_path)
    left, right = (
        np.flatnonzero(rle_decode(row[name], SIZE, SIZE).any(axis=0)) for name in ("Left Lung", "Right Lung")
    )
    assert left.mean() > right.mean()


def test_overlapping_organs_stay_whole(tmp_path):
    row = parsed(pack_image(prediction(), SCORES, landmark_graph("lungs-heart")).preprocessed_line, tmp_path)
    lung, heart = (rle_decode(row[name], SIZE, SIZE) for name in ("Left Lung", "Heart"))
    assert (lung & heart).sum() > 0


def test_lungs_alone_leave_the_heart_empty(tmp_path):
    scores = replace(SCORES, heart_mean=None, heart_max=None)
    packed = pack_image(prediction("lungs"), scores, landmark_graph("lungs"))
    row = parsed(packed.original_line, tmp_path)
    assert row["Heart"] == ""
    assert row["Landmarks"].shape == (94, 2)
    assert packed.parquet_row["heart_mean"] is None


def test_clavicles_are_in_the_parquet_alone(tmp_path):
    packed = pack_image(prediction("lungs-heart-clavicles"), SCORES, landmark_graph("lungs-heart-clavicles"))
    assert parsed(packed.original_line, tmp_path)["Landmarks"].shape == (120, 2)
    assert packed.parquet_row["landmarks"].size == 332


def test_an_organ_outside_the_image_rejects_the_image():
    points = ellipses("a")
    points[94:] += 100
    with pytest.raises(ImageError, match="heart covers no pixel of the original frame of 64 x 48"):
        pack_image(prediction(points=points), SCORES, landmark_graph("lungs-heart"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dice_rca_max": 0.7}, r"image 'a': Dice RCA \(Max\) 0.7 is below Dice RCA \(Mean\) 0.8"),
        ({"lungs_max": 0.7}, r"image 'a': lungs \(Max\) 0.7 is below"),
        ({"heart_mean": 0.99}, r"image 'a': heart \(Max\) 0.85 is below"),
        ({"dice_rca_max": 1.01}, r"1.01; expected within \[0, 1\]"),
        ({"dice_rca_mean": -1.0}, r"\(Mean\) -1.0"),
        ({"dice_rca_mean": float("nan")}, r"\(Mean\) nan"),
        ({"heart_mean": None}, "for a graph with a heart"),
    ],
)
def test_scores_that_cannot_be(change, message):
    with pytest.raises(CxrError, match=message):
        pack_image(prediction(), replace(SCORES, **change), landmark_graph("lungs-heart"))


def test_heart_scores_without_a_heart():
    with pytest.raises(CxrError, match="for a graph without a heart"):
        pack_image(prediction("lungs"), SCORES, landmark_graph("lungs"))


def test_landmarks_that_are_not_finite():
    points = ellipses("a")
    points[17, 1] = np.nan
    with pytest.raises(CxrError, match="image 'a': landmarks of node 17 is"):
        pack_image(prediction(points=points), SCORES, landmark_graph("lungs-heart"))
