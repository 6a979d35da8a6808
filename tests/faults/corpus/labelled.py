"""The labelled set: ``clinical.csv``, contours as ``.npy``, lists of ids, images.

``make`` gets a folder that holds the sound set of images ``a`` and ``b`` (``set/``, ``images/``), spoils what belongs
to ``a`` or to all, and returns lists of ids for the split (or None).
"""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import io
import os
import pickle
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from .case import KEPT, REFUSED, REJECTED, Case
from .png import header, png

SIZE = 128
NODES = {"RL": 44, "LL": 50, "H": 26}
CLINICAL = "File,Dataset,Sex,Age,Condition\na.png,JSRT,F,40,normal\nb.png,JSRT,M,50,normal\n"


def write_sound(folder: Path) -> None:
    """Write the sound set."""
    (folder / "images").mkdir()
    for name in "ab":
        Image.fromarray(np.random.default_rng(4).integers(0, 256, (SIZE, SIZE), np.uint8)).save(
            folder / "images" / f"{name}.png"
        )
        for organ, nodes in NODES.items():
            (folder / "set" / organ).mkdir(parents=True, exist_ok=True)
            np.save(folder / "set" / organ / f"{name}.npy", points(nodes))
    (folder / "set" / "clinical.csv").write_text(CLINICAL)


def points(nodes: int = 44) -> np.ndarray:
    """A sound contour (x, y)."""
    angle = np.linspace(0, 2 * np.pi, nodes, endpoint=False)
    return np.stack([60 + 40 * np.cos(angle), 60 + 40 * np.sin(angle)], axis=1)


def npy(array, **options) -> bytes:
    """A .npy file."""
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def raw_npy(text: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """A .npy file with any header."""
    body = text.encode("latin-1")
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(body))
    return b"\x93NUMPY" + version + length + body + data


def _said(descr="'<f8'", order="False", shape="(44, 2)", more="") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, {more}}}\n"


def _npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, points())
    return stream.getvalue()


class _Evil:
    """Its unpickling would leave a file behind."""

    def __reduce__(self):
        return (os.system, ("touch unpickled",))


def _contour(name, outcome, data, says=""):
    def make(folder: Path) -> None:
        (folder / "set" / "RL" / "a.npy").write_bytes(data())

    return Case(f"contour {name}", outcome, make, says)


def _clinical(name, outcome, data, says=""):
    def make(folder: Path) -> None:
        found = data()
        (folder / "set" / "clinical.csv").write_bytes(found.encode() if isinstance(found, str) else found)

    return Case(f"clinical {name}", outcome, make, says)


def _image(name, outcome, data, says=""):
    def make(folder: Path) -> None:
        (folder / "images" / "a.png").write_bytes(data())

    return Case(f"image {name}", outcome, make, says)


def _list(name, outcome, data, says=""):
    def make(folder: Path) -> Path:
        found = data()
        (folder / "train.txt").write_bytes(found.encode() if isinstance(found, str) else found)
        return folder / "train.txt"

    return Case(f"list {name}", outcome, make, says)


def _put(array, place, value):
    array[place] = value
    return array


def _pipe(folder: Path) -> None:
    (folder / "set" / "RL" / "a.npy").unlink()
    os.mkfifo(folder / "set" / "RL" / "a.npy")


def _folder(folder: Path) -> None:
    (folder / "set" / "RL" / "a.npy").unlink()
    (folder / "set" / "RL" / "a.npy").mkdir()


def _image_pipe(folder: Path) -> None:
    (folder / "images" / "a.png").unlink()
    os.mkfifo(folder / "images" / "a.png")


_FLOATS = points().tobytes()
_PLAIN = npy(points())

CONTOURS = [
    _contour("sound", KEPT, lambda: _PLAIN),
    _contour("of whole numbers", KEPT, lambda: npy(points().astype(np.int64))),
    _contour("of half precision", KEPT, lambda: npy(points().astype(np.float16))),
    _contour("big-endian", KEPT, lambda: npy(points().astype(">f8"))),
    _contour("in column order", KEPT, lambda: npy(np.asfortranarray(points()))),
    _contour("of format 3", KEPT, lambda: raw_npy(_said(), _FLOATS, b"\3\0")),
    _contour("of a Python 2 header", KEPT, lambda: raw_npy(_said(shape="(44L, 2L)"), _FLOATS)),
    _contour("as (y, x) of fewer nodes", REJECTED, lambda: npy(points(43)), "shape"),
    _contour("transposed", REJECTED, lambda: npy(points().T), "shape"),
    _contour("flat", REJECTED, lambda: npy(points().ravel()), "shape"),
    _contour("of one number", REJECTED, lambda: npy(np.float64(3)), "shape"),
    _contour("empty", REJECTED, lambda: npy(np.zeros((0, 2))), "shape"),
    _contour("with NaN", REJECTED, lambda: npy(_put(points(), (3, 1), np.nan)), "not finite"),
    _contour("with infinity", REJECTED, lambda: npy(_put(points(), (3, 1), np.inf)), "not finite"),
    _contour("beyond single precision", REJECTED, lambda: npy(_put(points(), (3, 1), 1e300)), "not finite"),
    _contour("of complex numbers", REJECTED, lambda: npy(points() * 1j), "complex128"),
    _contour("of truth values", REJECTED, lambda: npy(points() > 60), "bool"),
    _contour("of text", REJECTED, lambda: npy(points().astype(str)), "U"),
    _contour("of objects", REJECTED, lambda: npy(points().astype(object), allow_pickle=True), "unreadable|object"),
    _contour("of objects that run code", REJECTED, lambda: npy(np.array([[_Evil()] * 2] * 44, dtype=object), allow_pickle=True), "unreadable|object"),
    _contour("that is a bare pickle", REJECTED, lambda: pickle.dumps(_Evil()), "unreadable"),
    _contour("that is a record", REJECTED, lambda: npy(np.zeros((44, 2), [("x", "f8")])), "expected \\(44, 2\\)|unreadable"),
    _contour("that is an npz", REJECTED, _npz, "unreadable"),
    _contour("that is a zip that is none", REJECTED, lambda: b"PK\x03\x04" + bytes(100), "unreadable"),
    _contour("that is a zip of zips", REJECTED, lambda: b"PK\x05\x06" + bytes(18), "unreadable"),
    _contour("of text with commas", REJECTED, lambda: b"\n".join(b"%f,%f" % tuple(p) for p in points()), "unreadable"),
    _contour("of no byte", REJECTED, lambda: b"", "unreadable"),
    _contour("cut in its mark", REJECTED, lambda: _PLAIN[:4], "unreadable"),
    _contour("cut in its header", REJECTED, lambda: _PLAIN[:40], "unreadable"),
    _contour("cut in its numbers", REJECTED, lambda: _PLAIN[:-9], "unreadable"),
    _contour("that says a million million rows", REJECTED, lambda: raw_npy(_said(shape="(1000000000000, 2)"), _FLOATS), "unreadable|shape"),
    _contour("that says negative rows", REJECTED, lambda: raw_npy(_said(shape="(-44, 2)"), _FLOATS), "unreadable|shape"),
    _contour("whose shape is text", REJECTED, lambda: raw_npy(_said(shape="'44'"), _FLOATS), "unreadable"),
    _contour("whose dtype is unknown", REJECTED, lambda: raw_npy(_said("'zz9'"), _FLOATS), "unreadable"),
    _contour("whose dtype is a list of nothing", REJECTED, lambda: raw_npy(_said("[((),)]"), _FLOATS), "unreadable"),
    _contour("whose header calls a function", REJECTED, lambda: raw_npy("__import__('os').system('touch unpickled')\n", _FLOATS), "unreadable"),
    _contour("whose header never closes", REJECTED, lambda: raw_npy("{'descr': ('''<f8\n", _FLOATS), "unreadable"),
    _contour("whose header is a number", REJECTED, lambda: raw_npy("7\n", _FLOATS), "unreadable"),
    _contour("whose keys are of two types", REJECTED, lambda: raw_npy("{'descr': '<f8', 3: False, 'shape': (44, 2)}\n", _FLOATS), "unreadable"),
    _contour("whose header is nested deep", REJECTED, lambda: raw_npy("(" * 5000, _FLOATS), "unreadable"),
    _contour("of a later format", REJECTED, lambda: raw_npy(_said(), _FLOATS, b"\x09\0"), "unreadable"),
    Case("contour that is a folder", REJECTED, _folder, "missing"),
    Case("contour that is a pipe", REJECTED, _pipe, "missing"),
    Case("contour that is gone", REJECTED, lambda folder: (folder / "set" / "LL" / "a.npy").unlink(), "missing"),
]  # fmt: skip

CLINICALS = [
    _clinical("with a BOM", KEPT, lambda: "\ufeff" + CLINICAL),
    _clinical("with a line break in a cell", KEPT, lambda: CLINICAL.replace("normal\nb", '"normal\nmore"\nb')),
    _clinical("ages and sexes of nonsense", KEPT, lambda: CLINICAL.replace("F,40", "x,-9")),
    _clinical("patients in a circle", KEPT, lambda: CLINICAL.replace("normal\nb", "same pt as b\nb").replace("normal\n", "same pt as a\n")),
    _clinical("an id above the folder", REJECTED, lambda: CLINICAL.replace("a.png", "../images/a.png"), "plain name"),
    _clinical("an id with a zero byte", REJECTED, lambda: CLINICAL.replace("a.png", "a\0.png"), "plain name"),
    _clinical("a source without images", REJECTED, lambda: CLINICAL.replace("a.png,JSRT", "a.png,X"), "no image folder"),
    _clinical("a source of control characters", REJECTED, lambda: CLINICAL.replace("a.png,JSRT", "a.png,\x1b[2J"), "no image folder"),
    _clinical("a name of 300 signs", REJECTED, lambda: CLINICAL.replace("a.png", "x" * 300), "missing|plain name"),
    _clinical("empty id", REFUSED, lambda: CLINICAL.replace("a.png", ""), "'File' is empty"),
    _clinical("an id twice", REFUSED, lambda: CLINICAL.replace("b.png", "a.png"), "occurs twice"),
    _clinical("an id twice, once without suffix", REFUSED, lambda: CLINICAL.replace("b.png", "a"), "occurs twice"),
    _clinical("semicolons", KEPT, lambda: CLINICAL.replace(",", ";")),
    _clinical("a column missing", REFUSED, lambda: CLINICAL.replace("Condition", "State"), "'Condition' is missing"),
    _clinical("header alone", REFUSED, lambda: CLINICAL[: CLINICAL.index("\n") + 1], "empty|no such source"),
    _clinical("no byte", REFUSED, lambda: "", "0 bytes"),
    _clinical("UTF-16", REFUSED, lambda: CLINICAL.encode("utf-16"), "zero bytes"),
    _clinical("latin-1", REFUSED, lambda: CLINICAL.replace("normal", "ä").encode("latin-1"), "not UTF-8"),
    _clinical("a row too short", REFUSED, lambda: CLINICAL + "c.png,JSRT\n", "holds 2 cells"),
    Case("clinical that is gone", REFUSED, lambda folder: (folder / "set" / "clinical.csv").unlink(), "no such file"),
]  # fmt: skip

IMAGES = [
    _image("of no byte", REJECTED, lambda: b"", "empty"),
    _image("of text", REJECTED, lambda: b"hello", "unreadable"),
    _image("cut in its header", REJECTED, lambda: (png(b"", head=header(height=SIZE, width=SIZE)))[:20], "unreadable"),
    _image("of another size", REJECTED, lambda: png(b"", head=header(height=64, width=SIZE)), "128 x 64 pixels"),
    _image("bomb", REJECTED, lambda: png(b"", head=header(height=60_000, width=60_000)), "unreadable|60000|Mpx"),
    _image("PostScript", REJECTED, lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 128 128\n%%EndComments\n", "unreadable"),
    _image("of a format that nobody reads later", REJECTED, lambda: b"P5 128 128 255\n" + bytes(SIZE * SIZE), "unreadable"),
    Case("image that is gone", REJECTED, lambda folder: (folder / "images" / "a.png").unlink(), "missing"),
    Case("image that is a pipe", REJECTED, _image_pipe, "missing"),
]  # fmt: skip

LISTS = [
    _list("sound", KEPT, lambda: "a\n"),
    _list("with a BOM", KEPT, lambda: "\ufeffa.png\r\nb.png\r\n"),
    _list("in UTF-16", REFUSED, lambda: "a\nb\n".encode("utf-16"), "UTF-8"),
    _list("in latin-1", REFUSED, lambda: b"\xe4\n", "UTF-8"),
    _list("with zero bytes", REFUSED, lambda: "a\0\nb\n", "zero byte"),
    _list("of no id", REFUSED, lambda: "\n  \n", "empty"),
    _list("of no byte", REFUSED, lambda: "", "empty"),
    _list("of other ids", KEPT, lambda: "zz\n"),
    Case("list that is gone", REFUSED, lambda folder: folder / "gone.txt", "no such file"),
    Case("list that is a folder", REFUSED, lambda folder: folder / "images", "no such file"),
]

CASES = [*CONTOURS, *CLINICALS, *IMAGES, *LISTS]
