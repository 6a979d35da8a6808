"""Archives of reports are read in place: nothing is unpacked, and none takes the machine's memory."""

import gzip
import io
import os
import resource
import subprocess
import sys
import tarfile
import zipfile

import pytest

from cxrfactory.config import ReportsConfig
from cxrfactory.errors import CxrError
from cxrfactory.ingest.reports.collect import collect_reports
from cxrfactory.ingest.reports.formats.indiana import ImageError, read_indiana
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.reports import REJECTED_REPORTS, REPORTS

TEXT = b"FINDINGS: Clear lungs.\n"
SLIPS = ["../../s1.txt", "/tmp/s2.txt", "a/../../../s3.txt", "C:\\s4.txt", "..\\s5.txt", "s6\n.txt", "s7\x1b[2J.txt",
         "s8\u202e.txt"]  # fmt: skip


def collect(source, folder, layout="text", **values):
    folder.mkdir(exist_ok=True)
    collect_reports(
        ReportsConfig(source=str(source), layout=layout), folder / "r.parquet", folder / "x.parquet", **values
    )
    return read_table(folder / "r.parquet", REPORTS), read_table(folder / "x.parquet", REJECTED_REPORTS)


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_elsewhere_are_only_names(kind, tmp_path):
    archive = tmp_path / "in" / f"reports.{kind}"
    archive.parent.mkdir()
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as stream:
            for name in SLIPS:
                stream.writestr(name, TEXT)
    else:
        with tarfile.open(archive, "w") as stream:
            for name in SLIPS:
                member = tarfile.TarInfo(name)
                member.size = len(TEXT)
                stream.addfile(member, io.BytesIO(TEXT))
    kept, rejected = collect(archive, tmp_path / "out")
    assert len(kept) + len(rejected) == len(SLIPS)
    assert all(path.isprintable() for path in [*kept["path"], *kept["study_id"], *rejected["path"]])
    assert files_below(tmp_path) == [f"in/reports.{kind}", "out/r.parquet", "out/x.parquet"]


def test_links_and_devices_in_a_tar_are_never_read(tmp_path):
    with tarfile.open(tmp_path / "r.tar.gz", "w:gz") as stream:
        kinds = {"hard": tarfile.LNKTYPE, "soft": tarfile.SYMTYPE, "pipe": tarfile.FIFOTYPE, "device": tarfile.CHRTYPE}
        for name, kind in kinds.items():
            member = tarfile.TarInfo(f"{name}.txt")
            member.type, member.linkname = kind, "/etc/passwd"
            stream.addfile(member)
        member = tarfile.TarInfo("good.txt")
        member.size = len(TEXT)
        stream.addfile(member, io.BytesIO(TEXT))
    kept, rejected = collect(tmp_path / "r.tar.gz", tmp_path / "out")
    assert kept["study_id"].tolist() == ["good"]
    assert rejected["study_id"].tolist() == sorted(kinds)
    assert set(rejected["reason"]) == {"not a regular file in the archive"}


def test_a_name_that_is_no_unicode_is_escaped(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    (root / "good.txt").write_bytes(TEXT)
    with open(os.path.join(os.fsencode(root), b"s\xff.txt"), "wb") as stream:
        stream.write(TEXT)
    kept, _ = collect(root, tmp_path / "out")
    assert kept["study_id"].tolist() == ["good", "s\\xff"]


def test_links_in_a_folder_lead_out_only_where_that_is_meant(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    (tmp_path / "secret").write_bytes(b"FINDINGS: of somebody else.")
    (root / "s1.txt").symlink_to(tmp_path / "secret")
    (root / "s2.txt").write_bytes(TEXT)
    (root / "s3.txt").symlink_to("s2.txt")
    (root / "s4.txt").symlink_to("/dev/zero")
    os.mkfifo(root / "s5.txt")
    kept, rejected = collect(root, tmp_path / "out")
    assert kept["study_id"].tolist() == ["s2", "s3"]
    reasons = rejected.set_index("study_id")["reason"]
    assert reasons[["s1", "s4"]].str.startswith("link that leads out of the folder").all()
    assert "regular file" in reasons["s5"]
    assert len(reasons) == 3
    kept, _ = collect(root, tmp_path / "out", follow_links=True)
    assert kept["study_id"].tolist() == ["s1", "s2", "s3"]


def long_header(size):
    """A tar whose first header claims ``size`` bytes of attributes, all of them there, as gzip packs them: small."""
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, size
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as packed:
        packed.write(member.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(size >> 20):
            packed.write(bytes(1 << 20))
    return stream.getvalue()


BOMBS = {
    "tar header": ("r.tar.gz", lambda: long_header(1 << 29)),
    "zip member": ("r.zip", lambda: zip_of(bytes(1 << 29))),
    "zip of zips": ("r.zip", lambda: zip_of(zip_of(bytes(1 << 26)))),
}


def zip_of(data):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("s1.txt", data)
        archive.writestr("s2.txt", TEXT)
    return stream.getvalue()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(name, tmp_path):
    file, make = BOMBS[name]
    (tmp_path / file).write_bytes(make())
    command = [sys.executable, "-m", "cxrfactory", "stage", "reports", tmp_path / file, "--layout=text"]
    command += ["--output", tmp_path / "r.parquet"]
    # Data of the process alone: what libraries map is not counted.
    limit = lambda: resource.setrlimit(resource.RLIMIT_DATA, (450 << 20, 450 << 20))  # noqa: E731
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    if name == "tar header":
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"error: {tmp_path / file}: ")
    else:
        assert done.returncode == 0
        assert read_table(tmp_path / "r.parquet")["study_id"].tolist() == ["s2"]


ENTITIES = """<?xml version="1.0" encoding="{0}"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY f SYSTEM "file:///etc/passwd">]><eCitation><uId id="CXR1"/>
<AbstractText Label="FINDINGS">&b;&f;</AbstractText></eCitation>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_entities_of_xml_are_refused_in_every_encoding(encoding):
    declared = encoding.removesuffix("-le").removesuffix("-be")
    with pytest.raises(ImageError, match=r"document type|not well-formed") as caught:
        read_indiana(ENTITIES.format(declared).encode(encoding))
    if encoding in ("utf-8", "utf-16", "iso-8859-1"):
        assert "document type" in str(caught.value)


def test_a_file_that_is_no_archive_is_one_line(tmp_path):
    (tmp_path / "r.tar.gz").write_bytes(gzip.compress(b"no tar"))
    with pytest.raises(CxrError, match="not a zip or tar archive"):
        collect(tmp_path / "r.tar.gz", tmp_path / "out")
