import gzip
import os
import zipfile

import cv2
import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.listing import REASONS, list_folder
from cxrfactory.tables.own_outputs import MARKER, OutputMarks

PNG = cv2.imencode(".png", np.arange(64, dtype=np.uint8).reshape(8, 8))[1].tobytes()
DICOM = bytes(128) + b"DICM" + b"\2\0\0\0UL\4\0" + bytes(200)


def put(root, files):
    for name, data in files.items():
        path = os.path.join(os.fsencode(root), name if isinstance(name, bytes) else name.encode())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(data)


def names(listing):
    return [each.relative for each in listing.files]


def reasons(listing):
    return {each.relative: each.reason for each in listing.aside}


def kinds(root):
    """Make one entry of every kind; the reason of each, None for a file to read."""
    put(
        root,
        {
            "plain.png": PNG, "no_suffix": DICOM, "1.2.840": DICOM, "ward/deep/film.dcm": DICOM, "empty.png": b"",
            "1.2.3.json": DICOM, "film.txt": PNG, "without_preamble.xml": DICOM[132:], "odd.pdf": b"\xff\xd8\xff\xe0",
            "packed.dcm.gz": gzip.compress(DICOM), "packed.png.gz": gzip.compress(PNG), "dicom.zip": DICOM,
            "text.json": b"{}", "list.csv": b"a,b\n", "list.csv.gz": gzip.compress(b"a,b\n"), "no.txt": b"",
            "more.zip": b"PK\3\4", "many.tar.gz": gzip.compress(DICOM), "scan.nii.gz": gzip.compress(bytes(400)),
            "damaged.png.gz": b"\x1f\x8b", "UPPER.ZIP": b"PK", "films.7z": b"7z", "films.rar": b"Rar!",
            ".hidden.png": PNG, "._plain.png": PNG, ".DS_Store": b"", "Thumbs.db": b"x", "DESKTOP.INI": b"x",
            ".ipynb_checkpoints/plain-checkpoint.png": PNG, ".git/config": b"", ".git/objects/aa": b"",
            "__MACOSX/a": PNG, "@eaDir/plain.png/THUMB.jpg": PNG,
            "plain.png:Zone.Identifier": b"", "ward/deep/film.dcm.bak": DICOM,
            "plain.png~": PNG, "alone.png~": PNG, "alone.bak": DICOM,
        },
    )  # fmt: skip
    os.mkfifo(root / "pipe")
    (root / "ward" / "void").mkdir()
    os.symlink("plain.png", root / "same.png")
    os.symlink("ward", root / "same_ward")
    os.symlink(root, root / "ward" / "round")
    os.symlink(".git/annex/aa", root / "annexed.png")
    os.symlink("itself", root / "itself")
    os.symlink("list.csv", root / "linked.csv")
    put(root.parent / "other", {"films/one.png": PNG, "two.png": PNG})
    os.symlink(root.parent / "other" / "films", root / "outside")
    os.symlink(root.parent / "other" / "two.png", root / "outside.png")
    os.symlink("/dev/null", root / ".null")
    return {
        "hidden": {".hidden.png", "._plain.png", ".DS_Store", ".null"},
        "hidden folder": {".ipynb_checkpoints/", ".git/"},
        "system": {"Thumbs.db", "DESKTOP.INI", "plain.png:Zone.Identifier"},
        "system folder": {"__MACOSX/", "@eaDir/"},
        "empty folder": {"ward/void/"},
        "backup": {"plain.png~", "ward/deep/film.dcm.bak"},
        "table": {"text.json", "list.csv", "list.csv.gz", "no.txt", "linked.csv"},
        "listed folder": {"same_ward", "ward/round"},
        "twin": {"same.png"},
        "archive": {"more.zip", "many.tar.gz", "damaged.png.gz", "UPPER.ZIP", "films.7z", "films.rar"},
        "volume": {"scan.nii.gz"},
        "dangling": {"annexed.png", "itself"},
        "outside": {"outside", "outside.png"},
        "special": {"pipe"},
    }  # fmt: skip


def test_every_entry_is_listed_or_left_aside_by_its_reason(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    expected = kinds(root)
    listing = list_folder(root)
    assert names(listing) == [
        "1.2.3.json", "1.2.840", "alone.bak", "alone.png~", "dicom.zip", "empty.png", "film.txt",
        "no_suffix", "odd.pdf", "packed.dcm.gz",
        "packed.png.gz", "plain.png", "ward/deep/film.dcm", "without_preamble.xml",
    ]  # fmt: skip
    found = {}
    for relative, reason in reasons(listing).items():
        found.setdefault(reason, set()).add(relative)
    assert found == expected
    assert listing.counts() == {reason: len(expected[reason]) for reason in REASONS if reason in expected}
    # Every directory entry is a file, is left aside, lies in a folder left aside, or is a folder that was entered.
    aside = reasons(listing)
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            relative = os.path.relpath(os.path.join(folder, name), root)
            entered = name in folders and f"{relative}/" not in aside and relative not in aside
            within = any(each.endswith("/") and f"{relative}/".startswith(each) for each in aside)
            assert entered or within or relative in aside or relative in names(listing), relative


def test_names_say_which_may_be_films(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    kinds(root)
    listing = list_folder(root)
    named = {each.reason for each in listing.named()}
    assert named == {"twin", "backup", "archive", "volume", "dangling", "outside", "special"}
    assert all(each.text for each in listing.named())
    texts = {each.relative: each.text for each in listing.aside}
    assert texts["same.png"] == "the same file as plain.png"
    assert "2 hidden folders (3 files in them), 3 system files" in listing.told()
    assert "1 no regular file" in listing.told()


def test_links_lead_where_the_caller_allows(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    kinds(root)
    everywhere = list_folder(root, follow="all")
    assert {"outside/one.png", "outside.png"} <= set(names(everywhere))
    assert "outside" not in everywhere.counts()
    nowhere = list_folder(root, follow="none")
    assert {"same.png", "same_ward", "outside", "outside.png", "ward/round"} <= {
        each.relative for each in nowhere.aside if each.reason == "link"
    }


def test_a_store_in_a_hidden_folder_is_read_through_its_links(tmp_path):
    # git-annex: two names of the same content lead to one file of the store; both are films of the data set.
    put(tmp_path, {".git/annex/objects/xx/k.png": PNG, ".store/batch/c.png": PNG})
    for name in ("a.png", "b.png"):
        os.symlink(".git/annex/objects/xx/k.png", tmp_path / name)
    os.symlink(".store/batch", tmp_path / "batch")
    os.symlink("../..", tmp_path / ".store" / "batch" / "up")
    listing = list_folder(tmp_path)
    assert names(listing) == ["a.png", "b.png", "batch/c.png"]
    assert reasons(listing) == {".git/": "hidden folder", ".store/": "hidden folder", "batch/up": "listed folder"}


def test_folders_outside_that_lead_into_one_another_are_read_once(tmp_path):
    put(tmp_path, {"in/a.png": PNG, "other/sub/b.png": PNG, "other/c.png": PNG})
    os.symlink("../other", tmp_path / "in" / "z")
    os.symlink("../other/sub", tmp_path / "in" / "first")
    os.symlink("../../in", tmp_path / "other" / "sub" / "back")
    listing = list_folder(tmp_path / "in", follow="all")
    assert names(listing) == ["a.png", "first/b.png", "z/c.png"]
    assert reasons(listing) == {"first/back": "listed folder", "z/sub/": "listed folder"}


def test_order_is_that_of_bytes_whatever_the_system_says(tmp_path, monkeypatch):
    put(
        tmp_path, {name: PNG for name in ("b.png", "B.png", "a/x.png", "a.png", "ü.png", "a-.png")} | {b"\xf3.png": PNG}
    )
    expected = ["B.png", "a/x.png", "a-.png", "a.png", "b.png", "ü.png", "\\xf3.png"]
    assert names(list_folder(tmp_path)) == expected
    scandir = os.scandir

    class Reversed:
        def __init__(self, path):
            self.entries = scandir(path)

        def __enter__(self):
            return reversed(list(self.entries))

        def __exit__(self, *_):
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Reversed)
    assert names(list_folder(tmp_path)) == expected


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    put(tmp_path, {"a.png": PNG, "closed/b.png": PNG})
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = list_folder(tmp_path)
    assert names(listing) == ["a.png"]
    assert [(each.relative, each.text) for each in listing.named()] == [
        ("closed/", "cannot be read: Permission denied")
    ]
    with pytest.raises(CxrError, match="cannot be read"):
        list_folder(tmp_path / "closed")
    with pytest.raises(CxrError, match="no such folder"):
        list_folder(tmp_path / "nowhere")


def test_a_very_deep_folder_is_walked(tmp_path):
    path = tmp_path
    for _ in range(400):
        path = path / "d"
    path.mkdir(parents=True)
    (path / "a.png").write_bytes(PNG)
    assert names(list_folder(tmp_path)) == ["d/" * 400 + "a.png"]


def test_pictures_that_a_command_wrote_are_left_aside(tmp_path):
    put(tmp_path, {"a.png": PNG, "masks/a.png.heart.png": PNG, "masks/film.png": PNG, b"masks/\xf3\nx.heart.png": PNG})
    for _ in range(2):
        marks = OutputMarks(tmp_path / "masks", "mask")
        marks.add("a.png.heart.png")
        marks.add(os.fsdecode(b"\xf3\nx.heart.png"))
        marks.close()
    assert (tmp_path / "masks" / MARKER).read_text().count("a.png.heart.png") == 1
    listing = list_folder(tmp_path)
    assert names(listing) == ["a.png", "masks/film.png"]
    assert listing.counts() == {"output": 3}
    assert len(list_folder(tmp_path / "masks", outputs=["mask"]).files) == 3


def test_any_name_lists_reports(tmp_path):
    put(tmp_path, {"s1.txt": b"text", "list.csv": b"", ".s2.txt": b"text", "more.zip": b"PK"})
    assert names(list_folder(tmp_path, any_name=True)) == ["list.csv", "more.zip", "s1.txt"]


def test_a_zip_file_of_films_is_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.writestr("a.png", PNG)
    assert reasons(list_folder(tmp_path)) == {"films.zip": "archive"}
