"""Sources of reports. ``make`` gets a folder and returns the source and its layout.

What is kept has report ``good`` in it; a rejected case leaves its reason in the table of rejected reports.
"""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

from .case import KEPT, REFUSED, REJECTED, Case, flipped

GOOD = b"FINDINGS: The lungs are clear.\n\nIMPRESSION: Normal.\n"
_XML = b"""<eCitation><uId id="CXR1"/><MedlineCitation><Article><Abstract>
<AbstractText Label="FINDINGS">Clear lungs.</AbstractText></Abstract></Article></MedlineCitation></eCitation>"""


def _text(name, outcome, data, says=""):
    """A folder of the good report and one of ``data``."""

    def make(folder: Path) -> tuple[Path, str]:
        source = folder / "source"
        source.mkdir()
        (source / "good.txt").write_bytes(GOOD)
        (source / "case.txt").write_bytes(data())
        return source, "text"

    return Case(f"text {name}", outcome, make, says)


def _thing(name, outcome, put, says=""):
    """A folder of the good report and a thing that is no file."""

    def make(folder: Path) -> tuple[Path, str]:
        source = folder / "source"
        source.mkdir()
        (source / "good.txt").write_bytes(GOOD)
        put(source / "case.txt")
        return source, "text"

    return Case(f"text {name}", outcome, make, says)


def _xml(name, outcome, data, says=""):
    def make(folder: Path) -> tuple[Path, str]:
        source = folder / "source"
        source.mkdir()
        (source / "good.xml").write_bytes(_XML.replace(b"CXR1", b"good"))
        (source / "case.xml").write_bytes(data())
        return source, "indiana"

    return Case(f"xml {name}", outcome, make, says)


def _file(name, outcome, file, data, layout="text", says=""):
    def make(folder: Path) -> tuple[Path, str]:
        found = data()
        (folder / file).write_bytes(found.encode() if isinstance(found, str) else found)
        return folder / file, layout

    return Case(f"{file} {name}", outcome, make, says)


def zipped(*members, **options) -> bytes:
    """A zip of (name, data)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, **options)
    return stream.getvalue()


def tarred(*members, mode="w:gz") -> bytes:
    """A tar of (name, data), or of ready members."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, data in members:
            if isinstance(name, tarfile.TarInfo):
                archive.addfile(name)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def _link(name, target, kind=tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


_ZIP = zipped(("good.txt", GOOD), ("case.txt", GOOD * 40))
_TAR = tarred(("good.txt", GOOD), ("case.txt", os.urandom(0) + GOOD * 400))
_LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + _XML.replace(b"Clear", b"&b;")
_CSV = "study_id,report\ngood,FINDINGS: Clear.\n"

CASES = [
    _text("sound", KEPT, lambda: GOOD),
    _text("with a BOM", KEPT, lambda: b"\xef\xbb\xbf" + GOOD),
    _text("of Windows lines", KEPT, lambda: GOOD.replace(b"\n", b"\r\n")),
    _text("without a heading", KEPT, lambda: b"The lungs are clear."),
    _text("of headings alone", KEPT, lambda: b"FINDINGS:\nIMPRESSION:\n"),
    _text("of 64 kilobytes of colons", KEPT, lambda: b":" * 65_000),
    _text("of 64 kilobytes of capitals", KEPT, lambda: b"A" * 65_000),
    _text("of 64 kilobytes of headings", KEPT, lambda: b"FINDINGS: a\n" * 5_400),
    _text("of 64 kilobytes of spaces and a word", KEPT, lambda: b" " * 65_000 + b"clear"),
    _text("of twenty thousand empty lines", KEPT, lambda: b"FINDINGS: x" + b"\n \t" * 21_000 + b"y"),
    _text("of 64 kilobytes of underscores", KEPT, lambda: b"FINDINGS: " + b"_" * 65_000),
    _text("of 64 kilobytes of half a placeholder", KEPT, lambda: b"FINDINGS: " + b"[**" * 21_000),
    _text("of no byte", REJECTED, lambda: b"", "empty"),
    _text("of spaces", REJECTED, lambda: b" \n \n", "empty"),
    _text("in UTF-16", REJECTED, lambda: GOOD.decode().encode("utf-16"), "not UTF-8|zero bytes"),
    _text("in UTF-16 without a mark", REJECTED, lambda: GOOD.decode().encode("utf-16-le"), "zero bytes"),
    _text("in latin-1", REJECTED, lambda: b"FINDINGS: Mu\xf1oz", "not UTF-8"),
    _text("with zero bytes", REJECTED, lambda: GOOD + b"\0", "zero bytes"),
    _text("of 100 kilobytes", REJECTED, lambda: GOOD * 2_000, "larger"),
    _thing("that is a folder", KEPT, lambda path: path.mkdir()),
    _thing("that is a pipe", REJECTED, os.mkfifo, "regular"),
    _thing("that is a link to nothing", REJECTED, lambda path: path.symlink_to("gone.txt"), "link|cannot be read|regular"),
    _thing("that is a link to itself", REJECTED, lambda path: path.symlink_to("case.txt"), "link|cannot be read|regular"),
    _xml("sound", KEPT, lambda: _XML),
    _xml("of no byte", REJECTED, lambda: b"", "empty"),
    _xml("cut", REJECTED, lambda: _XML[:120], "well-formed"),
    _xml("of text", REJECTED, lambda: GOOD, "well-formed"),
    _xml("without an id", REJECTED, lambda: _XML.replace(b'id="CXR1"', b""), "no id"),
    _xml("of an unknown section", REJECTED, lambda: _XML.replace(b"FINDINGS", b"SECRETS"), "no known section"),
    _xml("of no section", REJECTED, lambda: b'<a><uId id="CXR1"/></a>', "no element AbstractText"),
    _xml("of an unknown encoding", REJECTED, lambda: b"<?xml version='1.0' encoding='secret'?>" + _XML, "well-formed"),
    _xml("of another encoding than it says", REJECTED, lambda: b"<?xml version='1.0' encoding='utf-16'?>" + _XML, "well-formed"),
    _xml("with entities", REJECTED, lambda: _LAUGHS, "document type"),
    _xml("with entities in UTF-16", REJECTED, lambda: _LAUGHS.decode().encode("utf-16"), "document type"),
    _xml("of an entity from a file", REJECTED, lambda: b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + _XML.replace(b"Clear", b"&a;"), "document type"),
    _xml("nested five thousand deep", REJECTED, lambda: b"<a>" * 5_000 + b"</a>" * 5_000, "no id|well-formed|nested"),
    _file("sound", KEPT, "a.zip", lambda: _ZIP),
    _file("of a member that is damaged", REJECTED, "a.zip", lambda: flipped(_ZIP, _ZIP.index(b"case.txt") + 12), says="damaged"),
    _file("of a member that is encrypted", REJECTED, "a.zip", lambda: _encrypted(), says="encrypted"),
    _file("of a member of 16 MiB", REJECTED, "a.zip", lambda: zipped(("good.txt", GOOD), ("case.txt", bytes(16 << 20))), says="larger"),
    _file("of a name twice", REJECTED, "a.zip", lambda: zipped(("good.txt", GOOD), ("good.txt", GOOD + b"More.")), says="already|twice"),
    _file("of names that leave it", KEPT, "a.zip", lambda: zipped(("good.txt", GOOD), ("../../case.txt", GOOD))),
    _file("cut", REFUSED, "a.zip", lambda: _ZIP[:-30], says="zip|archive"),
    _file("whose directory is damaged", REFUSED, "a.zip", lambda: flipped(_ZIP, _ZIP.rindex(b"PK\x01\x02")), says="zip|archive"),
    _file("whose directory lies elsewhere", REFUSED, "a.zip", lambda: _ZIP[:-6] + b"\xff\xff\xff\x7f" + _ZIP[-2:], says="zip|archive"),
    _file("of no member", REFUSED, "a.zip", lambda: zipped(), says="no file named"),
    _file("sound", KEPT, "a.tar.gz", lambda: _TAR),
    _file("with links out of it", REJECTED, "a.tar.gz", lambda: tarred(("good.txt", GOOD), (_link("case.txt", "/etc/passwd"), b"")), says="regular|link"),
    _file("with a pipe", REJECTED, "a.tar.gz", lambda: tarred(("good.txt", GOOD), (_link("case.txt", "", tarfile.FIFOTYPE), b"")), says="regular|link"),
    _file("cut", REFUSED, "a.tar.gz", lambda: _TAR[:-30], says="archive"),
    _file("of a flipped byte", REFUSED, "a.tar.gz", lambda: flipped(_TAR, len(_TAR) // 2), says="archive"),
    _file("of a wrong checksum", REFUSED, "a.tar.gz", lambda: flipped(_TAR, -6), says="archive"),
    _file("packed otherwise and cut", REFUSED, "a.tar.xz", lambda: tarred(("good.txt", GOOD * 99), mode="w:xz")[:-40], says="archive"),
    _file("packed otherwise and flipped", REFUSED, "a.tar.bz2", lambda: flipped(tarred(("good.txt", GOOD * 99), mode="w:bz2"), 40), says="archive"),
    _file("of no byte", REFUSED, "a.tar.gz", lambda: b"", says="archive"),
    _file("of a gzip alone", REFUSED, "a.tar.gz", lambda: gzip.compress(GOOD), says="archive"),
    _file("sound", KEPT, "a.csv", lambda: _CSV, "table"),
    _file("of an empty id", REJECTED, "a.csv", lambda: _CSV + ",FINDINGS: x\n", "table", "study_id is empty"),
    _file("of an id twice", REJECTED, "a.csv", lambda: _CSV + "good,FINDINGS: x\n", "table", "already"),
    _file("of a report of a megabyte", REJECTED, "a.csv", lambda: _CSV + "b," + "x" * 1_000_000 + "\n", "table", "65536 signs"),
    _file("of a line break in a report", KEPT, "a.csv", lambda: _CSV + 'b,"FINDINGS:\nx"\n', "table"),
    _file("without text", REFUSED, "a.csv", lambda: "study_id,x\n1,2\n", "table", "no column holds text"),
    _file("without id", REFUSED, "a.csv", lambda: "id,report\n1,2\n", "table", "'study_id' is missing"),
    _file("of a header alone", REFUSED, "a.csv", lambda: "study_id,report\n", "table", "none|no report"),
    _file("of an id of a line break", KEPT, "a.csv", lambda: _CSV + '"a\nb",FINDINGS: x\n', "table"),
]  # fmt: skip


def _encrypted() -> bytes:
    data = bytearray(_ZIP)
    for place in (data.rindex(b"PK\x03\x04") + 6, data.rindex(b"PK\x01\x02") + 8):
        data[place] |= 1
    return bytes(data)
