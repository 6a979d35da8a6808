import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.studies.label_removal import (
    as_background,
    keep_organs,
    lung_box,
    organs_of,
    parts_of,
    ranks,
    read_labelled,
    tagged,
)
from cxrfactory.studies.labelled_tables import write_labelled
from cxrfactory.train.data.images import load_labelled
from tests.studies.chests import CLAVICLES, chests


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return read_labelled([chests(tmp_path_factory.mktemp("chests") / "a.parquet", "North")], "LHC")


def patients(count, images=1, split="train"):
    rows = [(f"p{number}", split) for number in range(count) for _ in range(images)]
    return pd.DataFrame(rows, columns=["patient_id", "split"])


def test_images_without_all_organs_are_left_out(tmp_path):
    paths = [chests(tmp_path / "a.parquet", "A"), chests(tmp_path / "b.parquet", "B", labels="LH")]
    assert set(read_labelled(paths, "LHC")["source"]) == {"A"}
    assert read_labelled(paths, "LH")["source"].value_counts().to_dict() == {"A": 12, "B": 12}
    with pytest.raises(CxrError, match=r"b\.parquet: labels LH; this study needs .* \(labels LHC\)"):
        read_labelled(paths[1:], "LHC")
    with pytest.raises(CxrError, match="image 'A-0' occurs twice"):
        read_labelled([paths[0], paths[0]], "L")


def test_patients_stay_whole_and_shares_hold_in_every_split():
    both = pd.concat(
        [patients(20, images=3), patients(10, split="val").assign(patient_id=lambda t: "v" + t.patient_id)]
    )
    place = ranks(both, "degree", 0)
    assert (place.groupby(both["patient_id"]).nunique() == 1).all()
    removed = (place < 0.5).groupby([both["split"], both["patient_id"]]).first().groupby("split").sum()
    assert removed.to_dict() == {"train": 10, "val": 5}
    assert set(place[place < 0.5].index) != set(ranks(both, "degree", 1)[lambda each: each < 0.5].index)


def test_more_removed_contains_less_removed():
    place = ranks(patients(40), "degree", 0)
    assert set(place[place < 0.5].index) < set(place[place < 0.9].index)


def test_parts_are_equal_and_never_empty():
    others = patients(3, split="val").assign(patient_id=lambda t: "v" + t.patient_id)
    parts = parts_of(pd.concat([patients(9), others], ignore_index=True), ("a", "b", "c"), "x", 0)
    assert parts.value_counts().to_dict() == {"a": 4, "b": 4, "c": 4}
    with pytest.raises(CxrError, match="split 'val' has 0 images; expected patients for each of 2 parts"):
        parts_of(patients(9), ("a", "b"), "x", 0)


@pytest.mark.parametrize(("letters", "nodes"), [("L", 94), ("H", 26), ("C", 46), ("LH", 120), ("LHC", 166)])
def test_only_the_landmarks_of_kept_organs_stay(table, letters, nodes):
    kept = keep_organs(table, [organs_of(letters)] * len(table))
    assert set(kept["labels"]) == {letters}
    assert {len(each) for each in kept["landmarks"]} == {2 * nodes}
    whole = np.asarray(table["landmarks"][0]).reshape(-1, 2)
    graph = landmark_graph("lungs-heart-clavicles")
    wanted = np.concatenate([whole[graph.slices[organ]] for organ in graph.organs if organ in organs_of(letters)])
    np.testing.assert_array_equal(np.asarray(kept["landmarks"][0]).reshape(-1, 2), wanted)


def test_drawn_masks_go_with_the_organ(table):
    png = encode_png(np.full((64, 64), 255, np.uint8))
    names = ("left_lung", "left_whole_lung", "heart", "airways")
    drawn = table.head(2).assign(regions=[[{"name": name, "png": png} for name in names], None])
    kept = keep_organs(drawn, [organs_of("H"), ()])
    assert kept["image_id"].tolist() == ["North-0"]  # nothing is left of the other
    assert [each["name"] for each in kept["regions"][0]] == ["heart", "airways"]


def test_what_no_code_stands_for_is_refused(table):
    with pytest.raises(CxrError, match="image 'North-0': no label code for heart, right_clavicle, left_clavicle"):
        keep_organs(table.head(1), [organs_of("HC")])


def test_unannotated_organs_become_background_and_classes_exclude_each_other(table):
    kept = keep_organs(table.head(2), [organs_of("LHC"), organs_of("L")])
    naive = as_background(kept, organs_of("LHC"))
    assert set(naive["labels"]) == {"M"}
    masks = [{each["name"]: decode_png(each["png"]) > 127 for each in regions} for regions in naive["regions"]]
    assert [sorted(name for name, mask in each.items() if mask.any()) for each in masks] == [
        sorted(organs_of("LHC")),
        ["left_lung", "right_lung"],
    ]
    assert np.sum([*masks[0].values()], axis=0).max() == 1
    x, y = CLAVICLES[:23].mean(0).round().astype(int)
    assert masks[0]["right_clavicle"][y, x]  # the clavicle lies over the lung


def test_training_reads_background_as_known_and_absence_as_unknown(table, tmp_path):
    kept = keep_organs(table, [organs_of("C" if number % 2 else "L") for number in range(len(table))])
    write_labelled(kept, tmp_path / "kept.parquet")
    write_labelled(as_background(kept, organs_of("LHC")), tmp_path / "naive.parquet")
    graph = landmark_graph("lungs-heart-clavicles")
    with pytest.raises(CxrError, match="no image annotates the heart"):
        load_labelled(tmp_path / "kept.parquet", "train", graph, 32)
    naive = load_labelled(tmp_path / "naive.parquet", "train", graph, 32, organs_of("LHC"))
    assert all(region.known.all() for region in naive.regions.values())
    assert not naive.regions["heart"].masks.any()
    partial = keep_organs(table, [organs_of(("L", "H", "C")[number % 3]) for number in range(len(table))])
    write_labelled(partial, tmp_path / "partial.parquet")
    data = load_labelled(tmp_path / "partial.parquet", "train", graph, 32)
    known = np.isfinite(data.targets).all(-1)
    assert {tuple(known[:, graph.slices[organ]].all(1).nonzero()[0]) for organ in organs_of("C")} != {()}
    assert {int(each) for each in known.sum(1)} == {94, 26, 46}


def test_tags_are_burnt_into_the_chosen_corner(table):
    films = tagged(table.head(3), ["left", "right", ""])
    before, after = ([decode_png(png) for png in each["png"][:3]] for each in (table, films))
    assert (after[0][2:7, 2:7] == 255).all()
    assert (after[1][2:7, -7:-2] == 255).all()
    np.testing.assert_array_equal(after[2], before[2])
    np.testing.assert_array_equal(after[0][8:], before[0][8:])


def test_the_box_holds_both_lungs(table):
    row = table.iloc[0].to_dict()
    points = np.asarray(row["landmarks"]).reshape(-1, 2)[:94]
    np.testing.assert_allclose(lung_box(row), [*points.min(0), *(points.max(0) + 1)], atol=1)
    assert lung_box(row | {"labels": "H", "landmarks": np.asarray(row["landmarks"])[188:240]}) is None
