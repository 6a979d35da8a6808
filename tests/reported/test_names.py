"""File names as people have them: every name is read and written in one printable form, and outputs are one to one."""

import csv
import json
import os
import unicodedata

import pandas as pd
import pytest

from cxrfactory.door.segmenter import Segmenter
from cxrfactory.imaging.drawing.png import encode_png, save_png
from cxrfactory.infer import picture_folder
from cxrfactory.infer.from_masks import masks_to_landmarks
from cxrfactory.infer.segment import segment
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.file_names import file_stem, name_on_disk
from tests.reported import Case
from tests.reported.test_listings import LUNGS, QUICK, RECIPE, Log, encoded, weights

KIND = "file names that are no UTF-8, and names that come together in outputs"
SOURCE = "tarindexer#9, MONAI PR#6481"

# Bytes of a file name -> its printable form where that is another text.
NAMES = {
    b"Rx t\xf3rax 2.png": r"Rx t\xf3rax 2.png",  # Latin-1
    b"\x8b\xb9\x95\x94.png": r"\x8b\xb9\x95\x94.png",  # Shift JIS
    b"\xd0\xe5\xed\xf2.png": r"\xd0\xe5\xed\xf2.png",  # Windows-1251
    b"cut \xc3.png": r"cut \xc3.png",  # UTF-8 cut off in a letter
    b"\xed\xb3\xb3.png": r"\xed\xb3\xb3.png",  # a surrogate in UTF-8
    b"line\nend.png": r"line\x0aend.png",
    b"tab\tand\rreturn.png": r"tab\x09and\x0dreturn.png",
    b"escape\x1b[31m.png": r"escape\x1b[31m.png",
    "right\u202egnp.png".encode(): r"right\xe2\x80\xaegnp.png",
    b"literal \\xf3.png": r"literal \x5cxf3.png",
    b"literal \\x5cxf3.png": r"literal \x5cx5cxf3.png",
    b"back\\slash.png": None,
    b"quote \" and '.png": None,
    b"comma, semicolon;.png": None,
    b"-dash.png": None,
    b" blanks .png ": None,
    b"=1+1.png": None,
    b"%5F and %2F.png": None,
    b"{study}*?[a].png": None,
    b"CON.png": None,
    b"a:b|c<d>.png": None,
    "tórax.png".encode(): None,
    unicodedata.normalize("NFD", "tórax.png").encode(): None,
    "胸部 X線.png".encode(): None,
    b"null": None,
    b"1e5": None,
    b"a.png": None,
    b"A.PNG": None,
    b"a.dcm": None,
    b"x" * 251 + b".png": None,
    b"x" * 250 + b"y.png": None,
    "胸".encode() * 83 + b".png": None,
}


def put(root, name):
    path = os.path.join(os.fsencode(root), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(encoded(".png"))


def run(paths, tmp_path, organs=3):
    """Segment, and return ids; every image has its own mask and overlay files."""
    out = tmp_path / "out" / "out.csv"
    masks, overlays = tmp_path / "masks", tmp_path / "overlays"
    with Log() as log:
        kept, rejected = segment(paths, weights(), out, QUICK, RECIPE, masks, overlays)
    log.text.encode("utf-8")
    ids = read_chexmask(out)["image_id"].tolist()
    assert len(ids) == kept == len(set(ids))
    with out.with_suffix(".std.csv").open(encoding="utf-8", newline="") as stream:
        csv.field_size_limit(1 << 24)
        assert [row["image_id"] for row in csv.DictReader(stream)] == ids
    assert all(image_id.isprintable() for image_id in ids)
    assert json.loads(json.dumps(ids).encode("utf-8")) == ids
    table = pd.DataFrame({"image_id": ids})
    table.to_parquet(tmp_path / "ids.parquet")
    assert len(list(masks.glob("*.png"))) == organs * kept
    assert len(list(overlays.glob("*.png"))) == kept
    return ids, rejected


def check_name(name):
    def check(tmp_path):
        put(tmp_path / "in", name)
        put(tmp_path / "in", b"z.png")
        ids, rejected = run([tmp_path / "in"], tmp_path)
        text = NAMES[name] or os.fsdecode(name)
        assert sorted(ids) == sorted([text, "z.png"])
        assert rejected == 0
        assert os.fsencode(name_on_disk(text)) == name
        assert (tmp_path / "masks" / f"{file_stem(text)}.heart.png").is_file()
        (tmp_path / "z.png").write_bytes(encoded(".png"))
        # The file given by its own name, and in Python.
        own = tmp_path / "in" / os.fsdecode(name)
        assert run([own, tmp_path / "z.png"], tmp_path)[0] == [text, "z.png"]

    return check


def check_all_names(tmp_path):
    for name in NAMES:
        put(tmp_path / "in", name)
    ids, rejected = run([tmp_path / "in"], tmp_path)
    assert rejected == 0
    assert [os.fsencode(name_on_disk(text)) for text in ids] == sorted(NAMES)
    segmenter = Segmenter(
        weights(), samples=2, device="cpu", check_orientation=False, quality=False, preparation=RECIPE
    )
    assert [each.image_id for each in segmenter.segment_all(tmp_path / "in")] == ids
    first = segmenter.segment(os.fsdecode(os.path.join(os.fsencode(tmp_path / "in"), b"Rx t\xf3rax 2.png")))
    assert first.image_id == r"Rx t\xf3rax 2.png"
    first.to_csv_line().encode("utf-8")


def check_broken_name(tmp_path):
    # A broken film of such a name is named in the table of rejections, in the log and by the library.
    path = os.path.join(os.fsencode(tmp_path / "in"), b"t\xf3rax.png")
    put(tmp_path / "in", b"z.png")
    with open(path, "wb") as stream:
        stream.write(encoded(".png")[:60])
    os.symlink(b"nowhere\xf3", os.path.join(os.fsencode(tmp_path / "in"), b"l\xf3.png"))
    ids, rejected = run([tmp_path / "in"], tmp_path)
    assert (ids, rejected) == (["z.png"], 2)
    table = pd.read_csv(tmp_path / "out" / "out.rejected.csv")
    assert table["image_id"].tolist() == [r"l\xf3.png", r"t\xf3rax.png"]


TWINS = {
    "slash and underscores": ("a/b.png", "a__b.png"),
    "two levels": ("a/b/c.png", "a__b/c.png", "a/b__c.png", "a__b__c.png"),
    "underscores beside the slash": ("a_/b.png", "a/_b.png", "a___b.png", "a__/b.png", "a/__b.png"),
    "the escape itself": ("a/b.png", "a__b.png", "a_%5Fb.png", "a%5F%5Fb.png", "a_%255Fb.png"),
    "suffixes": ("a.png", "a.dcm", "a.PNG", "a", "a.png.png"),
    "an organ in the name": ("a.png", "a.png.heart", "a.png.heart.png", "a.png.right_lung.png"),
    "case": ("a.png", "A.png", "A.PNG"),
    "composition": tuple(unicodedata.normalize(form, "ó.png") for form in ("NFC", "NFD")),
    "long": ("x" * 255, "x" * 254 + "y", f"{'x' * 200}/{'x' * 54}", file_stem("x" * 255)),
    "escapes of bytes": (r"literal \xf3.png", os.fsdecode(b"literal \xf3.png")),
}


def check_twins(names):
    def check(tmp_path):
        for name in names:
            put(tmp_path / "in", os.fsencode(name))
        ids, rejected = run([tmp_path / "in"], tmp_path)
        assert (len(ids), rejected) == (len(names), 0)
        # A name depends on the image alone: a run over one of the files writes the same.
        whole = {path.name for path in (tmp_path / "masks").iterdir()}
        for place, name in enumerate(names):
            put(tmp_path / f"one{place}", os.fsencode(name))
            out = tmp_path / "one.csv"
            segment([tmp_path / f"one{place}"], weights(), out, QUICK, RECIPE, tmp_path / f"masks{place}")
            assert {path.name for path in (tmp_path / f"masks{place}").iterdir()} <= whole

    return check


def check_one_folder_for_all(tmp_path):
    names = ("a.png", "a.png.heart", "a.png.heart.png", "b/c.png", "b__c.png")
    for name in names:
        put(tmp_path / "in", os.fsencode(name))
    out = tmp_path / "out.csv"
    segment([tmp_path / "in"], weights(), out, QUICK, RECIPE, tmp_path / "pictures", tmp_path / "pictures")
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 4 * len(names)


def check_masks_of_such_names(tmp_path):
    names = ["a/b", "a__b", os.fsdecode(b"t\xf3rax"), "line\nend", "x" * 240, "A", "a"]
    for name in names:
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(LUNGS))
    assert masks_to_landmarks(tmp_path / "in", tmp_path / "out.csv", overlays=tmp_path / "seen") == (len(names), 0)
    assert len(list((tmp_path / "seen").glob("*.png"))) == len(names)
    assert r"t\xf3rax" in read_chexmask(tmp_path / "out.csv")["image_id"].tolist()
    bad = os.path.join(os.fsencode(tmp_path / "in"), b"bad \xf3.png")
    with open(bad, "wb") as stream:
        stream.write(b"no picture")
    assert masks_to_landmarks(tmp_path / "in", tmp_path / "out.csv") == (len(names), 1)
    assert r"bad \xf3.png is not readable" in (tmp_path / "out.rejected.csv").read_text(encoding="utf-8")


def check_ids_of_tables(tmp_path):
    # Ids of a table may be any text; they are no paths.
    save_png(LUNGS, tmp_path / "in" / "a.png")
    masks_to_landmarks(tmp_path / "in", tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv", dtype=str)
    ids = ["../../escape", "/tmp/x", "a\nb", "a%0Ab", "..", "x" * 300, "a/b", "a__b", "-", "a\tb", "\x1b[31m"]
    wide = pd.concat([table.assign(image_id=each) for each in ids])
    wide.to_csv(tmp_path / "ids.csv", index=False)
    assert masks_to_landmarks(tmp_path / "ids.csv", tmp_path / "out.csv", overlays=tmp_path / "seen") == (len(ids), 0)
    written = [path for path in (tmp_path / "seen").rglob("*.png")]
    assert len(written) == len(ids) == len([path for path in written if path.parent == tmp_path / "seen"])


def check_file_system_without_case(tmp_path):
    """Names that the file system of the outputs takes for one; it is imitated by names in lower case."""
    for name in ("a.png", "A.png", "b.png"):
        put(tmp_path / "in", os.fsencode(name))

    def folded(picture, path):
        save_png(picture, path.with_name(path.name.lower()))

    def same(first, second):
        return os.fspath(first).lower() == os.fspath(second).lower()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture_folder, "save_png", folded)
        patch.setattr(picture_folder.os.path, "samefile", same)
        segment([tmp_path / "in"], weights(), tmp_path / "out.csv", QUICK, RECIPE, overlays=tmp_path / "seen")
    assert len(list((tmp_path / "seen").glob("*.png"))) == 3


CASES = [
    *(Case(f"name {ascii(name)[2:-1]:.40}", "right", check_name(name)) for name in NAMES),
    Case("all names at once", "right", check_all_names),
    Case("broken films of such names", "refused", check_broken_name),
    *(Case(f"twins: {what}", "right", check_twins(names)) for what, names in TWINS.items()),
    Case("masks and overlays in one folder", "right", check_one_folder_for_all),
    Case("masks of such names", "right", check_masks_of_such_names),
    Case("ids of a table", "right", check_ids_of_tables),
    Case("a file system without case", "right", check_file_system_without_case),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
