import os

import pytest

from cxrfactory.tables.atomic import atomic_path, flush, write_bytes, write_text


def test_whole_or_nothing(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    write_text(target, "first\n")

    def interrupted():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "first\n"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_temporary_name_keeps_the_suffix_and_the_folder(tmp_path):
    with atomic_path(tmp_path / "t.parquet") as temporary:
        assert temporary.suffix == ".parquet"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"x")


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_content_is_flushed_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append(os.fstat(handle).st_ino), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("rename"), replace(*names)))
    write_bytes(tmp_path / "a", b"x")
    assert order == [(tmp_path / "a").stat().st_ino, "rename", tmp_path.stat().st_ino]
    order.clear()
    write_bytes(tmp_path / "b", b"x", durable=False)
    assert order == ["rename"]
    flush()


def test_a_folder_that_cannot_be_flushed_is_no_fault_a_file_is(tmp_path, monkeypatch):
    fsync = os.fsync

    def refuse(handle):
        if os.path.isdir(f"/proc/self/fd/{handle}") == of_folders:
            raise OSError(22, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", refuse)
    of_folders = True
    write_text(tmp_path / "a", "x")
    of_folders = False
    with pytest.raises(OSError, match="Invalid argument"):
        write_text(tmp_path / "b", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
