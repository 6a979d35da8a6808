import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.model_images import write_model_images
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES


def ids(path):
    return read_table(path, LABELLED_IMAGES)["image_id"].tolist()


def test_references_are_training_images_of_the_sources_that_were_seen(tables, tmp_path):
    images, references = tmp_path / "i.parquet", tmp_path / "r.parquet"
    assert write_model_images(tables, images, references, ["South"], ["South"]) == (8, 6)
    assert ids(images) == [f"South-{number}" for number in range(8)]
    assert ids(references) == [f"North-{number}" for number in range(2, 8)]
    assert write_model_images(tables, images, references, None, []) == (4, 12)
    assert ids(images) == ["North-0", "North-1", "South-0", "South-1"]
    assert not set(ids(images)) & set(ids(references))


def test_nothing_for_references_is_one_line(tables, tmp_path):
    val = read_table(tables[0], LABELLED_IMAGES).assign(split="val")
    write_table(val, tmp_path / "val.parquet", LABELLED_IMAGES)
    with pytest.raises(CxrError, match="no image with landmarks has split 'train'; RCA needs such images"):
        write_model_images([tmp_path / "val.parquet"], tmp_path / "i", tmp_path / "r", None, [])
    with pytest.raises(CxrError, match="no image is left without North"):
        write_model_images(tables[:1], tmp_path / "i", tmp_path / "r", ["North"], ["North"])
