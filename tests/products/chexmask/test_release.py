import json

import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.products.chexmask import release as chexmask
from cxrfactory.products.chexmask.release import product_files
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LANDMARKS

from .packed import ellipses, landmark_row, manifest_row, package_chexmask, rejected_row, release, score_row


def pack(made, folder, shards=1, workers=1):
    inputs = made.write(folder / "in", shards)
    return package_chexmask(
        **inputs,
        output=folder / "out",
        part=folder / "part",
        dataset="demo",
        release="Demo-CXR",
        id_column="dicom_id",
        workers=workers,
    )


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_rows_in_are_kept_excluded_or_rejected(tmp_path):
    summary = pack(release(), tmp_path)
    assert summary == json.loads((tmp_path / "part" / "summary.json").read_text())
    assert summary["rows"] == 7
    assert summary["kept"] == 3
    assert summary["excluded"] == {"view is LL": 2}
    assert summary["rejected"] == {"preprocess": 1, "rca": 1}
    assert summary["recommended"] == 2  # 0.6 is below 0.7
    assert sum(summary["dice_rca_mean"]["histogram"]) == 3
    assert summary["dice_rca_mean"]["quantiles"]["0.5"] == pytest.approx(0.7)
    assert (tmp_path / "part" / "rejected.csv").read_text() == (
        'dataset,image_id,stage,reason\ndemo,broken,preprocess,empty file\ndemo,no-rca,rca,"registration, ""failed"""\n'
    )
    assert (tmp_path / "part" / "excluded.csv").read_text() == (
        "dataset,image_id,reason\ndemo,other,view is LL\ndemo,side,view is LL\n"
    )


def test_the_three_tables_hold_the_same_rows(tmp_path):
    pack(release(), tmp_path)
    paths = product_files(tmp_path / "out", "Demo-CXR")
    tables = {name: read_chexmask(path) for name, path in paths.items()}
    for name, table in tables.items():
        assert table["image_id"].tolist() == ["a", "b", "c"], name
        assert table["Dice RCA (Mean)"].tolist() == [0.7, 0.6, 0.8]
    original, parquet = tables["original"], tables["parquet"]
    assert original.attrs["id_column"] == "dicom_id"
    for column in ("Left Lung", "Right Lung", "Heart", "Height", "Width"):
        assert original[column].tolist() == parquet[column].tolist()
    for row in range(3):
        assert np.array_equal(original["Landmarks"][row], np.rint(parquet["Landmarks"][row]))
        assert np.array_equal(parquet["landmarks_preprocessed"][row].ravel(), ellipses("abc"[row]).ravel())
        assert (parquet["landmarks_std"][row] == 0.5).all()
    assert tables["preprocessed"]["Height"].tolist() == [32, 32, 32]
    assert original["Height"].tolist() == [64, 64, 64]
    assert original["Width"].tolist() == [48, 48, 48]


def test_read_parquet_by_columns_and_in_chunks(tmp_path):
    pack(release(), tmp_path)
    path = product_files(tmp_path / "out", "Demo-CXR")["parquet"]
    pieces = list(read_chexmask(path, columns=["Landmarks", "lungs_mean"], chunksize=2))
    assert [len(piece) for piece in pieces] == [2, 1]
    assert list(pieces[0].columns) == ["image_id", "Landmarks", "lungs_mean"]
    assert pieces[0]["Landmarks"][0].shape == (120, 2)


def test_shards_workers_and_order_of_files_do_not_change_a_byte(tmp_path, monkeypatch):
    kept = [f"image-{number:03d}" for number in range(40)]
    monkeypatch.setattr(chexmask, "CHUNK_ROWS", 16)
    made = release(kept)
    pack(made, tmp_path / "one")
    made.landmarks.reverse()
    made.rejected.reverse()
    pack(made, tmp_path / "seven", shards=7)
    pack(made, tmp_path / "two", shards=2, workers=2)
    for part in ("out", "part"):
        assert files(tmp_path / "one" / part) == files(tmp_path / "seven" / part) == files(tmp_path / "two" / part)
    assert len(files(tmp_path / "one" / "out")) == 3


def test_an_empty_organ_becomes_a_rejected_row(tmp_path):
    made = release()
    points = ellipses("a")
    points[:44] -= 500
    made.landmarks[1] = landmark_row("a", points=points)
    summary = pack(made, tmp_path)
    assert summary["kept"] == 2
    assert summary["rejected"] == {"package": 1, "preprocess": 1, "rca": 1}
    rejected = pd.read_csv(tmp_path / "part" / "rejected.csv").set_index("image_id")
    assert rejected.loc["a", "reason"].startswith("right_lung covers no pixel")


def test_lungs_graph(tmp_path):
    summary = pack(release(heart=False), tmp_path)
    assert summary["graph"] == "lungs"
    table = read_chexmask(product_files(tmp_path / "out", "Demo-CXR")["original"])
    assert table["Heart"].tolist() == ["", "", ""]


def test_whole_lungs_are_no_chexmask(tmp_path):
    made = release(heart=False)
    inputs = made.write(tmp_path / "in")
    write_table(read_table(inputs["landmarks"][0]), inputs["landmarks"][0], LANDMARKS, graph="whole-lungs")
    with pytest.raises(
        CxrError, match=r"landmarks of graph 'whole-lungs' .*behind the heart.*CheXmask's lungs are JSRT"
    ):
        package_chexmask(**inputs, output=tmp_path / "out", part=tmp_path / "part", dataset="demo",
                         release="Demo-CXR", id_column="dicom_id", workers=1)  # fmt: skip
    assert not (tmp_path / "out").exists()
    write_table(read_table(inputs["landmarks"][0]), inputs["landmarks"][0], LANDMARKS, graph="lungs")
    summary = package_chexmask(**inputs, output=tmp_path / "out", part=tmp_path / "part", dataset="demo",
                               release="Demo-CXR", id_column="dicom_id", workers=1)  # fmt: skip
    assert summary["graph"] == "lungs"


def test_nothing_kept_gives_headers(tmp_path):
    made = release(kept=())
    made.landmarks, made.scores = [], []
    summary = pack(made, tmp_path)
    assert summary["kept"] == 0
    assert summary["dice_rca_mean"]["quantiles"]["0.5"] is None
    for path in product_files(tmp_path / "out", "Demo-CXR").values():
        assert len(read_chexmask(path)) == 0


def double(rows):
    rows.append(rows[0])


FAULTS = {
    "image id twice in the manifest": (
        lambda made: double(made.manifest),
        "1 image ids appear more than once, first 'b'",
    ),
    "no reason": (lambda made: made.manifest.append({**manifest_row("x"), "included": False}), "no exclusion_reason"),
    "twice in the landmarks": (lambda made: double(made.landmarks), "image 'b' appears twice"),
    "scored twice": (lambda made: double(made.scores), "RCA shards: 1 image ids appear more than once"),
    "rejected twice": (
        lambda made: made.rejected.append(rejected_row("broken", "infer")),
        "image 'broken' is rejected at",
    ),
    "lost": (lambda made: made.manifest.append(manifest_row("lost")), "1 have neither landmarks .* first 'lost'"),
    "lost at rca": (lambda made: made.scores.pop(), "image 'c' has landmarks but is neither scored nor rejected"),
    "scored without landmarks": (
        lambda made: (made.manifest.append(manifest_row("z")), made.scores.append(score_row("z"))),
        "1 images are scored but have no landmarks, first 'z'",
    ),
    "unknown landmarks": (
        lambda made: made.landmarks.append(landmark_row("z")),
        "landmark shards hold 'z', which the manifest does not include",
    ),
    "excluded but predicted": (
        lambda made: made.landmarks.append(landmark_row("side")),
        "landmark shards hold 'side', which the manifest does not include",
    ),
    "unknown score": (lambda made: made.scores.append(score_row("z")), "RCA shards hold 1 images .* first 'z'"),
    "unknown rejected": (lambda made: made.rejected.append(rejected_row("z")), "rejected tables hold 1 images"),
    "rejected and predicted": (
        lambda made: made.landmarks.append(landmark_row("broken")),
        "image 'broken' is rejected at 'preprocess' but a later stage has its row",
    ),
    "rejected by rca and scored": (
        lambda made: made.scores.append(score_row("no-rca")),
        "image 'no-rca' is rejected at 'rca' but a later stage has its row",
    ),
    "max below mean": (
        lambda made: made.scores.append({**made.scores.pop(), "dice_rca_max": 0.5}),
        r"image 'c': Dice RCA \(Max\) 0.5 is below Dice RCA \(Mean\) 0.8",
    ),
    "other graph": (
        lambda made: made.landmarks.append(landmark_row("no-rca2", "lungs")),
        "image 'no-rca2': landmarks holds 188 numbers; expected 240",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_accounts_are_refused_and_nothing_is_written(tmp_path, fault):
    made = release()
    change, message = FAULTS[fault]
    change(made)
    with pytest.raises(CxrError, match=message) as caught:
        pack(made, tmp_path)
    assert "\n" not in str(caught.value)
    assert files(tmp_path / "out") == {}
    assert not (tmp_path / "part").exists()


def test_bad_arguments(tmp_path):
    inputs = release().write(tmp_path)
    common = {"output": tmp_path, "part": tmp_path, "dataset": "d", "id_column": "i"}
    with pytest.raises(CxrError, match="release name"):
        package_chexmask(**inputs, **common, release="../x")
    with pytest.raises(CxrError, match="workers is 0"):
        package_chexmask(**inputs, **common, release="x", workers=0)
    with pytest.raises(CxrError, match="no RCA shards"):
        package_chexmask(**{**inputs, "rca": []}, **common, release="x")
    with pytest.raises(CxrError, match="no such file"):
        package_chexmask(**{**inputs, "landmarks": [tmp_path / "none.parquet"]}, **common, release="x")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(CxrError, match="not a readable Parquet file"):
        package_chexmask(**{**inputs, "landmarks": [tmp_path / "text.parquet"]}, **common, release="x")
