"""Folders as people have them: every entry is read, rejected by name, or counted by its reason.

One table of entries is put into folders for every command that takes folders, and the end of each entry is compared
with the table. Then the sums of the accounts are compared with the number of entries.
"""

import csv
import gzip
import io
import logging
import os
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest
import torch
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import ReportsConfig
from cxrfactory.config.infer import SegmentConfig
from cxrfactory.door.segmenter import Segmenter
from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.infer.from_masks import masks_to_landmarks
from cxrfactory.infer.segment import segment
from cxrfactory.ingest.reports.collect import collect_reports
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.tables.weights import write_weights
from tests.reported import Case

KIND = "folders with links, packed files, leftovers and outputs"
SOURCE = "nipype#656, datumaro PR#1255, datalad#3513"

QUICK = SegmentConfig(samples=2, device="cpu", check_orientation=False)
RECIPE = Preparation(size=64)
FILM = np.random.default_rng(0).integers(0, 256, (80, 72), dtype=np.uint8)


def encoded(suffix):
    return cv2.imencode(suffix, FILM)[1].tobytes()


@cache
def dicom(preamble=True):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    one = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    one.SOPClassUID, one.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    one.Modality, one.PhotometricInterpretation = "DX", "MONOCHROME2"
    one.Rows, one.Columns = FILM.shape
    one.SamplesPerPixel, one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 1, 8, 8, 7, 0
    one.PixelData = FILM.tobytes()
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, one)
    return stream.getvalue() if preamble else stream.getvalue()[132:]


@cache
def weights():
    """Weights whose landmarks are three circles, whatever the image."""
    torch.manual_seed(0)
    network = HybridGNet(landmark_graph("lungs-heart"), 64)
    circles = []
    for count, x, y, radius in ((44, 0.3, 0.5, 0.15), (50, 0.7, 0.5, 0.15), (26, 0.55, 0.65, 0.1)):
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
        circles.append(np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1))
    network.mean_shape.copy_(torch.from_numpy(np.concatenate(circles)))
    torch.nn.init.zeros_(network.conv6.weight)
    path = Path(tempfile.mkdtemp()) / "w.safetensors"
    card = {"segmenter": "hybridgnet", "settings": network.settings(), "normalisation": "", "data": {}, "metrics": {}}
    write_weights(path, {name: value.numpy() for name, value in network.state_dict().items()}, card)
    return path


def zipped(data):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("inside.png", data)
    return stream.getvalue()


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


READ, REJECTED, COUNTED = "read", "rejected", "counted"

# Name of an entry -> its end, the word that names it in a count or reason, and how it is made. `root` is the folder
# that the command is given; `root.parent / "other"` is another disk.
ENTRIES = {
    "plain.png": (READ, "", lambda path: put(path, encoded(".png"))),
    "UPPER.PNG": (READ, "", lambda path: put(path, encoded(".png"))),
    "b.jpeg": (READ, "", lambda path: put(path, encoded(".jpg"))),
    "c.tif": (READ, "", lambda path: put(path, encoded(".tif"))),
    "deep/er/d.png": (READ, "", lambda path: put(path, encoded(".png"))),
    "a blank, a comma.png": (READ, "", lambda path: put(path, encoded(".png"))),
    "no_suffix": (READ, "", lambda path: put(path, dicom())),
    "1.2.840.113619.2": (READ, "", lambda path: put(path, dicom())),
    "1.2.840.113619.2.json": (READ, "", lambda path: put(path, dicom())),
    "1.2.840.txt": (READ, "", lambda path: put(path, dicom())),
    "1.2.840.xml": (READ, "", lambda path: put(path, dicom(preamble=False))),
    "1.2.840.zip": (READ, "", lambda path: put(path, dicom())),
    "packed.dcm.gz": (READ, "", lambda path: put(path, gzip.compress(dicom()))),
    "packed.png.gz": (READ, "", lambda path: put(path, gzip.compress(encoded(".png")))),
    "picture.pdf": (READ, "", lambda path: put(path, encoded(".png"))),
    "in_store.png": (READ, "", lambda path: (
        put(path.parent / ".git/annex/objects/x/x.png", encoded(".png")), link(path, ".git/annex/objects/x/x.png")
    )),
    "folder_in_store/e.png": (READ, "", lambda path: (
        put(path.parent.parent / ".store/one/e.png", encoded(".png")), link(path.parent, ".store/one")
    )),
    "empty.png": (REJECTED, "empty", lambda path: put(path, b"")),
    "broken.dcm": (REJECTED, "", lambda path: put(path, dicom()[:400])),
    "text.jpg": (REJECTED, "neither JPEG", lambda path: put(path, b"no image")),
    "annexed.png": (REJECTED, "leads nowhere", lambda path: link(path, ".git/annex/objects/missing")),
    "round.png": (REJECTED, "leads nowhere", lambda path: link(path, "round.png")),
    "linked_file.png": (REJECTED, "leads out", lambda path: (
        put(path.parent.parent / "other/f.png", encoded(".png")), link(path, path.parent.parent / "other/f.png")
    )),
    "batch2": (REJECTED, "leads out", lambda path: (
        put(path.parent.parent / "other/batch/g.png", encoded(".png")), link(path, path.parent.parent / "other/batch")
    )),
    "same.png": (REJECTED, "the same file as plain.png", lambda path: link(path, "plain.png")),
    "more.zip": (REJECTED, "unpack", lambda path: put(path, zipped(encoded(".png")))),
    "more.tar.gz": (REJECTED, "unpack", lambda path: put(path, gzip.compress(b"x"))),
    "more.7z": (REJECTED, "unpack", lambda path: put(path, b"7z\xbc\xaf")),
    "more.rar": (REJECTED, "unpack", lambda path: put(path, b"Rar!")),
    "scan.nii.gz": (REJECTED, "a volume and no film", lambda path: put(path, gzip.compress(bytes(400)))),
    "pipe": (REJECTED, "not a regular file", os.mkfifo),
    "list.csv": (COUNTED, "table", lambda path: put(path, b"a,b\n")),
    "list.csv.gz": (COUNTED, "table", lambda path: put(path, gzip.compress(b"a,b\n"))),
    "notes.txt": (COUNTED, "table", lambda path: put(path, b"")),
    "meta.json": (COUNTED, "table", lambda path: put(path, b"{}")),
    ".hidden.png": (COUNTED, "hidden file", lambda path: put(path, encoded(".png"))),
    "._plain.png": (COUNTED, "hidden file", lambda path: put(path, b"\0\5\x16\7")),
    ".ipynb_checkpoints/": (COUNTED, "hidden folder", lambda path: put(path / "plain-checkpoint.png", encoded(".png"))),
    "__MACOSX/": (COUNTED, "system folder", lambda path: put(path / "._plain.png", b"x")),
    "@eaDir/": (COUNTED, "system folder", lambda path: put(path / "plain.png/SYNOPHOTO_THUMB.jpg", encoded(".jpg"))),
    "Thumbs.db": (COUNTED, "system file", lambda path: put(path, b"\xd0\xcf")),
    "desktop.ini": (COUNTED, "system file", lambda path: put(path, b"")),
    "plain.png:Zone.Identifier": (COUNTED, "system file", lambda path: put(path, b"[ZoneTransfer]")),
    "void/": (COUNTED, "empty folder", lambda path: path.mkdir()),
    "plain.png~": (REJECTED, "backup copy of plain.png", lambda path: put(path, encoded(".png"))),
    "deep/er/d.png.bak": (REJECTED, "backup copy of d.png", lambda path: put(path, encoded(".png"))),
    "deep/up": (COUNTED, "link to a folder that is listed", lambda path: link(path, "..")),
    "deep_too": (COUNTED, "link to a folder that is listed", lambda path: link(path, "deep")),
}  # fmt: skip
ALWAYS = ("plain.png", "deep/er/d.png")  # so that there is something to read, and to lead to


class Log(logging.Handler):
    """The lines that a command logs."""

    def __enter__(self):
        self.lines = []
        self.logger = logging.getLogger("cxrfactory")
        self.level_before = self.logger.level
        self.logger.addHandler(self)
        self.logger.setLevel(logging.INFO)
        return self

    def __exit__(self, *_):
        self.logger.removeHandler(self)
        self.logger.setLevel(self.level_before)

    def emit(self, record):
        self.lines.append(record.getMessage())

    @property
    def text(self):
        return "\n".join(self.lines)


def make(root, names):
    for name in names:
        ENTRIES[name][2](root / name)


def run(root, tmp_path, **options):
    """Segment a folder; return ids of rows, reasons by id, and the log."""
    settings = QUICK.model_copy(update=options)
    out = tmp_path / "out" / "out.csv"
    with Log() as log:
        counts = segment([root], weights(), out, settings, RECIPE)
    with out.open(newline="") as stream:
        csv.field_size_limit(1 << 24)
        kept = [row["image_id"] for row in csv.DictReader(stream)]
    with out.with_suffix(".rejected.csv").open(newline="") as stream:
        rejected = {row["image_id"]: row["reason"] for row in csv.DictReader(stream)}
    assert counts == (len(kept), len(rejected))
    return kept, rejected, log.text


def check_entry(name):
    end, word, _ = ENTRIES[name]

    def check(tmp_path):
        root = tmp_path / "in"
        make(root, [*ALWAYS, name] if name not in ALWAYS else ALWAYS)
        kept, rejected, log = run(root, tmp_path)
        assert (name in kept) == (end == READ)
        assert (name in rejected) == (end == REJECTED)
        if end == REJECTED:
            assert word in rejected[name]
        if end == COUNTED:
            assert f"1 {word}" in log

    return check


def check_whole_folder(tmp_path):
    root = tmp_path / "in"
    make(root, ENTRIES)
    kept, rejected, log = run(root, tmp_path)
    assert set(kept) == {name for name, (end, *_) in ENTRIES.items() if end == READ}
    assert set(rejected) == {name for name, (end, *_) in ENTRIES.items() if end == REJECTED}
    counted = [name for name, (end, *_) in ENTRIES.items() if end == COUNTED]
    assert f"{len(ENTRIES) + 2} entries" in log  # .git and .store beside
    assert f"left aside {len(counted) + 2} (2 hidden files, 3 hidden folders (3 files in them)" in log
    assert sorted(kept, key=lambda name: [os.fsencode(part) for part in name.split("/")]) == kept
    # The library gives the same outcomes as the command.
    segmenter = Segmenter(
        weights(), samples=2, device="cpu", check_orientation=False, quality=False, preparation=RECIPE
    )
    outcomes = list(segmenter.segment_all(root))
    assert [each.image_id for each in outcomes if each.ok] == kept
    assert {each.image_id: each.reason for each in outcomes if not each.ok} == rejected


def check_links_followed(tmp_path):
    root = tmp_path / "in"
    make(root, [*ALWAYS, "linked_file.png", "batch2"])
    kept, rejected, _ = run(root, tmp_path, follow_links=True)
    assert kept == ["batch2/g.png", "deep/er/d.png", "linked_file.png", "plain.png"]
    assert not rejected


def check_cycle_followed(tmp_path):
    root = tmp_path / "in"
    make(root, [*ALWAYS, "deep/up"])
    link(root / "out", tmp_path)  # the folder around the given one
    link(tmp_path / "back", root)
    put(tmp_path / "h.png", encoded(".png"))
    kept, rejected, log = run(root, tmp_path, follow_links=True)
    assert kept == ["deep/er/d.png", "out/h.png", "plain.png"]
    assert "links to folders that are listed" in log
    assert not [name for name in rejected if name.endswith(".png")]


def check_outputs_inside(where):
    """Masks and overlays inside the input, in folders of their own or beside the films, are no films of a later run."""

    def check(tmp_path):
        root = tmp_path / "in"
        make(root, ALWAYS)
        masks, overlays = root / where[0], root / where[1]
        first = None
        for _ in range(3):
            segment([root], weights(), root / "out.csv", QUICK, RECIPE, masks, overlays)
            found = {path: path.read_bytes() for path in sorted(root.rglob("*.png"))}
            assert first in (None, found)
            first = found
        assert len(found) == 2 + 2 * 3 + 2
        kept, rejected, log = run(root, tmp_path)
        assert (kept, rejected) == (["deep/er/d.png", "plain.png"], {})
        assert "outputs of cxrfactory" in log
        # A film that is put among the masks is a film.
        put(masks / "new.png", encoded(".png"))
        assert (masks / "new.png").relative_to(root).as_posix() in run(root, tmp_path)[0]
        # The masks themselves are read where they are asked for; overlays beside them are not.
        assert masks_to_landmarks(masks, tmp_path / "m.csv")[0] == 2

    return check


def check_masks_without_marks(tmp_path):
    # Masks of a version that wrote no marks: the run that would write them again does not read them.
    root = tmp_path / "in"
    make(root, ALWAYS)
    segment([root], weights(), tmp_path / "o.csv", QUICK, RECIPE, root / "masks")
    (root / "masks" / ".cxrfactory-outputs").unlink()
    assert segment([root], weights(), tmp_path / "o.csv", QUICK, RECIPE, root / "masks") == (2, 0)
    assert len(list((root / "masks").glob("*.png"))) == 6


def check_given_files(tmp_path):
    # As a shell gives `folder/*`: one dangling link or pipe costs no run, and a hidden file that is named is meant.
    root = tmp_path / "in"
    make(root, ["plain.png", "annexed.png", "pipe", ".hidden.png", "1.2.840.txt", "empty.png"])
    out = tmp_path / "out.csv"
    assert segment(sorted(root.iterdir()), weights(), out, QUICK, RECIPE) == (3, 3)


def check_nothing_to_read(tmp_path):
    root = tmp_path / "in"
    make(root, ["more.zip", "annexed.png", "list.csv"])
    with pytest.raises(CxrError, match=r"no image files.*left aside: 1 table or text, 1 archive, 1 dangling link"):
        run(root, tmp_path)


LUNGS = np.zeros((256, 256), np.uint8)
LUNGS[40:210, 40:110] = 255
LUNGS[40:210, 146:216] = 255


def lungs(name):
    """Make a picture of both lungs as another program would write it."""
    from PIL import Image

    image = Image.fromarray(LUNGS)
    kinds = {"1": lambda: image.convert("1"), "P": lambda: image.convert("P"), "RGB": lambda: image.convert("RGB")}
    stream = io.BytesIO()
    mode, _, form = name.partition(" ")
    (kinds[mode]() if mode in kinds else image).save(stream, form)
    return stream.getvalue()


MASKS = {
    "a.png": (READ, "L PNG"), "b.PNG": (READ, "L PNG"), "c.tif": (READ, "L TIFF"), "d.gif": (READ, "L GIF"),
    "e.bmp": (READ, "L BMP"), "f.TIFF": (READ, "1 TIFF"), "g.png": (READ, "1 PNG"), "h.gif": (READ, "1 GIF"),
    "i.png": (READ, "P PNG"), "j.gif": (READ, "P GIF"), "k.png": (READ, "RGB PNG"), "l.gif": (READ, "RGB GIF"),
    "m.bmp": (READ, "1 BMP"), "deep/n.png": (READ, "L PNG"),
    "o.jpg": ("JPEG blurs", "L JPEG"), "p": ("not named like", "L PNG"), "q.png": ("not readable", "L JPEG"),
    "r.dcm": ("not named like", "L PNG"),
}  # fmt: skip


def check_masks(tmp_path):
    root = tmp_path / "in"
    for name, (_, form) in MASKS.items():
        put(root / name, lungs(form))
    make(root, ["more.zip", "annexed.png", "linked_file.png", "Thumbs.db", "list.csv", ".ipynb_checkpoints/"])
    put(root / "twice.png", lungs("L PNG"))
    put(root / "twice.gif", lungs("L GIF"))
    with Log() as log:
        counts = masks_to_landmarks(root, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    stems = sorted(name.rpartition(".")[0] for name, (end, _) in MASKS.items() if end == READ)
    assert table["image_id"].tolist() == stems
    assert table["Right Lung"].nunique() == 1
    assert table["Left Lung"].nunique() == 1
    rejected = pd.read_csv(tmp_path / "out.rejected.csv").set_index("image_id")["reason"]
    expected = {"q" if name == "q.png" else name: end for name, (end, _) in MASKS.items() if end != READ}
    expected |= {"more.zip": "unpack", "annexed.png": "leads nowhere", "linked_file.png": "leads out"}
    expected["twice"] = "same mask in 2 files (twice.gif, twice.png)"
    assert set(rejected.index) == set(expected)
    assert all(words in rejected[name] for name, words in expected.items())
    assert counts == (len(stems), len(expected))
    assert "left aside 3 (1 hidden folder (1 file in it), 1 system file, 1 table or text)" in log.text


def check_reports(follow):
    def check(tmp_path):
        root, text = tmp_path / "in", b"FINDINGS: Clear.\nIMPRESSION: Normal.\n"
        put(root / "files/p10/p10000032/s50000001.txt", text)
        put(tmp_path / "other/p11000032/s50000002.txt", text)
        link(root / "files/p11", tmp_path / "other")
        link(root / "files/p12", tmp_path / "missing")
        link(root / "files/p10/s50000003.txt", ".git/missing")
        link(root / "files/p10/film.dcm", ".git/missing")
        put(root / "files/p10/.s50000004.txt", text)
        put(root / "index.html", b"")
        with Log() as log:
            settings = ReportsConfig(source=str(root), layout="mimic")
            counts = collect_reports(settings, tmp_path / "r.parquet", tmp_path / "x.parquet", follow_links=follow)
        rejected = pd.read_parquet(tmp_path / "x.parquet").set_index("path")["reason"]
        assert counts["used"] == (2 if follow else 1)
        assert ("files/p11" in rejected) == (not follow)
        assert "leads nowhere" in rejected["files/p12"]
        assert "leads nowhere" in rejected["files/p10/s50000003.txt"]
        assert len(rejected) == (2 if follow else 3)
        assert "left aside 3 entries: 1 dangling links, 1 files of other names, 1 hidden files" in log.text

    return check


ENDS = {READ: "right", REJECTED: "refused", COUNTED: "reported"}
CASES = [
    *(Case(f"segment: {name}", ENDS[end], check_entry(name)) for name, (end, *_) in ENTRIES.items()),
    Case("segment: all of them", "reported", check_whole_folder),
    Case("segment: links followed", "right", check_links_followed),
    Case("segment: links in a circle", "right", check_cycle_followed),
    Case("segment: outputs in folders inside", "right", check_outputs_inside(("masks", "deep/overlays"))),
    Case("segment: outputs in one folder inside", "right", check_outputs_inside(("out", "out"))),
    Case("segment: outputs beside the films", "right", check_outputs_inside((".", "."))),
    Case("segment: masks of an older version", "right", check_masks_without_marks),
    Case("segment: files of a shell pattern", "refused", check_given_files),
    Case("segment: nothing to read", "refused", check_nothing_to_read),
    Case("mask-to-landmarks: formats", "right", check_masks),
    Case("reports: links", "refused", check_reports(follow=False)),
    Case("reports: links followed", "right", check_reports(follow=True)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
