import os
import re

import cv2
import numpy as np
import pyarrow as pa
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.products.film_files import ENDINGS, FilmFolder, ReleaseFilms, read_film


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "films"
    (root / "deep" / "er").mkdir(parents=True)
    picture = np.add.outer(np.arange(100), np.arange(80)).astype(np.uint8)
    for name in ("a.png", "deep/b.PNG", "deep/er/1.2.840.10008.png", "deep/twin.png", "twin.png", "deep/er/c.png"):
        cv2.imwrite(str(root / name), picture)
    cv2.imwrite(str(tmp_path / "secret.png"), picture)
    os.symlink(tmp_path / "secret.png", root / "link.png")
    return root


@pytest.mark.parametrize(
    ("image_id", "file"),
    [
        ("a", "a.png"),
        ("a.png", "a.png"),
        ("b", "deep/b.PNG"),
        ("deep/er/c.png", "deep/er/c.png"),
        ("er/c.jpg", "deep/er/c.png"),
        ("other/Deep/er/c.jpg", "deep/er/c.png"),
        ("train/a.png", "a.png"),
        ("1.2.840.10008", "deep/er/1.2.840.10008.png"),
        ("twin", "twin.png"),
    ],
)
def test_an_id_finds_its_file(folder, image_id, file):
    assert FilmFolder(folder, pa.array([image_id])).path_of(image_id) == folder / file


@pytest.mark.parametrize(
    "image_id", ["../secret", "../secret.png", "link", "/etc/passwd", "nowhere", "", "1.2.840", "a\0"]
)
def test_no_id_leads_out_of_the_folder(folder, image_id):
    with pytest.raises(ImageError) as caught:
        FilmFolder(folder, pa.array([image_id])).path_of(image_id)
    assert str(folder) not in str(caught.value)


def test_a_name_of_two_files_is_no_one_of_them(folder):
    with pytest.raises(ImageError, match="2 files of its name are in the folder of images; expected one"):
        FilmFolder(folder, pa.array(["x/deep/twin"])).path_of("x/deep/twin")


def test_a_file_of_its_name_in_another_folder_is_another_image(folder):
    with pytest.raises(ImageError, match="but none in the folders of the id"):
        FilmFolder(folder, pa.array(["patient2/c.png"])).path_of("patient2/c.png")


def test_a_bare_file_stands_for_no_id_of_several(folder):
    ids = ["patient1/study1/a.png", "patient2/study1/a.png"]
    for image_id in ids:
        with pytest.raises(ImageError, match="fits 2 ids of the table, also 'patient"):
            FilmFolder(folder, pa.array(ids)).path_of(image_id)
    ids = pa.array(["patient1/a.png", "patient1/b.png"])
    assert FilmFolder(folder, ids).path_of("patient1/a.png") == folder / "a.png"


def agree(one, other):
    """Whether the folders of two lower-case paths agree from their end, one after the other: a slow reference."""
    pairs = zip(reversed(one.split("/")[:-1]), reversed(other.split("/")[:-1]), strict=False)
    return all(mine == theirs for mine, theirs in pairs)


def names(path):
    """The lower-case name of a path, with and without its ending."""
    name = path.lower().split("/")[-1]
    return {name, next((name.removesuffix(each) for each in ENDINGS[1:] if name.endswith(each)), name)}


def test_rivals_are_those_of_a_slow_reference(tmp_path):
    rng = np.random.default_rng(0)
    words = np.array(["a", "B", "a+b", "(c", "d.e"])
    ids = {"/".join([*rng.choice(words, rng.integers(0, 4)), rng.choice(["x", "X.png", "x.dcm", "y.PNG"])])
           for _ in range(120)}  # fmt: skip
    refused = 0
    for number, file in enumerate(("X.png", "a/x.PNG", "a+b/x", "B/a/x.png", "(c/d.e/x.png", "d.e/a+b/y.jpg")):
        folder = tmp_path / str(number)
        (folder / file).parent.mkdir(parents=True)
        cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tofile(folder / file)
        films = FilmFolder(folder, pa.array(sorted(ids)))
        fitting = {each for each in ids if agree(each.lower(), file.lower()) and names(each) & names(file)}
        for image_id in fitting:
            if (folder / image_id).is_file() or any((folder / f"{image_id}{each}").is_file() for each in ENDINGS):
                continue
            others = sorted(fitting - {image_id})
            if not others:
                assert films.path_of(image_id) == folder / file
                continue
            refused += 1
            with pytest.raises(
                ImageError, match=f"fits {len(fitting)} ids of the table, also '{re.escape(others[0])}'"
            ):
                films.path_of(image_id)
    assert refused > 50


def test_without_any_place_the_way_out_is_said():
    with pytest.raises(ImageError, match="--root NAME=FOLDER or --images FOLDER"):
        ReleaseFilms().path_of("a", 0)


def test_a_film_of_another_shape_is_refused_and_one_of_the_same_proportions_is_not(folder):
    assert read_film(folder / "a.png", 100, 80).shape == (100, 80)
    assert read_film(folder / "a.png", 1000, 800, exact=False).shape == (100, 80)
    with pytest.raises(ImageError, match="100 x 80 pixels; its row says 1000 x 800"):
        read_film(folder / "a.png", 1000, 800)
    with pytest.raises(ImageError, match="its row says 1024 x 1024"):
        read_film(folder / "a.png", 1024, 1024, exact=False)
