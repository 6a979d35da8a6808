"""Requests to the server about tiny products: what it answers, and what it refuses."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import cxrfactory as cxr
from cxrfactory.browse.mapped import LEAST_BYTES, Mapped
from cxrfactory.browse.start import build_application
from cxrfactory.errors import CxrError
from cxrfactory.products.browsed import Index, NumberColumn
from cxrfactory.products.browsed_columns import text_column
from tests.browse.conftest import HOST, POST, Client
from tests.browse.page_products import EXCLUDED, HOSTILE, KEPT, MISSING, REASON, REJECTED

ROWS = sum(KEPT.values())


def rows_of(client, **given):
    return client.json("rows", limit=500, **given)["rows"]


def test_product_says_its_columns_accounts_and_order(client):
    found = client.json("product")
    assert (found["kind"], found["rows"], found["sort"]) == (
        "chexmask",
        ROWS,
        {"column": "dice_rca_mean", "ascending": True},
    )
    assert [organ["name"] for organ in found["organs"]] == ["right_lung", "left_lung", "heart"]
    accounts = {each["release"]: (each["kept"], each["excluded"], each["rejected"]) for each in found["accounts"]}
    assert accounts == {name: (KEPT[name], EXCLUDED[name], REJECTED[name]) for name in KEPT}
    assert all(each["rows"] == each["kept"] + each["excluded"] + each["rejected"] for each in found["accounts"])
    names = [each["name"] for each in found["columns"]]
    assert {"dice_rca_mean", "cardiothoracic_ratio", "uncertainty", "age", "view", "sex", "release"} <= set(names)
    assert "csv_start" not in names
    scores = next(each for each in found["columns"] if each["name"] == "dice_rca_mean")
    values = [row["values"]["dice_rca_mean"] for row in rows_of(client)]
    assert (scores["lowest"], scores["highest"]) == pytest.approx((min(values), max(values)), rel=1e-7)


def test_worst_comes_first_and_pages_join_to_the_whole(client):
    whole = rows_of(client)
    values = [row["values"]["dice_rca_mean"] for row in whole]
    assert values == sorted(values)
    assert len({row["key"] for row in whole}) == ROWS
    pages = [client.json("rows", offset=offset, limit=25)["rows"] for offset in (0, 25, 50, 75)]
    assert [row["key"] for page in pages for row in page] == [row["key"] for row in whole]
    assert pages[-1] == []


def test_a_row_has_the_masks_and_landmarks_of_the_product(client, made):
    opened = cxr.open_product(made[1])
    for row in rows_of(client)[::9]:
        found = client.json(f"row/{row['key']}")
        (image,) = [each for each in opened.find(row["image_id"]) if each.release == row["dataset"]]
        assert (found["height"], found["width"]) == (image.height, image.width)
        for organ, mask in image.masks.items():
            np.testing.assert_array_equal(cxr.rle_decode(found["masks"][organ], image.height, image.width), mask)
        points = np.concatenate(list(image.landmarks.values()))
        np.testing.assert_allclose(found["landmarks"], points, atol=0.006)
        np.testing.assert_allclose(found["spread"], np.concatenate(list(image.uncertainty.values())), atol=0.006)
        assert found["node_organs"] == [organ for organ, nodes in image.landmarks.items() for _ in nodes]
        ratio = cxr.cardiothoracic_ratio(image.masks["right_lung"] | image.masks["left_lung"], image.masks["heart"])
        assert found["values"]["cardiothoracic_ratio"] == pytest.approx(ratio, rel=1e-7)
        patient = row["values"]["patient_id"]
        others = [each["key"] for each in rows_of(client) if each["values"]["patient_id"] == patient]
        assert sorted([each["key"] for each in found["related"]] + [row["key"]]) == sorted(others)


def test_outlines_are_the_landmarks_in_pixels_of_the_thumbnail(client):
    key = rows_of(client)[0]["key"]
    row, found = client.json(f"row/{key}"), client.json("outlines", keys=f"{key}", size=16)[str(key)]
    scale = 16 / max(row["height"], row["width"])
    assert (found["height"], found["width"]) == (round(row["height"] * scale), round(row["width"] * scale))
    points = np.rint(np.array(row["landmarks"])[:44])
    expected = np.rint((points + 0.5) * scale - 0.5).tolist()
    assert all(point in expected for point in found["organs"]["right_lung"][0])
    assert list(client.json("outlines", keys=f"{key}", organs="heart")[str(key)]["organs"]) == ["heart"]


def test_pictures_are_scaled_and_a_missing_one_says_why(client, made):
    keys = {row["image_id"]: row["key"] for row in rows_of(client)}
    answer = client.get(f"image/{keys['zeta-030']}", size=0)
    assert answer.headers["content-type"] == "image/jpeg"
    shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    film = cv2.imread(str(made[2] / "zeta-030.png"), cv2.IMREAD_UNCHANGED)
    row = client.json(f"row/{keys['zeta-030']}")
    assert shown.shape == film.shape
    assert abs(row["height"] / row["width"] - film.shape[0] / film.shape[1]) < 0.05
    small = client.get(f"image/{keys['zeta-030']}", size=20).content
    assert max(cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_UNCHANGED).shape) == 20
    missing = client.get(f"image/{keys[MISSING[0]]}", size=256)
    assert missing.status_code == 404
    assert missing.json()["reason"].startswith("no file of its name")
    assert client.get(f"image/{keys['zeta-030']}", kind="segmented").status_code == 404


def test_hostile_words_stay_words(client):
    found = client.get("rows", limit=500)
    assert "<" not in found.text
    assert found.text.isascii()
    ids = {row["image_id"] for row in found.json()["rows"]}
    assert set(HOSTILE) <= ids
    for word in HOSTILE:
        only = client.json("rows", filter={"search": word})["rows"]
        assert [row["image_id"] for row in only] == [word]
        row = client.json(f"row/{only[0]['key']}")
        assert row["image_id"] == word
        assert row["masks"]["heart"]
    accounts = client.json("accounts", part="excluded", release="Zeta", limit=2)
    assert (accounts["total"], accounts["reasons"]) == (EXCLUDED["Zeta"], [{"reason": REASON, "count": 4}])
    assert len(accounts["rows"]) == 2
    assert client.json("accounts", part="rejected", reason="nothing")["total"] == 0


@pytest.mark.parametrize(
    ("address", "given", "status"),
    [
        ("rows", {"limit": "0"}, 400), ("rows", {"limit": "501"}, 400), ("rows", {"offset": "-1"}, 400),
        ("rows", {"offset": "9" * 20}, 400), ("rows", {"sort": "nowhere"}, 400), ("rows", {"ascending": "yes"}, 400),
        ("rows", {"filter": "{"}, 400), ("histograms", {"bins": "255"}, 400), ("histograms", {"columns": "view"}, 400),
        ("row/68", {}, 404), ("row/-1", {}, 404), ("row/x", {}, 404), ("row/1e3", {}, 404),
        ("image/0", {"size": "8193"}, 400), ("outlines", {"keys": "a"}, 404),
        ("image/0", {"kind": "../../x"}, 400), ("outlines", {"keys": ",".join("1" * 201)}, 400),
        ("outlines", {"keys": "1", "size": "5000"}, 400), ("accounts", {"part": "kept"}, 400), ("nowhere", {}, 404),
    ],
)  # fmt: skip
def test_odd_requests_are_refused_in_one_line(client, made, address, given, status):
    answer = client.get(address, **given)
    assert answer.status_code == status
    assert "\n" not in answer.json()["reason"]
    assert str(made[0]) not in answer.text


def test_only_the_page_itself_is_answered(client):
    raw, path = client.raw, client.path
    assert raw.get("/").status_code == 404
    assert raw.get("/api/product").status_code == 404
    assert raw.get(f"/{'x' * 24}/api/product").status_code == 404
    assert raw.get(f"{path}api/product", headers={"Host": "evil.example:8000"}).status_code == 403
    assert raw.get(f"{path}api/product", headers={"Host": "127.0.0.1:9"}).status_code == 403
    assert raw.get(f"{path}api/product", headers={"Origin": "http://evil.example"}).status_code == 403
    assert raw.get(f"{path}api/product", headers={"Origin": HOST}).status_code == 200
    body = {"key": 0, "verdict": "bad"}
    assert raw.post(f"{path}api/verdicts", json=body).status_code == 403
    assert raw.post(f"{path}api/verdicts", content=json.dumps(body), headers=POST).status_code == 415
    assert raw.post(f"{path}api/verdicts", json=[1], headers=POST).status_code == 400
    assert (
        raw.post(
            f"{path}api/verdicts", content="a" * (5 << 20), headers=POST | {"Content-Type": "application/json"}
        ).status_code
        == 413
    )
    assert client.json("verdicts") == []
    headers = raw.get(f"{path}api/product").headers
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"


def test_verdicts_are_kept_filtered_and_taken_back(client):
    names = {row["image_id"]: row["key"] for row in rows_of(client)}
    first, second = names["zeta-030"], names["zeta-031"]
    assert client.post("verdicts", key=first, verdict="bad", note="too low").json()["verdict"] == "bad"
    client.post("verdicts", key=second, verdict="good")
    assert [row["key"] for row in rows_of(client, filter={"verdicts": ["bad"]})] == [first]
    assert len(rows_of(client, filter={"verdicts": ["none"]})) == ROWS - 2
    assert client.json(f"row/{first}")["note"] == "too low"
    undone = client.post("verdicts/undo").json()
    assert (undone["key"], undone["verdict"]) == (second, "none")
    assert len(list(csv.DictReader(io.StringIO(client.get("verdicts.csv").text)))) == 1
    (task,) = client.json("verdicts/tasks.json")
    assert task["data"]["image_id"] == client.json(f"row/{first}")["image_id"]
    assert len(task["predictions"][0]["result"]) == 120
    for odd in ({"key": 10**9, "verdict": "bad"}, {"key": first, "verdict": "x"}, {"key": "0", "verdict": "bad"},
                {"key": first, "verdict": "bad", "note": "a" * 3000}):  # fmt: skip
        assert client.post("verdicts", **odd).status_code in (400, 404)


def test_downloads_hold_the_chosen_rows(client, made):
    chosen = {"ranges": {"dice_rca_mean": [None, 0.55]}, "values": {"release": ["Zeta"]}}
    rows = rows_of(client, filter=chosen)
    ids = sorted(row["image_id"] for row in rows)
    assert len(ids) > 3
    found = list(csv.reader(io.StringIO(client.post("download", format="ids", filter=chosen).text)))
    assert found[0] == ["dataset", "image_id"]
    assert sorted(row[1] for row in found[1:]) == ids
    text = client.post("download", format="csv", filter=chosen).content
    published = (made[1] / "OriginalResolution" / "Zeta.csv").read_bytes().splitlines(keepends=True)
    assert text.splitlines(keepends=True)[0] == published[0]
    assert set(text.splitlines(keepends=True)[1:]) <= set(published)
    assert len(text.splitlines()) == len(ids) + 1
    both = client.post("download", format="csv", keys=[0, ROWS - 1]).text.splitlines()
    assert len(both) == 3
    from pycocotools import mask as coco

    answer = client.post("download", format="coco", keys=[rows[0]["key"]])
    made_of = json.loads(answer.text)
    assert [each["image_id"] for each in made_of["images"]] == [rows[0]["image_id"]]
    row = client.json(f"row/{rows[0]['key']}")
    names = {each["id"]: each["name"] for each in made_of["categories"]}
    for each in made_of["annotations"]:
        expected = cxr.rle_decode(row["masks"][names[each["category_id"]]], row["height"], row["width"])
        np.testing.assert_array_equal(coco.decode(each["segmentation"]), expected)
    assert client.post("download", format="exe", keys=[0]).status_code == 400
    assert client.post("download", format="ids", keys=[ROWS]).status_code == 400
    assert client.post("download", format="ids", other=1).status_code == 400


def test_studies_have_two_views_a_tree_and_masks(projections, tmp_path):
    client = Client(*build_application(projections, [], None, tmp_path / "v.jsonl"))
    product = client.json("product")
    opened = cxr.open_product(projections)

    def leaves(branch):
        return (
            [branch["name"]] if not branch["children"] else [each for one in branch["children"] for each in leaves(one)]
        )

    named = [name for branch in product["tree"] for name in leaves(branch)]
    assert set(named) == {organ["name"] for organ in product["organs"]}
    assert len([name for name in named if not name.startswith("region: ")]) >= 210
    for row in rows_of(client):
        found, image = client.json(f"row/{row['key']}"), opened[row["image_id"]]
        masks = {name: mask for name, mask in image.masks.items() if mask.any()}
        regions = {f"region: {name}": mask for name, mask in image.regions.items() if mask.any()}
        assert set(found["masks"]) == {*masks, *regions}
        for name, mask in {**masks, **regions}.items():
            np.testing.assert_array_equal(cxr.rle_decode(found["masks"][name], found["height"], found["width"]), mask)
        other = client.json(f"row/{found['pair']}")
        assert {found["view"], other["view"]} == {"PA", "LL"}
        assert other["image_id"].rpartition("/")[0] == row["image_id"].rpartition("/")[0]
        shown = cv2.imdecode(np.frombuffer(client.get(f"image/{row['key']}", size=0).content, np.uint8), 0)
        assert np.abs(shown.astype(int) - image.image()).mean() < 8
    accounts = {each["release"]: (each["kept"], each["excluded"], each["rejected"]) for each in product["accounts"]}
    assert accounts == {"alpha": (2, 1, 0), "beta": (1, 0, 1)}


def test_any_table_is_shown_with_a_folder_of_images(made, tmp_path):
    _, product, images = made
    table = tmp_path / "mine.csv"
    shutil.copy(product / "OriginalResolution" / "Zeta.csv", table)
    client = Client(*build_application(table, [], images, tmp_path / "v.jsonl"))
    found = client.json("product")
    assert (found["kind"], found["rows"], found["sort"]["column"]) == ("table", KEPT["Zeta"], "Dice RCA (Mean)")
    frame = cxr.read_chexmask(table)
    for row in rows_of(client)[::11]:
        expected = frame.set_index("image_id").loc[row["image_id"]]
        masks = client.json(f"row/{row['key']}")["masks"]
        assert masks == {
            "left_lung": expected["Left Lung"],
            "right_lung": expected["Right Lung"],
            "heart": expected["Heart"],
        }
        assert row["values"]["Dice RCA (Mean)"] == pytest.approx(expected["Dice RCA (Mean)"], rel=1e-7)
    key = next(row["key"] for row in rows_of(client) if row["image_id"] == "zeta-030")
    assert client.get(f"image/{key}").status_code == 200
    text = client.post("download", format="csv").content
    assert text == table.read_bytes()


def test_published_tables_are_shown(real_data, tmp_path):
    for path in sorted((real_data / "chexmask_gold").glob("*.csv")):
        client = Client(*build_application(path, [], None, tmp_path / "v.jsonl"))
        frame = cxr.read_chexmask(path)
        rows = rows_of(client)
        assert [row["key"] for row in sorted(rows, key=lambda row: row["key"])] == list(range(len(frame)))
        row = client.json(f"row/{rows[0]['key']}")
        assert row["masks"]["left_lung"] == frame["Left Lung"][rows[0]["key"]]


def test_faults_of_the_call_are_one_line(made, tmp_path):
    _, product, _ = made
    (tmp_path / "empty").mkdir()
    for target, roots, folder, verdicts, said in (
        (tmp_path / "nowhere", [], None, None, "no such file or folder"),
        (tmp_path / "empty", [], None, None, "not a product by its files"),
        (product, ["Alpha"], None, None, "expected NAME=FOLDER"),
        (product, [], tmp_path / "nowhere", None, "no such folder"),
        (product, [], None, product / "v.jsonl", "the browser never changes"),
    ):
        verdicts = verdicts or (tmp_path / "v.jsonl")
        with pytest.raises(CxrError, match=said):
            build_application(target, roots, folder, verdicts)


def test_a_missing_extra_is_one_line(made, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(CxrError, match=r'pip install "cxrfactory\[browse\]"'):
        build_application(made[1], [], None, tmp_path / "v.jsonl")


def test_nothing_in_the_product_is_changed(client, made):
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(made[1].rglob("*"))}
    key = rows_of(client)[0]["key"]
    for address in (f"row/{key}", f"image/{key}", "facets", "histograms"):
        client.get(address)
    client.post("verdicts", key=key, verdict="bad")
    client.post("download", format="csv")
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(made[1].rglob("*"))} == before


@pytest.mark.slow
def test_dicom_segmentations_of_chosen_rows(made, tmp_path):
    pytest.importorskip("highdicom")
    _, product, images = made
    client = Client(*build_application(product, [], images, tmp_path / "v.jsonl"))
    if "dicom-seg" not in client.json("product")["formats"]:
        pytest.skip("this product does not offer it")
    key = next(row["key"] for row in rows_of(client) if row["image_id"] == "zeta-030")
    answer = client.post("download", format="dicom-seg", keys=[key])
    if answer.status_code == 409:  # the export needs the run's own folder of radiographs
        assert "\n" not in answer.json()["reason"]
        return
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert any(name.endswith(".dcm") for name in names)


@pytest.mark.slow
def test_the_command_prints_its_address_and_ends_with_ctrl_c(made, tmp_path):
    import signal
    import urllib.request

    command = [
        sys.executable,
        "-m",
        "cxrfactory",
        "browse",
        str(made[1]),
        "--no-open",
        "--verdicts",
        str(tmp_path / "v.jsonl"),
    ]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    ) as process:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        address = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(f"{address}api/product") as answer:
            assert json.load(answer)["rows"] == ROWS
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "Traceback" not in process.stderr.read()
    assert not (tmp_path / "v.jsonl").exists()
    assert Path(made[1]).is_dir()


def test_rows_of_masks_of_chosen_views_are_those_of_the_table(projections, tmp_path):
    client = Client(*build_application(projections, [], None, tmp_path / "v.jsonl"))
    assert client.json("product")["section"] == "scans"
    assert "csv" in client.json("product")["formats"]
    found = pd.read_csv(io.StringIO(client.post("download", format="csv", keys=[1, 2]).text), keep_default_na=False)
    chosen = [client.json(f"row/{key}") for key in (1, 2)]
    table = pd.read_parquet(projections / "masks.parquet")
    ids = table["study_id"] + "/" + table["view"]
    expected = pd.concat([table[ids == each["image_id"]] for each in chosen])
    assert list(found) == ["release", *table.columns]
    assert found["release"].tolist() == [chosen[0]["dataset"]] * len(expected)
    for name in ("study_id", "view", "name", "rle", "area_px"):
        assert found[name].tolist() == expected[name].tolist()
    assert found["class_id"].tolist() == ["" if pd.isna(each) else str(int(each)) for each in expected["class_id"]]


def test_large_arrays_lie_in_a_file_and_are_the_same():
    rng, mapped = np.random.default_rng(0), Mapped()
    values = rng.random((LEAST_BYTES // 4, 2)).astype(np.float32)
    ids = pa.array([f"{number:x}-é" for number in range(60_000)])
    index = Index(ids, text_column("d", "d", pa.array(["x"] * len(ids))), {"n": NumberColumn("n", "n", values[:, 0])})
    found = mapped.index(index)
    assert found.ids.equals(ids)
    mapped.rest()
    np.testing.assert_array_equal(found.columns["n"].values, values[:, 0])
    assert not found.columns["n"].values.flags.writeable
    assert found.ids.slice(59_000, 3).to_pylist() == ids.slice(59_000, 3).to_pylist()
    small, same = np.arange(4), np.broadcast_to(np.float32(1), [LEAST_BYTES])
    assert mapped.array(small) is small
    assert mapped.array(same) is same


def test_a_product_is_opened_and_asked_without_pandas(made, tmp_path):
    """Pandas takes a quarter of a second and 40 MB; PyArrow loads it on small occasions."""
    _, product, images = made
    program = """
import json, sys
from pathlib import Path
from cxrfactory.browse import server, start
held, build = [], server.build
server.build = lambda answers, token: held.append(answers) or build(answers, token)
start.build_application(Path(sys.argv[1]), [], Path(sys.argv[2]), Path("v.jsonl"))
asked, row, part = held[0], {"key": "0"}, {"part": "excluded", "release": "x", "reason": "y"}
chosen = {"filter": json.dumps({"search": "a", "values": {"sex": ["F"]}}), "sort": "image_id"}
asked.product({}), asked.rows(chosen), asked.histograms(chosen), asked.facets(chosen), asked.row(row)
asked.image(row), asked.outlines({"keys": "0,1"}), asked.accounts(part)
asked.put_verdict({"key": 0, "verdict": "bad"}), asked.undo({}), asked.verdicts({}), asked.verdicts_csv({})
print("pandas" in sys.modules)
"""
    command = [sys.executable, "-c", program, str(product), str(images)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (found.stdout, found.returncode) == ("False\n", 0), found.stderr


def test_small_answers_are_sent_at_once():
    import socket

    from cxrfactory.browse.start import _listen

    # asyncio sets TCP_NODELAY on connections of a socket that names its protocol, and on no other.
    with _listen(0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as connection:
            assert connection.proto == socket.IPPROTO_TCP
