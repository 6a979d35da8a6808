"""Unique texts that stand where a patient's data would, and the search for them in whatever was written.

A text mark holds ``WORD`` and a number. Dates, times, ages, UIDs and number strings cannot hold a word: theirs are made
of digits that nothing else writes, and are looked for as whole numbers.
"""

import base64
import gzip
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq

WORD = "ZQXKSECRET"
TIME, NUMBER, UID_ROOT, AGE = "073751", "86753090", "1.2.826.86753090", "997Y"

_numbers = count(1)


def mark(vr: str = "LO") -> str:
    """A new mark that is a valid value of a DICOM value representation (PS3.5 6.2)."""
    number = next(_numbers)
    match vr:
        case "DA":
            return date(number)
        case "TM":
            return f"{TIME}.{number:06d}"
        case "DT":
            return f"{date(number)}{TIME}.{number:06d}"
        case "AS":
            return AGE
        case "IS" | "DS":
            return f"{NUMBER}{number % 10000:04d}"
        case "UI":
            return f"{UID_ROOT}.{number}"
        case "PN":
            return f"{WORD}{number:05d}^GIVEN"
    return f"{WORD}{number:05d}"


def date(number: int) -> str:
    """A day of the years 1001 to 1300, which no clock and no release writes."""
    return f"{1001 + number // 336 % 300}{1 + number // 28 % 12:02d}{1 + number % 28:02d}"


def _in_base64(word: bytes) -> list[bytes]:
    """What of a word's base64 is the same wherever in a text it begins."""
    forms = []
    for before in range(3):
        text = base64.b64encode(b"\0" * before + word)
        forms.append(text[-(-before * 8 // 6) : (before + len(word)) * 8 // 6])
    return forms


_WORD = WORD.encode()
_TEXTS = [_WORD, WORD.encode("utf-16-le"), WORD.encode("utf-16-be"), *_in_base64(_WORD), _WORD.hex().encode()]
_TEXTS += [UID_ROOT.encode(), UID_ROOT.encode("utf-16-le")]
_TEXT = re.compile(b"|".join(re.escape(text) for text in _TEXTS), re.IGNORECASE)
_DAY = rb"1[0-2]\d\d(?:-|)(?:0[1-9]|1[0-2])(?:-|)(?:0[1-9]|1\d|2[0-8])"
# SHA-256, and pseudonyms of 32 signs: by chance they hold any digits.
_CHECKSUM = re.compile(rb"(?<![0-9A-Za-z])(?:[0-9a-f]{32}){1,2}(?![0-9A-Za-z])")
# Whole numbers alone: the digits of a coordinate may be any.
_DIGITS = re.compile(
    rb"(?<![\d.])(?:" + _DAY + rb"(?:" + TIME.encode() + rb"\.\d{6})?|" + TIME.encode() + rb"\.\d{6}|"
    + NUMBER.encode() + rb"\d{4})(?![\d.])|" + AGE.encode()
)  # fmt: skip


def found_in(data: bytes) -> list[bytes]:
    """The marks in some bytes, as they stand there; digits of a checksum or a pseudonym are none."""
    digits = _DIGITS.finditer(_CHECKSUM.sub(lambda match: b" " * len(match[0]), data))
    return [data[match.start() : match.end() + 12] for match in (*_TEXT.finditer(data), *digits)]


def layers(data: bytes, depth: int = 4) -> Iterator[tuple[str, bytes]]:
    """The bytes themselves, and whatever is packed in them: gzip, zip, tar, PNG chunks, Parquet columns."""
    yield "", data
    if depth == 0:
        return
    for name, inner in _inside(data):
        for path, piece in layers(inner, depth - 1):
            yield f"/{name}{path}", piece


def _inside(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data[:2] == b"\x1f\x8b":
        yield "gzip", gzip.decompress(data)
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        yield from _chunks(data)
    elif data[:4] == b"PAR1":
        yield from _columns(data)
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                if member.isfile():
                    yield member.name, archive.extractfile(member).read()


def _chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    place, pixels = 8, b""
    while place + 8 <= len(data):
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        body, place = data[place + 8 : place + 8 + size], place + 12 + size
        if kind == b"IDAT":
            pixels += body
        elif kind in (b"zTXt", b"iCCP"):
            yield kind.decode(), _inflated(body.partition(b"\0")[2][1:])
        elif kind == b"iTXt" and body.partition(b"\0")[2][:1] == b"\1":
            yield "iTXt", _inflated(body.split(b"\0", 4)[4])
    yield "IDAT", _inflated(pixels)


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data)  # also what is cut off


def _columns(data: bytes) -> Iterator[tuple[str, bytes]]:
    file = pq.ParquetFile(io.BytesIO(data))
    yield "metadata", repr(file.schema_arrow.metadata).encode() + repr(file.metadata.metadata).encode()
    table = file.read()
    for name in table.column_names:
        for value in table[name].to_pylist():
            if isinstance(value, bytes):
                yield name, value
            elif isinstance(value, str | list):
                yield name, str(value).encode("utf-8", "surrogatepass")


def leaks(folder: Path) -> list[str]:
    """Every place under a folder where a mark stands: in a name, or in a file's bytes, packed or not."""
    places = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        places += [f"name {name}" for _ in found_in(path.name.encode())]
        if path.is_file():
            for inner, data in layers(path.read_bytes()):
                places += [f"{name}{inner}: {piece!r}" for piece in found_in(data)[:3]]
    return places
