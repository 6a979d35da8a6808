import shutil

import pyarrow.parquet as pq
import pytest

from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.errors import CxrError
from cxrfactory.export.chosen import ChosenImages, read_ids
from cxrfactory.tables.parquet import write_arrow


def ids(folder, **choice):
    return [image.image_id for image in ChosenImages(folder, ChosenImagesConfig(**choice))]


def test_images_come_in_the_products_order_and_once(chexmask, radgenome, tmp_path):
    assert ids(chexmask) == ["a", "b", "c"]
    (tmp_path / "ids.txt").write_text("c\n\na\n")
    assert ids(chexmask, ids=str(tmp_path / "ids.txt"), images=["c"]) == ["a", "c"]
    assert ids(radgenome, images=["b1", "a2/LL"]) == ["a2/LL", "b1/PA", "b1/LL"]
    assert ids(radgenome, releases=["beta"]) == ["b1/PA", "b1/LL"]


def test_ids_are_read_from_a_table_of_verdicts(tmp_path):
    table = tmp_path / "verdicts.csv"
    table.write_text('\ufeffdataset,image_id,verdict,note,when\ndemo,"a, b",bad,x,\ndemo,c,good,,\ndemo,c,bad,,\n')
    assert read_ids(table) == ["a, b", "c"]
    assert read_ids(table, "bad") == ["a, b", "c"]  # the last verdict on an image counts
    with pytest.raises(CxrError, match="holds no image whose last verdict is 'good'"):
        read_ids(table, "good")


def test_masks_are_those_of_the_images_without_empty_ones(radgenome, chexmask):
    chosen = ChosenImages(radgenome, ChosenImagesConfig(images=["a1/LL"]))
    (image,) = chosen
    assert sorted(image.masks) == ["heart", "left lung", "lung", "port", "right lung"]
    assert sorted(chosen.masks(image)) == ["heart", "left lung", "lung"]  # the others are empty in this view
    numbers = {each.name: each.number for each in chosen.structures}
    assert len(numbers) == 211
    assert numbers["port"] == 1001
    only = ChosenImages(chexmask, ChosenImagesConfig(masks=["heart"]))
    assert [(each.number, each.name) for each in only.structures] == [(3, "heart")]
    assert [list(only.masks(image)) for image in only] == [["heart"]] * 3


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"images": ["a", "nobody", "none"]}, "no image 'nobody' and 1 others; rejected.csv and excluded.csv say"),
        ({"images": ["A "]}, r"no image 'A '; did you mean 'a'\? rejected.csv"),
        ({"masks": ["liver"]}, "--masks: .* has no mask 'liver'; found right_lung, left_lung, heart"),
        ({"releases": ["other"]}, "--releases: .* has no release 'other'; found demo"),
        ({"roots": ["demo"]}, "--roots 'demo': expected NAME=FOLDER, such as my-hospital=/data/films"),
        ({"ids": "nowhere.txt"}, "nowhere.txt: cannot be read"),
        ({"verdict": "bad"}, "--verdict goes with --ids"),
    ],
)
def test_faults_of_a_choice_are_one_line(chexmask, choice, said):
    with pytest.raises(CxrError, match=said) as error:
        ids(chexmask, **choice)
    assert "\n" not in str(error.value)


def test_a_file_without_ids_is_a_fault(tmp_path):
    (tmp_path / "empty.csv").write_text("image_id,verdict\n,bad\n")
    with pytest.raises(CxrError, match="holds no image id; expected one id a line"):
        read_ids(tmp_path / "empty.csv")


def test_masks_in_another_order_than_the_studies_are_refused(radgenome, tmp_path):
    whole = tmp_path / "whole"
    shutil.copytree(radgenome, whole)
    table = pq.read_table(whole / "masks.parquet")
    write_arrow(table.sort_by([("study_id", "descending")]), whole / "masks.parquet")
    with pytest.raises(CxrError, match=r"masks\.parquet: study 'a2' is out of order; the product is not whole"):
        ids(whole)
