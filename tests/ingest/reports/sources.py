"""Tiny releases of reports."""

import io
import tarfile
import zipfile
from pathlib import Path

PLAIN = {
    "files/p10/p10000032/s50414267.txt": b"FINAL REPORT\n FINDINGS: Clear lungs.\n IMPRESSION: Normal.\n",
    "files/p10/p10000032/s53189527.txt": b"COMPARISON: Unchanged since last week.\n",
    "files/p11/p11000011/s56699142.txt": b"INDICATION: ___.\nFINDINGS: ___\n",
}
FAULTY = {
    "files/p11/p11000011/s1.txt": b"",
    "files/p11/p11000011/s2.txt": b"FINDINGS: \xff\xfe",
    "files/p11/p11000011/s3.txt": b"IMPRESSION: a\0b",
    "files/p11/p11000011/s4.txt": b"x" * ((1 << 20) + 1),
    "files/p11/p11000011/notes.txt": b"IMPRESSION: no study.",
    "files/p12/p10000032/s50414267.txt": b"IMPRESSION: a second one.",
}
XML = """<?xml version="1.0" encoding="utf-8"?><eCitation><uId id="{study}"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText><AbstractText Label="INDICATION"/>
<AbstractText Label="FINDINGS">Heart &amp; lungs\n normal.</AbstractText>
<AbstractText Label="IMPRESSION">{impression}</AbstractText></Abstract></Article></MedlineCitation></eCitation>"""


def xml(study: str = "CXR1", impression: str = "No acute XXXX.") -> bytes:
    return XML.format(study=study, impression=impression).encode()


def folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path
