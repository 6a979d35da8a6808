import logging

from cxrfactory.ingest.files import index_folders


def test_a_name_in_two_folders_is_counted_in_the_log(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("cxrfactory"), "propagate", True)
    for folder in ("a", "b"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "film.png").touch()
    (tmp_path / "b" / "other.png").touch()
    found = index_folders(tmp_path, [tmp_path / "a", tmp_path / "b", tmp_path / "none"])
    assert found == {"film.png": "a/film.png", "other.png": "b/other.png", "sub": "a/sub"}
    assert "1 file names occur in several folders" in caplog.text
