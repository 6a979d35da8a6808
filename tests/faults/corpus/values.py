"""Texts and files that single readers take: RLE, landmarks, CheXmask tables, name tables, weights, calibrations, PNG.

``make`` gets a folder and returns what the test calls; a kept one gives a value.
"""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import gzip
import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.volume.label_names import read_names
from cxrfactory.tables.calibration import read_calibration
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.landmark_text import parse_landmarks
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.weights import CARD_KEYS, read_weights

from .case import KEPT, REFUSED, Case
from .png import PLAIN as PNG

_POINTS = ",".join(str(n) for n in range(240))
CHEXMASK = "image_id,Dice RCA (Mean),Dice RCA (Max),Landmarks,Left Lung,Right Lung,Heart,Height,Width\n"
ROW = f'a.png,0.9,0.95,"{_POINTS}",1 5,,9 3,1024,1024\n'


def _call(name, outcome, reader: Callable, *values, says=""):
    return Case(name, outcome, lambda folder: lambda: reader(*values), says)


def _rle(name, outcome, text, says="", height=8, width=9):
    return _call(f"rle {name}", outcome, rle_decode, text, height, width, says=says)


def _points(name, outcome, text, says=""):
    return _call(f"landmarks {name}", outcome, parse_landmarks, text, says=says)


def _file(family, name, outcome, file, data, reader, says=""):
    def make(folder: Path) -> Callable:
        found = data()
        (folder / file).write_bytes(found.encode() if isinstance(found, str) else found)
        return lambda: reader(folder / file)

    return Case(f"{family} {name}", outcome, make, says)


def _chexmask(name, outcome, data, says="", file="t.csv"):
    return _file("chexmask", name, outcome, file, data, read_chexmask, says)


def _names(name, outcome, data, says="", file="n.csv"):
    return _file("names", name, outcome, file, data, read_names, says)


def _calibration(name, outcome, data, says="calibration"):
    return _file("calibration", name, outcome, "c.json", data, read_calibration, says)


def safetensors(header, data=b"", length=None) -> bytes:
    """A weights file of any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def write_weights_as_is(folder: Path, data: bytes, card: bytes | None = None) -> Path:
    """Write weights with a card that is of them, whatever they are."""
    (folder / "w.safetensors").write_bytes(data)
    facts = dict.fromkeys(CARD_KEYS, "x") | {"sha256": hashlib.sha256(data).hexdigest()}
    (folder / "w.json").write_bytes(json.dumps(facts).encode() if card is None else card)
    return folder / "w.safetensors"


def _weights(name, outcome, data, says="safetensors", card=None):
    def make(folder: Path) -> Callable:
        path = write_weights_as_is(folder, data(), card and card())
        return lambda: read_weights(path)

    return Case(f"weights {name}", outcome, make, says)


_ONE = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}

RLES = [
    _rle("sound", KEPT, "1 5 20 3"),
    _rle("empty", KEPT, ""),
    _rle("of spaces", KEPT, " \n\t "),
    _rle("of NaN", KEPT, float("nan")),
    _rle("of None", KEPT, None),
    _rle("of one number", REFUSED, "5", "stands alone"),
    _rle("from 0", REFUSED, "0 5", "starts at 1"),
    _rle("of length 0", REFUSED, "3 0", "at least 1"),
    _rle("of negative numbers", REFUSED, "-3 4", "whole number"),
    _rle("of decimals", REFUSED, "1.0 5.0", "whole number"),
    _rle("with commas", REFUSED, "1,5", "whole number"),
    _rle("beyond the mask", REFUSED, "70 9", "leaves the mask"),
    _rle("that overlaps", REFUSED, "1 5 3 2", "ascend"),
    _rle("of 30 digits", REFUSED, "9" * 30 + " 1", "leaves the mask"),
    _rle("of a million digits", REFUSED, "9" * 1_000_000 + " 1", "leaves the mask"),
    _rle("of a vertical tab", REFUSED, "\v", "whole number"),
    _rle("with a form feed between", REFUSED, "1\f5", "whole number"),
    _rle("with a zero byte", REFUSED, "1 5\0", "whole number"),
    _rle("of no-break spaces", REFUSED, "1\xa05", "whole number"),
    _rle("of a no-break space", REFUSED, "\xa0", "whole number"),
    _rle("of other digits", REFUSED, "١ ٥", "whole number"),
    _rle("of half a surrogate", REFUSED, "1 5 \ud800", "whole number"),
    _rle("of bytes", REFUSED, b"1 5", "bytes"),
    _rle("of a mask of no pixel", REFUSED, "1 1", "at least 1 x 1", height=0),
    _rle("of a mask of a negative side", REFUSED, "1 1", "at least 1 x 1", height=-3),
    _rle("of a mask of 10 to the 18 pixels", REFUSED, "1 1", "at most", height=10**9, width=10**9),
]
POINTS = [
    _points("sound", KEPT, _POINTS),
    _points("as JSON", KEPT, json.dumps(np.arange(240).reshape(120, 2).tolist())),
    _points("printed", KEPT, str(np.arange(240).reshape(120, 2).tolist()).replace(",", "")),
    _points("empty", REFUSED, "", "empty"),
    _points("of another count", REFUSED, "1,2,3", "3 numbers"),
    _points("left out by numpy", REFUSED, "[[1 2]\n ...\n [3 4]]", r"\.\.\."),
    _points("of text", REFUSED, "a,b", "'a'"),
    _points("with NaN", REFUSED, _POINTS.replace("7,", "nan,", 1), "finite"),
    _points("with infinity", REFUSED, _POINTS.replace("7,", "inf,", 1), "finite"),
    _points("beyond single precision", REFUSED, _POINTS.replace("7,", "1e300,", 1), "finite"),
    _points("JSON beyond double precision", REFUSED, "[" + "9" * 400 + "," + _POINTS[4:] + "]", "JSON|finite"),
    _points("JSON of 5000 digits", REFUSED, "[" + "9" * 5000 + ",1]", "JSON"),
    _points("JSON nested deep", REFUSED, "[" * 100_000 + "," + "]" * 100_000, "JSON"),
    _points("JSON of uneven pairs", REFUSED, "[[1, 2], [3]]", "JSON"),
    _points("JSON of null", REFUSED, "[null, 1]", "finite|JSON"),
    _points("JSON of truth values", REFUSED, "[" + ",".join(["true"] * 240) + "]", "JSON"),
    _points("JSON of text", REFUSED, "[" + ",".join(['"1"'] * 240) + "]", "JSON"),
    _points("JSON of objects", REFUSED, '[{"x": 1}, {}]', "JSON"),
    _points("JSON that never closes", REFUSED, "[[1, 2], [3", "JSON"),
    _points("of code", REFUSED, "__import__('os').getcwd()", "expected a number|notation|x,y"),
    _points("of other digits", REFUSED, _POINTS.replace("7", "٧").replace("1", "?"), "expected a number"),
    _points("with a zero byte", REFUSED, _POINTS.replace("7,", "7\0,", 1), "expected a number"),
    _points("with underscores", REFUSED, _POINTS.replace("10,", "1_0,", 1), "expected a number"),
    _points("of brackets", REFUSED, "[" * 50_000, "start with"),
    _points("of brackets and blanks", REFUSED, "[ " * 20_000 + "x", "start with"),
    _points("of a line break in a number", REFUSED, "a\nb,2", "expected a number"),
]
CHEXMASKS = [
    _chexmask("sound", KEPT, lambda: CHEXMASK + ROW),
    _chexmask("with a BOM", KEPT, lambda: "\ufeff" + CHEXMASK + ROW),
    _chexmask("header alone", KEPT, lambda: CHEXMASK),
    _chexmask("packed", KEPT, lambda: gzip.compress((CHEXMASK + ROW).encode()), file="t.csv.gz"),
    _chexmask("of no byte", REFUSED, lambda: "", "CSV"),
    _chexmask("with semicolons", REFUSED, lambda: (CHEXMASK + ROW).replace(",", ";"), "column .Landmarks.: .*expected a number"),
    _chexmask("without landmarks", REFUSED, lambda: CHEXMASK.replace("Landmarks", "Points"), "'Landmarks' is missing"),
    _chexmask("with two id columns", REFUSED, lambda: "dicom_id," + CHEXMASK + "1," + ROW, "id columns"),
    _chexmask("with a row too short", REFUSED, lambda: CHEXMASK + ROW + "b.png,0.9\n", "row 2"),
    _chexmask("with a row too long", REFUSED, lambda: CHEXMASK + ROW + ROW.strip() + ",1\n", "CSV|row 2|cells"),
    _chexmask("with every row too long", REFUSED, lambda: CHEXMASK + ROW.strip() + ",1\n", "cells|row 1"),
    _chexmask("with a column twice", REFUSED, lambda: CHEXMASK.replace("Right", "Left") + ROW, "twice"),
    _chexmask("cut", REFUSED, lambda: (CHEXMASK + ROW)[:-200], "CSV|row 1"),
    _chexmask("in UTF-16", REFUSED, lambda: (CHEXMASK + ROW).encode("utf-16"), "CSV"),
    _chexmask("in latin-1", REFUSED, lambda: (CHEXMASK + ROW.replace("a.png", "ä")).encode("latin-1"), "CSV"),
    _chexmask("with an empty id", REFUSED, lambda: CHEXMASK + ROW[5:], "empty"),
    _chexmask("with Dice of text", REFUSED, lambda: CHEXMASK + ROW.replace("0.9,", "high,"), "row 1.*'high'"),
    *(
        _chexmask(f"with a width of {width[:9]}", REFUSED, lambda width=width: CHEXMASK + ROW[:-5] + f"{width}\n", "pixels|number")
        for width in ("0", "-1024", "1024.5", "nan", "inf", "1e30", "", "x" * 400)
    ),
    _chexmask("packed and cut", REFUSED, lambda: gzip.compress((CHEXMASK + ROW).encode())[:-15], "CSV", "t.csv.gz"),
    _chexmask("packed and spoilt", REFUSED, lambda: gzip.compress((CHEXMASK + ROW).encode())[:30] + bytes(300), "CSV", "t.csv.gz"),
    _chexmask("called packed", REFUSED, lambda: CHEXMASK + ROW, "CSV", "t.csv.gz"),
    _chexmask("called Parquet", REFUSED, lambda: CHEXMASK + ROW, "Parquet", "t.parquet"),
    _chexmask("Parquet cut", REFUSED, lambda: b"PAR1" + bytes(40) + b"PAR1", "Parquet", "t.parquet"),
]  # fmt: skip
NAMES = [
    _names("sound", KEPT, lambda: "id,name\n1,heart\n"),
    _names("with a BOM", KEPT, lambda: "\ufeffid,name\n1,heart\n"),
    _names("of JSON", KEPT, lambda: '{"1": "heart"}', file="n.json"),
    _names("of no byte", REFUSED, lambda: "", "columns"),
    _names("in UTF-16", REFUSED, lambda: "id,name\n1,heart\n".encode("utf-16"), "UTF-8"),
    _names("with a value twice", REFUSED, lambda: "id,name\n1,heart\n1,liver\n", "twice"),
    _names("with a name twice", REFUSED, lambda: "id,name\n1,heart\n2,heart\n", "two label values"),
    _names("with a cell too many", REFUSED, lambda: "id,name\n1,heart,x\n", "3 cells"),
    _names("of negative values", REFUSED, lambda: "id,name\n-1,heart\n", "whole number"),
    _names("of 5000 digits", REFUSED, lambda: f"id,name\n{'9' * 5000},heart\n", "whole number"),
    _names("of a cell of a megabyte", REFUSED, lambda: f"id,name\n1,{'x' * 1_000_000}\n", "CSV|signs|long"),
    _names("with a zero byte", REFUSED, lambda: "id,name\n1,he\0art\n", "print|signs|CSV"),
    _names("JSON with a line break", REFUSED, lambda: '{"a\\nb": "heart"}', "whole number|print", "n.json"),
    _names("JSON nested deep", REFUSED, lambda: '{"1": ' + "[" * 100_000, "JSON", "n.json"),
    _names("JSON of 5000 digits", REFUSED, lambda: '{"heart": ' + "9" * 5000 + "}", "JSON|whole number", "n.json"),
    _names("JSON of a list", REFUSED, lambda: "[1]", "object", "n.json"),
    _names("JSON of null", REFUSED, lambda: '{"heart": null}', "whole number", "n.json"),
]  # fmt: skip
WEIGHTS = [
    _weights("sound", KEPT, lambda: safetensors(_ONE, bytes(8))),
    _weights("of no byte", REFUSED, lambda: b""),
    _weights("of a header of 2 to the 63 bytes", REFUSED, lambda: safetensors(_ONE, bytes(8), 2**63)),
    _weights("of a header of no byte", REFUSED, lambda: safetensors(b"")),
    _weights("of a header of text", REFUSED, lambda: safetensors(b"hello")),
    _weights("of a header of a list", REFUSED, lambda: safetensors([1])),
    _weights("cut in the numbers", REFUSED, lambda: safetensors(_ONE, bytes(7))),
    _weights("of offsets that cross", REFUSED, lambda: safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}, bytes(8))),
    _weights("of another shape than bytes", REFUSED, lambda: safetensors({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, bytes(8))),
    _weights("of a shape beyond 64 bits", REFUSED, lambda: safetensors({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]}}, bytes(8))),
    _weights("of an unknown type", REFUSED, lambda: safetensors({"a": {"dtype": "X9", "shape": [2], "data_offsets": [0, 8]}}, bytes(8))),
    _weights("of a type that numpy lacks", REFUSED, lambda: safetensors({"a": {"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}}, bytes(8))),
    _weights("of another type that numpy lacks", REFUSED, lambda: safetensors({"a": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}, bytes(8))),
    _weights("that are a pickle", REFUSED, lambda: b"\x80\x04K\x01."),
    _weights("of another card", REFUSED, lambda: safetensors(_ONE, bytes(8)), "SHA-256", lambda: json.dumps(dict.fromkeys(CARD_KEYS, "x")).encode()),
    _weights("of a card without keys", REFUSED, lambda: b"", "missing", lambda: b"{}"),
    _weights("of a card of text", REFUSED, lambda: b"", "JSON", lambda: b"hello"),
    _weights("of a card in UTF-16", REFUSED, lambda: b"", "JSON", lambda: "{}".encode("utf-16")),
    _weights("of a card nested deep", REFUSED, lambda: b"", "JSON", lambda: b"[" * 100_000),
    _weights("of a card of 5000 digits", REFUSED, lambda: b"", "JSON", lambda: b"[" + b"9" * 5000 + b"]"),
]  # fmt: skip
OTHERS = [
    _calibration("of no byte", REFUSED, lambda: b""),
    _calibration("of text", REFUSED, lambda: b"hello"),
    _calibration("of a list", REFUSED, lambda: b"[]"),
    _calibration("nested deep", REFUSED, lambda: b"[" * 100_000),
    _calibration("of an unknown key", REFUSED, lambda: b'{"format": 1, "x": 2}'),
    _calibration("in UTF-16", REFUSED, lambda: "{}".encode("utf-16")),
    _call("stored png sound", KEPT, decode_png, PNG),
    _call("stored png of no byte", REFUSED, decode_png, b"", says="no readable PNG"),
    _call("stored png cut in its header", REFUSED, decode_png, PNG[:20], says="no readable PNG"),
    _call("stored png of text", REFUSED, decode_png, b"hello", says="no readable PNG"),
]

CASES = [*RLES, *POINTS, *CHEXMASKS, *NAMES, *WEIGHTS, *OTHERS]
