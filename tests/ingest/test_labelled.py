import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrfactory.errors import CxrError
from cxrfactory.ingest import labelled
from cxrfactory.tables import schemas
from cxrfactory.tables.parquet import read_table

NODES = {"RL": 44, "LL": 50, "H": 26, "RCLA": 23, "LCLA": 23}
SIZE = 32


class Set:
    """A tiny labelled set under a folder."""

    def __init__(self, root: Path):
        self.root, self.images, self.lines = root / "landmarks", root / "images", []
        self.root.mkdir()
        self.images.mkdir()

    def add(self, name, folders="RL LL H", source="JSRT", size=SIZE, condition="normal", file=None):
        self.lines.append(f'{file or name + ".png"},{source},True,True,F,40,"{condition}"\n')
        for place, folder in enumerate(folders.split()):
            (self.root / folder).mkdir(exist_ok=True)
            points = np.arange(2.0 * NODES[folder]).reshape(-1, 2) / 100 + place
            np.save(self.root / folder / f"{name}.npy", points)
        if size:
            Image.new("L", (size, size)).save(self.images / f"{name}.png")

    def read(self, organs="lungs-heart-clavicles", split=None, sources=("JSRT",)):
        header = "File,Dataset,Lung Annotations,Heart Annotations,Sex,Age,Condition\n"
        (self.root / "clinical.csv").write_text(header + "".join(self.lines))
        return labelled.read_labelled(self.root, dict.fromkeys(sources, self.images), organs, split, image_size=SIZE)


@pytest.fixture
def small(tmp_path):
    return Set(tmp_path)


def test_labels_follow_the_files_and_nodes_their_order(small):
    small.add("a", "RL LL")
    small.add("b", "RL LL H")
    small.add("c", "RL LL H RCLA LCLA")
    small.add("d", "RL LL RCLA LCLA")
    table, refused = small.read()
    assert refused.empty
    assert table.set_index("image_id")["labels"].to_dict() == {"a": "L", "b": "LH", "c": "LHC", "d": "L"}
    assert [len(points) for points in table["landmarks"]] == [188, 240, 332, 188]
    points = table["landmarks"].iloc[1].reshape(-1, 2)
    assert points.dtype == np.float32
    assert points[[0, 44, 94]].tolist() == pytest.approx(np.array([[0, 0.01], [1, 1.01], [2, 2.01]]))


def test_organs_limits_the_labels(small):
    small.add("a", "RL LL")
    small.add("c", "RL LL H RCLA LCLA")
    assert small.read("lungs-heart")[0]["labels"].tolist() == ["L", "LH"]
    assert small.read("lungs")[0]["labels"].tolist() == ["L", "L"]
    with pytest.raises(CxrError, match="--organs 'whole-lungs' is unknown; expected one of lungs, lungs-heart, "):
        small.read(organs="whole-lungs")
    with pytest.raises(CxrError, match="--organs 'heart' is unknown"):
        small.read("heart")


def test_unusable_rows_are_rejected_with_the_reason(small):
    small.add("good")
    small.add("absent", size=None)
    small.add("big", size=SIZE + 1)
    small.add("nolung", "RL H")
    small.add("shape")
    np.save(small.root / "H" / "shape.npy", np.zeros((25, 2)))
    small.add("nan")
    np.save(small.root / "LL" / "nan.npy", np.full((50, 2), np.nan))
    small.add("pickle")
    np.save(small.root / "RL" / "pickle.npy", np.array([{}]), allow_pickle=True)
    small.add("garbage")
    (small.images / "garbage.png").write_bytes(b"no image")
    small.add("empty")
    (small.images / "empty.png").write_bytes(b"")
    small.add("elsewhere", source="Shenzhen")
    small.add("x", file="../images/good.png", size=None)
    table, refused = small.read()
    assert table["image_id"].tolist() == ["good"]
    assert dict(zip(refused["image_id"], refused["reason"], strict=True)) == {
        "absent": "image file is missing",
        "big": f"image is 33 x 33 pixels, expected the {SIZE} x {SIZE} that the landmarks are drawn on",
        "nolung": "landmarks of a lung are missing",
        "shape": "landmark file has shape (25, 2), float64, expected (26, 2): H/shape.npy",
        "nan": "landmark file holds numbers that are not finite: LL/nan.npy",
        "pickle": "landmark file is unreadable: RL/pickle.npy",
        "garbage": "image file is unreadable: neither JPEG, PNG nor TIFF by its content; expected JPEG, PNG or TIFF",
        "empty": "image file is empty",
        "elsewhere": "no image folder is given for source Shenzhen",
        "../images/good": "image id is no plain name inside the image folder",
    }


def test_nothing_usable_is_an_error(small):
    small.add("a", size=None)
    with pytest.raises(CxrError, match=r"none of 1 labelled images can be used.*image file is missing"):
        small.read()


def test_hash_split_is_stable_by_patient_and_near_the_fraction(small):
    for place in range(100):
        small.add(f"s{place}_{place % 7}x", "RL LL", source="Padchest")
        small.add(f"s{place}_b", "RL LL", source="Padchest")
    table, _ = small.read(split=labelled.Split(val_fraction=0.3), sources=["Padchest"])
    assert table.groupby("patient_id")["split"].nunique().max() == 1
    assert table["patient_id"].nunique() == 100
    assert 0.15 < (table["split"] == "val").mean() < 0.45
    first = table.set_index("image_id")["split"].to_dict()
    small.lines = small.lines[::-1][:50]
    again, _ = small.read(split=labelled.Split(val_fraction=0.3), sources=["Padchest"])
    assert {key: first[key] for key in again["image_id"]} == again.set_index("image_id")["split"].to_dict()
    assert set(small.read(split=labelled.Split(val_fraction=0.0), sources=["Padchest"])[0]["split"]) == {"train"}


def test_same_patient_notes_are_followed(small):
    small.add("M_1", source="Montgomery")
    small.add("M_2", source="Montgomery", condition="NO REPORT (same pt as M_1)")
    small.add("M_3", source="Montgomery", condition="slight change (same pt as M_2, M_1)")
    table, _ = small.read(sources=["Montgomery"])
    assert set(table["patient_id"]) == {"Montgomery:M_1"}


def test_lists_divide_their_source_and_leave_the_rest_out(small):
    for name in "abcd":
        small.add(name)
    small.add("s", source="Shenzhen")
    both = labelled.Split(frozenset("ab"), frozenset("c"), val_fraction=0.0)
    table, refused = small.read(split=both, sources=["JSRT", "Shenzhen"])
    assert table.set_index("image_id")["split"].to_dict() == {"a": "train", "b": "train", "c": "val", "s": "train"}
    assert refused[["image_id", "reason"]].to_numpy().tolist() == [
        ["d", "image is on neither the train nor the val list"]
    ]
    table, _ = small.read(split=labelled.Split(val=frozenset("c")))
    assert table["split"].tolist() == ["train", "train", "val", "train"]
    table, _ = small.read(split=labelled.Split(train=frozenset("c")))
    assert table["split"].tolist() == ["val", "val", "train", "val"]


def test_impossible_splits(small, tmp_path):
    small.add("M_1", source="Montgomery")
    small.add("M_2", source="Montgomery", condition="(same pt as M_1)")
    with pytest.raises(CxrError, match="has images in train and in val"):
        small.read(split=labelled.Split(frozenset(["M_1"]), frozenset(["M_2"])), sources=["Montgomery"])
    with pytest.raises(CxrError, match="train list and in the val list"):
        small.read(split=labelled.Split(frozenset(["M_1"]), frozenset(["M_1"])), sources=["Montgomery"])
    with pytest.raises(CxrError, match="val-fraction"):
        small.read(split=labelled.Split(val_fraction=1.0), sources=["Montgomery"])
    with pytest.raises(CxrError, match="no such file"):
        labelled.read_list(tmp_path / "none.txt")


def test_bad_sets(small, tmp_path):
    small.add("a")
    with pytest.raises(CxrError, match="no such source; found JSRT"):
        small.read(sources=["JSRT", "Shenzen"])
    with pytest.raises(CxrError, match=r"JSRT=.*no such folder"):
        labelled.read_labelled(small.root, {"JSRT": tmp_path / "none"})
    with pytest.raises(CxrError, match=r"clinical\.csv: no such file"):
        labelled.read_labelled(small.images, {})
    small.lines *= 2
    with pytest.raises(CxrError, match="'a' occurs twice"):
        small.read()


def test_written_tables_read_back(small, tmp_path):
    small.add("b")
    small.add("a", size=None)
    labelled.write_labelled(*small.read(), tmp_path / "l.parquet", tmp_path / "r.parquet")
    back = read_table(tmp_path / "l.parquet", schemas.LABELLED)
    assert back[["image_id", "source", "sex", "age", "condition"]].to_numpy().tolist() == [
        ["b", "JSRT", "F", 40.0, "normal"]
    ]
    assert Path(back["path"].iloc[0]) == small.images / "b.png"
    assert read_table(tmp_path / "r.parquet", schemas.REJECTED)["image_id"].tolist() == ["a"]


def test_real_landmarks_and_jsrt_split():
    folder = os.environ.get("CXRFACTORY_REAL_DATA")
    if not folder:
        pytest.skip("CXRFACTORY_REAL_DATA is not set")
    real = Path(folder)
    split = labelled.Split(
        labelled.read_list(real / "jsrt" / "train.txt"), labelled.read_list(real / "jsrt" / "val.txt")
    )
    table, refused = labelled.read_labelled(
        real / "landmarks", {"JSRT": real / "jsrt" / "images"}, "lungs-heart", split
    )
    assert table["split"].value_counts().to_dict() == {"train": 174, "val": 21}
    assert set(table["labels"]) == {"LH"}
    assert len(refused) == 911 - 195
    points = np.stack(table["landmarks"]).reshape(len(table), 120, 2)
    # The right lung lies on the image's left.
    assert (points[:, :44, 0].mean(axis=1) < points[:, 44:94, 0].mean(axis=1)).all()


def test_real_contours_of_all_sources():
    folder = os.environ.get("CXRFACTORY_REAL_DATA")
    if not folder:
        pytest.skip("CXRFACTORY_REAL_DATA is not set")
    root = Path(folder) / "landmarks"
    counts = {"L": 0, "LH": 0, "LHC": 0}
    for file in sorted((root / "RL").iterdir()):
        counts[labelled.read_landmarks(root, file.stem)[0]] += 1
    assert counts == {"L": 528, "LH": 137, "LHC": 195}
