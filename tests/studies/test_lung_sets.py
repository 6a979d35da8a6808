"""Both lungs as one region: unions, definitions apart, no patient in two splits, subsets, intervals."""

import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.studies.lung_sets import (
    at_most,
    film_list,
    patient_means,
    read_lungs,
    resized,
    with_region,
)
from tests.studies.lung_films import SIZE, film, lungs, write_films


def test_the_union_of_the_sides_keeps_what_is_ignored(tmp_path):
    path = write_films([film("a", "train", lungs(ignored=True))], tmp_path / "t.parquet")
    (row,) = read_lungs([path]).to_dict("records")
    (region,) = row["regions"]
    assert region["name"] == "lungs"
    mask = decode_png(region["png"])
    assert np.count_nonzero(mask == 127) == 16
    assert np.count_nonzero(mask == 255) == 2 * 16 * 8 - 16
    assert (row["labels"], list(row["landmarks"])) == ("M", [])


def test_definitions_stay_apart(tmp_path):
    rows = [film("a", "train", lungs()), film("b", "val", lungs()), film("c", "train", lungs(whole=True))]
    films = read_lungs([write_films(rows, tmp_path / "t.parquet")])
    assert film_list(films)["region"].tolist() == ["lungs", "lungs", "whole_lungs"]
    assert with_region(films, "lungs")["image_id"].tolist() == ["a", "b"]
    with pytest.raises(CxrError, match=r"no film of split 'val' has lungs that include the part behind the heart"):
        with_region(films, "whole_lungs")


def test_contours_are_filled_where_nothing_is_drawn(tmp_path):
    graph = landmark_graph("lungs")
    points = np.empty((graph.nodes, 2))
    for organ, centre in (("right_lung", 8), ("left_lung", 24)):
        angle = np.linspace(0, 2 * np.pi, points[graph.slices[organ]].shape[0], endpoint=False)
        points[graph.slices[organ]] = np.stack([centre + 5 * np.cos(angle), 16 + 5 * np.sin(angle)], 1)
    rows = [film("a", "train", {}, labels="L", landmarks=points.astype(np.float32).ravel())]
    rows.append(film("b", "train", {"right_lung": lungs()["right_lung"]}))
    films = read_lungs([write_films(rows, tmp_path / "t.parquet")])
    assert films["image_id"].tolist() == ["a"]  # the other one has one lung only
    mask = decode_png(films["regions"][0][0]["png"]) == 255
    assert mask[16, 8]
    assert mask[16, 24]
    assert not mask[16, 16]


def test_a_patient_in_two_splits_is_refused(tmp_path):
    rows = [film("a", "train", lungs(), patient="p"), film("b", "val", lungs(), patient="p")]
    with pytest.raises(CxrError, match="patient 'p' has films in the splits train and val"):
        read_lungs([write_films(rows, tmp_path / "t.parquet")])
    with pytest.raises(CxrError, match="image 'a' occurs twice"):
        read_lungs([write_films(rows[:1], tmp_path / "u.parquet")] * 2)
    with pytest.raises(CxrError, match="no film annotates both lungs"):
        read_lungs([write_films([film("a", "train", {"heart": lungs()["left_lung"]})], tmp_path / "v.parquet")])


def test_a_subset_does_not_depend_on_the_order():
    films = pd.DataFrame({"image_id": [f"i{n}" for n in range(40)], "split": ["train", "val"] * 20})
    chosen = at_most(films, {"train": 5, "val": 30}, 1)
    assert chosen["split"].value_counts().to_dict() == {"val": 20, "train": 5}
    again = at_most(films.sample(frac=1, random_state=0), {"train": 5, "val": 30}, 1)
    assert again["image_id"].tolist() == chosen["image_id"].tolist()
    assert at_most(films, {"train": 5, "val": 30}, 2)["image_id"].tolist() != chosen["image_id"].tolist()


def test_shrunk_masks_keep_their_values():
    image, (mask,) = resized(np.full((SIZE, SIZE), 9, np.uint8), [lungs(ignored=True)["left_lung"]], 16)
    assert image.shape == (16, 16)
    assert set(np.unique(mask)) == {0, 127, 255}


def test_a_patient_has_the_mean_of_its_films():
    values = pd.Series({"a": 0.8, "b": 0.6, "c": 1.0})
    assert patient_means(values, pd.Series({"a": "p", "b": "p", "c": "q"})).to_dict() == {"p": 0.7, "q": 1.0}
