"""Image files with another ending than the tables say."""

import pandas as pd
import pytest

from cxrfactory.ingest.endings import with_found_ending

PATHS = pd.Series(["images/a.b.png", "images/c.png", "images/d.png"])


def put(root, *names):
    (root / "images").mkdir(exist_ok=True)
    for name in names:
        (root / "images" / name).write_bytes(b"x")


@pytest.mark.parametrize("ending", [".PNG", ".jpg", ".JPG", ".dcm"])
def test_another_ending_of_all_files_is_taken_with_a_warning(tmp_path, caplog, ending):
    put(tmp_path, f"a.b{ending}", f"d{ending}")  # c is missing
    found = with_found_ending(PATHS, tmp_path, "nih")
    assert found.tolist() == [f"images/{stem}{ending}" for stem in ("a.b", "c", "d")]
    assert f"nih: the image files end in '{ending}' and not in '.png'" in caplog.text


@pytest.mark.parametrize("names", [(), ("a.b.png", "c.jpg"), ("a.b.jpg", "c.dcm"), ("a.b.txt",)])
def test_paths_stay_where_files_are_there_or_disagree(tmp_path, caplog, names):
    put(tmp_path, *names)
    assert with_found_ending(PATHS, tmp_path, "nih") is PATHS
    assert not caplog.text
