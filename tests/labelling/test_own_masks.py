import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config.studies import OwnMasksConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.labelling.own_masks import RunShards, label_own_masks
from cxrfactory.tables.keys import put_aside, shard_of
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import IMAGES, LABELLED_IMAGES, LANDMARKS, MANIFEST, RCA, REJECTED
from cxrfactory.train.data.images import load_labelled

SIZE = 32
GEOMETRY = {"original_height": 40, "original_width": 48, "crop_top": 1, "crop_left": 0}
GEOMETRY |= {"crop_height": 39, "crop_width": 48, "size": SIZE}


def points(image_id, nodes):
    return np.random.default_rng(sum(image_id.encode())).uniform(2, 30, 2 * nodes).astype(np.float32)


def run_of(tmp_path, scores, shards=1, nodes=120, graph=None, patients=None):
    """Shards and manifest of a run; ``scores`` maps id to RCA mean (None: no row of RCA)."""
    inputs = {"images": [], "landmarks": [], "rca": []}
    for shard in range(shards):
        ids = [image_id for image_id in scores if shard_of(image_id, shards) == shard]
        images = [{"image_id": name, "png": encode_png(np.full((SIZE, SIZE), 9, np.uint8)), **GEOMETRY} for name in ids]
        flat = ("landmarks", "landmarks_mean", "landmarks_std")
        landmarks = [
            {
                "image_id": name,
                **dict.fromkeys(flat, points(name, nodes)),
                "latent": np.zeros(4, np.float32),
                **GEOMETRY,
            }
            for name in ids
        ]
        rca = [
            {"image_id": name, **{field: scores[name] for field in RCA.names[1:-1]}, "references": ["r"]}
            for name in ids
            if scores[name] is not None
        ]
        tables = (("images", images, IMAGES), ("landmarks", landmarks, LANDMARKS), ("rca", rca, RCA))
        for name, rows, schema in tables:
            path = tmp_path / f"{shards}" / name / f"{shard}.parquet"
            stored = {"graph": graph} if name == "landmarks" else {}
            write_table(pd.DataFrame(rows, columns=schema.names), path, schema, **stored)
            inputs[name].append(path)
    rows = [
        {"image_id": name, "patient_id": (patients or {}).get(name, f"p-{name}"), "included": True} for name in scores
    ]
    rows[0] |= {"sex": "F", "age": 61.0}
    rows.append({"image_id": "excluded", "included": False, "exclusion_reason": "view"})
    write_table(pd.DataFrame(rows).reindex(columns=MANIFEST.names), tmp_path / "manifest.parquet", MANIFEST)
    return inputs | {"manifest": tmp_path / "manifest.parquet"}


def label(tmp_path, inputs, **options):
    output, rejected = tmp_path / "own.parquet", tmp_path / "own.rejected.parquet"
    shards = RunShards(*(inputs[name] for name in ("images", "landmarks", "rca")))
    settings = OwnMasksConfig(**{name: options.pop(name) for name in OwnMasksConfig.model_fields if name in options})
    counts = label_own_masks(shards, inputs["manifest"], output, rejected, "cxr", settings, **options)
    return counts, read_table(output, LABELLED_IMAGES), read_table(rejected, REJECTED)


def test_good_masks_become_labels_and_the_others_have_a_reason(tmp_path):
    scores = {"b": 0.9, "a": 0.7, "c": 0.699, "d": None}
    counts, table, rejected = label(tmp_path, run_of(tmp_path, scores), val_fraction=0)
    assert counts == (2, 2)
    assert table["image_id"].tolist() == ["cxr-a", "cxr-b"]
    assert table["patient_id"].tolist() == ["cxr-p-a", "cxr-p-b"]
    assert set(table["labels"]) == {"LH"}
    assert set(table["source"]) == {"cxr"}
    assert set(table["split"]) == {"train"}
    assert table[["sex", "age"]].fillna("unknown").to_numpy().tolist() == [["unknown", "unknown"], ["F", 61.0]]
    for name, row in zip(("a", "b"), table.to_dict("records"), strict=True):
        np.testing.assert_array_equal(row["landmarks"], points(name, 120))
        assert {key: row[key] for key in GEOMETRY} == GEOMETRY
    assert dict(zip(rejected["image_id"], rejected["reason"], strict=True)) == {
        "c": "RCA mean 0.699; expected 0.7 or more",
        "d": "no RCA score",
    }


def test_train_reads_it_and_shards_change_no_byte(tmp_path):
    scores = {f"i{number:02d}": 0.8 for number in range(30)}
    _, table, _ = label(tmp_path, run_of(tmp_path, scores), val_fraction=0.3)
    first = (tmp_path / "own.parquet").read_bytes()
    label(tmp_path, run_of(tmp_path, scores, shards=4), val_fraction=0.3)
    assert (tmp_path / "own.parquet").read_bytes() == first
    graph = landmark_graph("lungs-heart")
    held = [row.image_id for row in table.itertuples() if put_aside(row.patient_id, "split", 0.3)]
    assert load_labelled(tmp_path / "own.parquet", "val", graph, 32).ids == held
    assert len(load_labelled(tmp_path / "own.parquet", "train", graph, 32).ids) == 30 - len(held)


def test_images_of_a_patient_stay_together_and_few_patients_still_have_a_validation(tmp_path):
    scores = {f"i{number:02d}": 0.8 for number in range(12)}
    patients = {name: f"p{number // 4}" for number, name in enumerate(scores)}
    _, table, _ = label(tmp_path, run_of(tmp_path, scores, patients=patients), val_fraction=1e-9)
    assert (table.groupby("patient_id")["split"].nunique() == 1).all()
    assert (table["split"] == "val").sum() == 4


def test_the_count_takes_the_same_images_whatever_else_is_there(tmp_path):
    scores = {f"i{number:02d}": 0.8 for number in range(20)}
    counts, few, _ = label(tmp_path, run_of(tmp_path, scores), count=5)
    assert counts == (5, 0)
    _, more, _ = label(tmp_path, run_of(tmp_path, scores), count=9)
    assert set(few["image_id"]) < set(more["image_id"])
    assert list(few["image_id"]) == sorted(few["image_id"])


def test_patients_of_the_experts_validation_images_are_left_out(tmp_path):
    inputs = run_of(tmp_path, {"a.png": 0.8, "b.png": 0.8, "c.png": 0.8}, patients={"a.png": "p", "b.png": "p"})
    expert = {"png": b"", **GEOMETRY, "patient_id": "x", "source": "s", "labels": "LH", "landmarks": points("a", 120)}
    rows = [{"image_id": "folder/a", "split": "val", **expert}, {"image_id": "c", "split": "train", **expert}]
    write_table(pd.DataFrame(rows), tmp_path / "labelled.parquet", LABELLED_IMAGES)
    _, table, rejected = label(tmp_path, inputs, without=tmp_path / "labelled.parquet")
    assert table["image_id"].tolist() == ["cxr-c.png"]
    assert rejected["image_id"].tolist() == ["a.png", "b.png"]
    assert set(rejected["reason"]) == {"the patient is in the labelled set's validation split"}


@pytest.mark.parametrize(("nodes", "graph", "code"), [(94, None, "L"), (94, "whole-lungs", "W"), (166, None, "LHC")])
def test_the_code_follows_the_graph(tmp_path, nodes, graph, code):
    _, table, _ = label(tmp_path, run_of(tmp_path, {"a": 0.8}, nodes=nodes, graph=graph))
    assert table["labels"].tolist() == [code]


def test_refused(tmp_path):
    inputs = run_of(tmp_path, {"a": 0.8, "b": 0.6})
    with pytest.raises(CxrError, match=r"none of 2 images has an RCA mean of 0\.9 or more"):
        label(tmp_path, inputs, at_least=0.9)
    with pytest.raises(CxrError, match="image 'a' occurs twice"):
        label(tmp_path, inputs | {"landmarks": inputs["landmarks"] * 2})
    with pytest.raises(CxrError, match="landmarks of 7 nodes"):
        label(tmp_path, run_of(tmp_path / "odd", {"a": 0.8}, nodes=7))
    other = run_of(tmp_path / "other", {"a": 0.8})
    with pytest.raises(CxrError, match="image 'b' is not among its included"):
        label(tmp_path, inputs | {"manifest": other["manifest"]})
    with pytest.raises(CxrError, match="1 images have landmarks but no picture"):
        label(tmp_path, inputs | {"images": other["images"]}, at_least=0.5)
    with pytest.raises(CxrError, match="no such file"):
        label(tmp_path, inputs | {"images": [tmp_path / "none.parquet"]})
