"""No id and no path of a table leads out of its root, whatever it is written with."""

import os
import tempfile
import unicodedata
from pathlib import Path, PureWindowsPath

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cxrfactory.config import CxlsegSplitConfig, ScanConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.ingest.labelled import read_labelled
from cxrfactory.ingest.rows import draft, guard, unsafe
from cxrfactory.ingest.scans import ingest_scans
from cxrfactory.models import registry
from cxrfactory.preprocess.shard import preprocess_shard
from cxrfactory.products.accounts import ReleaseNames
from cxrfactory.products.cxlseg.inputs import CxlsegInputs, ReportTables
from cxrfactory.products.cxlseg.release import package_cxlseg
from cxrfactory.products.radgenome.inputs import read_accounts
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.paths import LONGEST_NAME_BYTES, path_fault, path_inside
from cxrfactory.tables.schemas import MANIFEST, REJECTED, SCANS, STUDIES
from tests.privacy.pictures import chest, png
from tests.products.cxlseg.segmented import Release, manifest_row, pack, shards_of

LOOK_ALIKES = {
    "fullwidth dots": "\uff0e\uff0e/x", "one dot leader": "\u2024\u2024/x", "two dot leader": "\u2025/x",
    "small full stop": "\ufe52\ufe52/x", "fullwidth solidus": "a\uff0f..\uff0fb", "fullwidth backslash": "..\uff3cx",
    "small reverse solidus": "a\ufe68b", "zero width": "\u200b..\u200b/x", "byte order mark": "\ufeff../x",
    "right to left": "\u202egnp.x/..", "isolate": "\u2066../\u2069x", "soft hyphen": ".\u00ad./x",
    "fullwidth drive": "\uff23\uff1a/x", "line separator": "a\u2028b", "next line": "a\u0085b", "nul": "a\0/../b",
    "account of": "a\u2100b", "combining joiner": ".\u2060./x",
}  # fmt: skip
PLAIN_BAD = ["../x", "a/../../x", "/etc/passwd", "C:\\x", "c:x", "\\\\host\\share\\x", "\\\\?\\C:\\x",
             "..\\x", "a\\..\\x", "//host/x",
             "..", "a/..", " ../x", ".. /x", "x" * 250, "a/" * 600 + "b", "\ud800", "a\nb", "\x1b[2Jx"]  # fmt: skip
FINE = ["a.png", "files/p10/s1/a.jpg", "..a/b..", "a b/ü.png", "日本/胸部.png", "1.2.840.10008", "x" * 200]

ALPHABET = "./\\ab:\0\n C\u2024\uff0e\uff0f\uff3c\u200b\u202e\u00ad\u2025é"


@pytest.mark.parametrize("path", [*LOOK_ALIKES.values(), *PLAIN_BAD], ids=ascii)
def test_a_path_that_could_lead_elsewhere_is_refused(path):
    assert path_fault(path) is not None
    with pytest.raises(ImageError) as caught:
        path_inside(Path("/data/root"), path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    if "\ud800" not in path:  # no table can hold it: it is no text
        rows = guard(frame(["a", path], [path, "a.png"]), id_is_file_name=True)
        assert rows["exclusion_reason"].notna().all()
        assert rows["path"].isna().all()


@pytest.mark.parametrize("path", FINE)
def test_a_path_of_other_languages_is_one(path):
    assert path_fault(path) is None
    assert not unsafe(pd.Series([path], dtype=str)).any()


@settings(deadline=None)
@given(st.text(alphabet=ALPHABET, max_size=12) | st.text(max_size=40))
@example("\u2024\u2024/a")
@example("a/\u202e..")
def test_what_is_let_through_stays_below_on_every_system(path):
    if path_fault(path) is not None:
        return
    top = Path("/data/root")
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        written = unicodedata.normalize(form, path)
        joined = os.path.normpath(os.path.join(top, written))
        assert joined == str(top) or joined.startswith(f"{top}/")
        windows = PureWindowsPath(written)
        assert not windows.drive
        assert not windows.root
        assert ".." not in windows.parts
        assert not {unicodedata.category(sign) for sign in written} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert path_inside(top, path) == top / path
    assert all(len(part.encode()) <= LONGEST_NAME_BYTES for part in path.split("/"))


@settings(deadline=None)
@given(st.text(alphabet=ALPHABET, max_size=12))
def test_ingest_excludes_whatever_the_stages_would_refuse(path):
    if path_fault(path) is not None:
        assert unsafe(pd.Series([path], dtype=str)).all()


@settings(deadline=None)
@given(st.text(alphabet=ALPHABET + "xyz", min_size=1, max_size=12))
def test_what_a_product_writes_lies_in_it(name):
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder) / "product"
        top.mkdir()
        try:
            target = path_inside(top, f"{name}.jpg")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"x")
        except (ImageError, IsADirectoryError):
            pass
        assert [path.name for path in Path(folder).iterdir()] == ["product"]


def frame(ids, paths):
    table = pd.DataFrame({"table": "t.csv", "row": range(1, len(ids) + 1)})
    return draft(table, pd.Series(ids, dtype=object), pd.Series(paths, dtype=object))


@pytest.fixture
def trap(tmp_path):
    """A root, a file outside it, and ways from one to the other."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "a.png").write_bytes(png(chest(0)))
    (root / "good.png").write_bytes(png(chest(1)))
    (root / "file.png").symlink_to(outside / "a.png")
    (root / "folder").symlink_to(outside)
    (root / "chain.png").symlink_to("deep/chain.png")
    (root / "deep/chain.png").symlink_to("../../outside/a.png")
    (root / "inner.png").symlink_to("good.png")
    (root / "loop.png").symlink_to("loop.png")
    (root / "device.png").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe.png")
    return tmp_path


def test_links_out_of_the_root_devices_and_pipes_are_rejections(trap):
    paths = {
        "good": "good.png", "inner": "inner.png", "file": "file.png", "folder": "folder/a.png", "chain": "chain.png",
        "loop": "loop.png", "device": "device.png", "pipe": "pipe.png", "up": "../outside/a.png",
        "hidden": "\u2024\u2024/outside/a.png", "absolute": str(trap / "outside/a.png"),
    }  # fmt: skip
    rows = [manifest_row(name, "s", path=path) for name, path in paths.items()]
    write_table(pd.DataFrame(rows, columns=MANIFEST.names), trap / "m.parquet", MANIFEST)

    def run(follow_links):
        files = trap / "images.parquet", trap / "rejected.parquet"
        recipe = Preparation(64, remove_borders=False)
        preprocess_shard(trap / "m.parquet", trap / "root", 0, 1, *files, recipe, follow_links=follow_links)
        return set(read_table(files[0])["image_id"]), read_table(files[1], REJECTED).set_index("image_id")["reason"]

    kept, reasons = run(follow_links=False)
    assert kept == {"good", "inner"}
    assert {name for name in reasons.index if "link that leads out" in reasons[name]} == {
        "file", "folder", "chain", "device",
    }  # fmt: skip
    assert not reasons.str.contains(str(trap), regex=False).any()
    kept, reasons = run(follow_links=True)
    assert kept == {"good", "inner", "file", "folder", "chain"}
    assert set(reasons.index) == {"loop", "device", "pipe", "up", "hidden", "absolute"}


def test_a_root_that_is_a_link_is_a_root(trap):
    (trap / "link").symlink_to(trap / "root")
    assert path_inside(trap / "link", "good.png").is_file()
    with pytest.raises(ImageError, match="link that leads out"):
        path_inside(trap / "link", "file.png")


@pytest.mark.parametrize("path", ["../../x.png", "\uff0e\uff0e/x.png", "/tmp/x.png", "a\\..\\x.png"], ids=ascii)
def test_cxlseg_writes_nothing_outside_its_product(tmp_path, path, monkeypatch):
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
    release = Release()
    tables = release.write(tmp_path)
    named = shards_of(tables, tmp_path / "shards")
    before = {each for each in tmp_path.rglob("*") if each.is_file()}
    frame = read_table(tables["manifest"])
    frame.loc[frame["image_id"] == "i0", "path"] = path
    write_table(frame, tables["manifest"], MANIFEST)
    with pytest.raises(CxrError):
        pack(tables, named, tmp_path / "new")
    assert {each for each in tmp_path.rglob("*") if each.is_file()} == before


@pytest.mark.parametrize("release", ["../x", "a/b", "", ".", "..", "\u2024\u2024", "-x"], ids=ascii)
def test_a_releases_name_is_no_path(tmp_path, release):
    inputs = CxlsegInputs(ReportTables(tmp_path, tmp_path, tmp_path), [tmp_path])
    with pytest.raises(CxrError, match="release name"):
        package_cxlseg(inputs, ReleaseNames("d", release), tmp_path / "o", tmp_path / "p", CxlsegSplitConfig())


@pytest.mark.parametrize("bad", ["../x", "a/b", "\u2024\u2024", ".", "", "a\u200b", "x" * 300], ids=ascii)
def test_a_studys_id_is_no_path(tmp_path, bad):
    row = {"study_id": bad, "patient_id": "p", "release": "r", "ct": "a", "labels": "b", "included": False,
           "exclusion_reason": "none"}  # fmt: skip
    write_table(pd.DataFrame([row]), tmp_path / "scans.parquet", SCANS, sort=False)
    write_table(pd.DataFrame(columns=STUDIES.names), tmp_path / "studies.parquet", STUDIES, sort=False)
    with pytest.raises(CxrError, match="names files"):
        read_accounts([tmp_path / "scans.parquet"], [tmp_path / "studies.parquet"], [])


def test_a_ct_releases_patterns_stay_in_it(tmp_path):
    for ct in ("../{study}", "/etc/{study}", "a/../../{study}"):
        with pytest.raises(CxrError, match="relative to the release's root"):
            ingest_scans(ScanConfig(root=str(tmp_path), ct=ct, labels="{study}.nii"), tmp_path / "m.parquet", "r")
    (tmp_path / "\u2024\u2024.nii").touch()
    with pytest.raises(CxrError, match="expected letters, digits"):
        ingest_scans(
            ScanConfig(root=str(tmp_path), ct="{study}.nii", labels="{study}.seg"), tmp_path / "m.parquet", "r"
        )


@pytest.mark.parametrize(
    "name", ["../x.png", "a/b.png", "\uff0e\uff0e.png", "C:x.png", "a\u200b.png", "..png"], ids=ascii
)
def test_a_labelled_images_id_names_no_file_elsewhere(tmp_path, name):
    for folder, nodes in (("RL", 44), ("LL", 50)):
        (tmp_path / folder).mkdir()
        for stem in ("x", "good"):
            np.save(tmp_path / folder / f"{stem}.npy", np.full((nodes, 2), 30.0))
    (tmp_path / "images").mkdir()
    for place in (tmp_path / "x.png", tmp_path / "images/good.png"):
        place.write_bytes(png(chest(0, 64, 64)))
    header = "File,Dataset,Sex,Age,Condition\n"
    (tmp_path / "clinical.csv").write_text(f"{header}good.png,D,F,50,\n{name},D,F,50,\n", encoding="utf-8")
    kept, rejected = read_labelled(tmp_path, {"D": tmp_path / "images"}, image_size=64)
    assert kept["image_id"].tolist() == ["good"]
    assert rejected["reason"].tolist() == ["image id is no plain name inside the image folder"]
