import os

import pytest

from cxrfactory.tables.atomic import atomic_path, write_bytes, write_text


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
