"""Keyed pseudonyms, and the private folder that maps them back."""

import hashlib
import hmac
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.pseudonyms import COLUMNS, KEYS, Pseudonyms, link_films, open_pseudonyms, write_keys

KEY = bytes(range(32))


def row(image, **values):
    return {**dict.fromkeys(COLUMNS), "image_id": image, **values}


def test_a_pseudonym_is_the_first_half_of_an_hmac_of_kind_and_id():
    expected = hmac.new(KEY, "patient\0Müller".encode(), hashlib.sha256).hexdigest()[:32]
    assert Pseudonyms(KEY).of("patient", "Müller") == expected


def test_one_text_has_another_pseudonym_for_each_kind_and_key():
    texts = {Pseudonyms(key).of(kind, "1") for key in (KEY, KEY[::-1]) for kind in ("image", "patient", "study")}
    assert len(texts) == 6
    assert Pseudonyms(KEY).of("a", "b\0c") == Pseudonyms(KEY).of("a\0b", "c")  # kinds are words of ours


def test_names_that_are_no_utf8_have_pseudonyms_of_their_own():
    names = [os.fsdecode(b"t\xf3rax"), os.fsdecode(b"t\xf4rax"), "tórax"]
    assert len({Pseudonyms(KEY).of("image", name) for name in names}) == 3


def test_programs_that_open_a_new_folder_together_get_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: open_pseudonyms(tmp_path / "private"), range(8)))
    assert len({each.of("image", "a") for each in opened}) == 1
    assert sorted(os.listdir(tmp_path / "private")) == [".gitignore", "key"]
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700


def test_keys_of_earlier_runs_stay_and_a_strange_file_is_not_overwritten(tmp_path):
    write_keys(tmp_path, [row("b", original_path='x, "y"\n'), row("a", original_image_id="1")])
    write_keys(tmp_path, [row("c"), row("a", original_image_id="2")])
    lines = (tmp_path / KEYS).read_text().splitlines()
    assert [line.split(",")[0] for line in lines if line[:1] in "abc"] == ["a", "b", "c"]
    assert "a,,,2," in "\n".join(lines)
    assert stat.S_IMODE((tmp_path / KEYS).stat().st_mode) == 0o600
    (tmp_path / KEYS).write_text("my,own\n1,2\n")
    with pytest.raises(CxrError, match="other columns"):
        write_keys(tmp_path, [row("a")])
    assert (tmp_path / KEYS).read_text() == "my,own\n1,2\n"


def test_links_follow_their_films(tmp_path):
    names = ["0" * 32, "1" * 32 + ".gz"]
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    folder = link_films(tmp_path, {names[0]: tmp_path / "a", names[1]: tmp_path / "b"})
    assert [(folder / name).read_text() for name in names] == ["a", "b"]
    link_films(tmp_path, {names[1]: tmp_path / "c"})
    assert os.listdir(folder) == [names[1]]
    assert (folder / names[1]).read_text() == "c"


def test_the_kept_ending_says_only_that_a_file_is_packed():
    named = Pseudonyms(KEY).link_name
    assert [named("p", path) for path in ("a.dcm", "DOE/1.2.3", "x.dcm.GZ", "a.gz.png")] == ["p", "p", "p.gz", "p"]
