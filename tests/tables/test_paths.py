from pathlib import Path

import pytest

from cxrfactory.errors import ImageError
from cxrfactory.tables.paths import path_inside


@pytest.mark.parametrize("relative", ["a.png", "files/p10/s1/a.jpg", "./a.png", "a..b/c...png"])
def test_paths_below_the_root(relative):
    assert path_inside(Path("/data/root"), relative) == Path("/data/root") / relative


@pytest.mark.parametrize(
    "relative",
    ["../a.png", "a/../../b.png", "a/..", "/etc/passwd", "C:\\a.png", "..\\a.png", "a\\..\\..\\b", "\\\\host\\share"],
)
def test_paths_that_leave_the_root_are_refused(relative):
    with pytest.raises(ImageError, match="root"):
        path_inside(Path("/data/root"), relative)


@pytest.mark.parametrize("relative", ["", "  ", None, float("nan"), "a\0.png"])
def test_no_path_is_refused(relative):
    with pytest.raises(ImageError):
        path_inside(Path("/data/root"), relative)


def test_links_lead_out_of_the_root_only_where_that_is_meant(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(b"x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "files").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ImageError, match="link that leads out"):
        path_inside(root, "files/a.png")
    assert path_inside(root, "files/a.png", follow_links=True).read_bytes() == b"x"
