import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.classify.pictures import STUDY_PICTURES, study_pictures
from cxrfactory.config import StudyPicturesConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.masked import small_square
from cxrfactory.models import registry
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import MANIFEST
from tests.products.cxlseg.segmented import SIZE, Release, pack, radiograph, shards_of


@pytest.fixture
def release(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
    tables = Release().write(tmp_path)
    pack(tables, shards_of(tables, tmp_path / "shards", 2), tmp_path / "out")
    return tables["manifest"], tmp_path / "root", tmp_path / "out/product"


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_both_pictures_differ_by_the_mask_alone(release, tmp_path):
    manifest, root, product = release
    assert study_pictures(product, manifest, root, tmp_path / "study.parquet", StudyPicturesConfig(size=SIZE)) == 7
    found = read_table(tmp_path / "study.parquet", STUDY_PICTURES).set_index("image_id")
    assert found.index.tolist() == sorted(found.index)
    split = pd.read_parquet(product / "CXLSeg-split.parquet").set_index("dicom_id")["split"]
    assert found["split"].to_dict() == split.to_dict()
    row, path = found.loc["i3"], product / "files/s3/i3.jpg"
    assert row["segmented"] == path.read_bytes()
    assert row["patient_id"] == "p1"
    original = decoded(row["original"]).astype(int)
    assert np.abs(original - small_square(radiograph(3), SIZE)).mean() < 3  # JPEG
    inside = cv2.imread(str(product / "files/s3/i3-mask.jpg"), cv2.IMREAD_GRAYSCALE) >= 250
    inner = cv2.erode(inside.astype(np.uint8), np.ones((9, 9))) > 0  # JPEG smears the mask's border by a block
    assert np.abs(original - decoded(row["segmented"]))[inner].mean() < 4
    assert found["Pneumonia"].isna().all()


def test_an_image_that_the_manifest_does_not_hold(release, tmp_path):
    manifest, root, product = release
    fewer = read_table(manifest).query("image_id != 'i3'")
    write_table(fewer, tmp_path / "fewer.parquet", MANIFEST)
    with pytest.raises(CxrError, match=r"image 'i3' of .* is not in it"):
        study_pictures(
            product, tmp_path / "fewer.parquet", root, tmp_path / "study.parquet", StudyPicturesConfig(size=SIZE)
        )
    (product / "files/s3/i3.jpg").unlink()
    with pytest.raises(CxrError, match=r"i3\.jpg: no such file"):
        study_pictures(product, manifest, root, tmp_path / "study.parquet", StudyPicturesConfig(size=SIZE))
