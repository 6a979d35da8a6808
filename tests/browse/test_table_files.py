"""Tables in the browser: what segment writes beside them, and the forms in which tables come."""

import gzip
import shutil

import numpy as np
import pandas as pd
import pytest

from cxrfactory.browse.start import build_application
from cxrfactory.errors import CxrError
from tests.browse.conftest import Client

POINTS = 120


@pytest.fixture
def table(made, tmp_path):
    path = tmp_path / "out.csv"
    shutil.copy(made[1] / "OriginalResolution" / "Zeta.csv", path)
    return path


def opened(path):
    return Client(*build_application(path, [], None, path.parent / "v.jsonl"))


def texts(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def write_beside(table):
    frame = texts(table)
    ids = frame[frame.columns[0]]
    quality = pd.DataFrame({"image_id": ids, "dice_rca_mean": "0.9", "typicality": "1.0", "flags": ""})
    quality["dice_estimate"] = [repr(0.99 - place / 1000) for place in range(len(ids))]
    quality["flag_reasons"] = ""
    quality.loc[3, ["flags", "flag_reasons"]] = ["low-rca;low-estimate", "heart:heart_soft_dice"]
    quality.sample(frac=1, random_state=1).to_csv(table.with_suffix(".quality.csv"), index=False)
    table.with_suffix(".rejected.csv").write_text('image_id,reason\na.png,"no film, by its pixels"\nb.png,empty file\n')
    spread = [",".join([f"{place}.500"] * 2 * POINTS) for place in range(len(ids))]
    pd.DataFrame({"image_id": ids, "Landmarks (Std)": spread}).to_csv(table.with_suffix(".std.csv"), index=False)
    return len(ids)


def test_what_segment_wrote_beside_a_table_is_shown(table):
    count = write_beside(table)
    client = opened(table)
    found = client.json("product")
    assert found["accounts"] == [
        {"release": "out", "rows": count + 2, "kept": count, "excluded": 0, "rejected": 2},
    ]
    assert found["sort"] == {"column": "dice_estimate", "ascending": True}
    rows = client.json("rows", limit=500)["rows"]
    assert [row["key"] for row in rows] == list(range(count))[::-1]
    assert {row["key"]: row["values"]["flags"] for row in rows}[3] == ["low-rca", "low-estimate"]
    row = client.json("row/3")
    assert row["flags"] == ["heart:heart_soft_dice"]
    assert np.unique(row["spread"]).tolist() == [3.5]
    assert client.json("row/2")["flags"] == []
    left = client.json("accounts", part="rejected")["rows"]
    assert [(each["image_id"], each["reason"]) for each in left] == [
        ("a.png", "no film, by its pixels"),
        ("b.png", "empty file"),
    ]


def test_files_of_another_table_are_refused(table):
    write_beside(table)
    spread = table.with_suffix(".std.csv")
    spread.write_text("".join(spread.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(CxrError, match=r"out\.std\.csv: \d+ rows; expected \d+ as in out\.csv"):
        opened(table)
    spread.unlink()
    table.with_suffix(".quality.csv").write_text("image_id,score\na,1\n")
    with pytest.raises(CxrError, match=r"columns \['flags'\] are missing"):
        opened(table)


def packed(path):
    other = path.with_name("out.csv.gz")
    other.write_bytes(gzip.compress(path.read_bytes()))
    return other


def with_semicolons(path):
    frame = texts(path)
    for name in ("Dice RCA (Mean)", "Dice RCA (Max)"):
        frame[name] = frame[name].str.replace(".", ",")
    frame.to_csv(path, sep=";", index=False)
    return path


def without_landmarks(path):
    texts(path).drop(columns="Landmarks").to_csv(path, index=False)
    return path


@pytest.mark.parametrize("form", [packed, with_semicolons, without_landmarks])
def test_every_form_of_a_table_is_shown(table, form):
    expected = texts(table)
    client = opened(form(table))
    assert client.json("product")["rows"] == len(expected)
    for row in client.json("rows", limit=500)["rows"][::11]:
        masks = client.json(f"row/{row['key']}")["masks"]
        assert masks["heart"] == expected["Heart"][row["key"]]
        score = float(expected["Dice RCA (Mean)"][row["key"]])
        assert row["values"]["Dice RCA (Mean)"] == pytest.approx(score, rel=1e-6)


def test_a_table_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("image_id,Height,Width\na,1,1\n")
    with pytest.raises(CxrError, match="no column of masks or landmarks"):
        opened(path)


def test_masks_of_an_unknown_size_are_refused(tmp_path):
    path = tmp_path / "sizeless.csv"
    path.write_text("image_id,Left Lung,Right Lung,Heart\na,1 2,,\n")
    with pytest.raises(CxrError, match=r"'Height', 'Width'.* are missing; expected the size of the masks"):
        opened(path)


def test_no_row_shows_the_film_of_another_patient(made, table):
    frame = texts(table)
    frame[frame.columns[0]] = [f"train/patient{place}/view1.png" for place in range(len(frame))]
    frame.to_csv(table, index=False)
    folder = table.parent / "films" / "patient0"
    folder.mkdir(parents=True)
    shutil.copy(sorted(made[2].rglob("zeta-030.*"))[0], folder / "view1.png")
    client = Client(*build_application(table, [], folder.parent, table.parent / "v.jsonl"))
    shown = [row["image_id"] for row in client.json("rows", limit=500)["rows"] if has_film(client, row["key"])]
    assert shown == ["train/patient0/view1.png"]
    flat = Client(*build_application(table, [], folder, table.parent / "flat.jsonl"))
    assert not any(has_film(flat, row["key"]) for row in flat.json("rows", limit=500)["rows"])


def has_film(client, key):
    answer = client.get(f"image/{key}")
    assert answer.status_code == 200 or "of its name" in answer.text, answer.text
    return answer.status_code == 200
