import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.radiograph.masked import encode_jpeg, small_square
from cxrfactory.products.cxlseg.evaluation import evaluate_lungs
from cxrfactory.tables.parquet import write_table


@pytest.fixture
def made(tmp_path):
    right, left = np.zeros((120, 90), np.uint8), np.zeros((120, 90), np.uint8)
    right[30:90, 10:40], left[30:90, 50:80] = 255, 255
    truth = {"image_id": "a", "release": "demo-cxr", "right_lung": encode_png(right), "left_lung": encode_png(left)}
    schema = pa.schema([("image_id", pa.string()), ("release", pa.string()), ("right_lung", pa.binary()),
                           ("left_lung", pa.binary())])  # fmt: skip
    write_table(pd.DataFrame([truth, truth | {"image_id": "b"}]), tmp_path / "truth.parquet", schema)
    folder = tmp_path / "product"
    for name in ("a", "b", "z"):
        mask = small_square(right | left, 48)
        mask = np.where(mask >= 128, 255, 0).astype(np.uint8)
        if name == "b":
            mask[:, 24:] = 0  # the left lung is missed
        (folder / "Demo-CXR").mkdir(parents=True, exist_ok=True)
        (folder / f"Demo-CXR/{name}-mask.jpg").write_bytes(encode_jpeg(mask, 95))
    table = pd.DataFrame({"dicom_id": ["a", "b", "z"], "DicomPath": ["a-mask.jpg", "b-mask.jpg", "z-mask.jpg"]})
    table.to_parquet(folder / "Demo-CXR/CXLSeg-mask.parquet")
    (folder / "config.yaml").write_text("cxlseg: {fit: stretch}\n")
    return tmp_path


def test_masks_are_read_at_half_and_compared_in_their_own_frame(made):
    found = evaluate_lungs(made / "truth.parquet", made / "product", made / "out.csv")["Demo-CXR"]
    rows = pd.read_csv(made / "out.csv").set_index("image_id")
    assert rows.index.tolist() == ["a", "b"]
    assert rows.loc["a", ["dice", "jaccard", "recall", "precision"]].tolist() == [1, 1, 1, 1]
    assert rows.loc["b", "precision"] == 1
    assert rows.loc["b", "recall"] == pytest.approx(0.5, abs=0.01)
    assert found["images"] == 2
    assert found["smallest dice"] == pytest.approx(2 / 3, abs=0.01)


def test_what_cannot_be_compared_is_named(made):
    with pytest.raises(CxrError, match="no such file; expected the config"):
        evaluate_lungs(made / "truth.parquet", made, made / "o.csv")
    (made / "product/Demo-CXR/CXLSeg-mask.parquet").rename(made / "aside")
    with pytest.raises(CxrError, match="no lung mask of an image whose truth"):
        evaluate_lungs(made / "truth.parquet", made / "product", made / "o.csv")
    (made / "aside").rename(made / "product/Demo-CXR/CXLSeg-mask.parquet")
    (made / "product/Demo-CXR/a-mask.jpg").write_bytes(b"")
    with pytest.raises(CxrError, match=r"a-mask.jpg: no readable mask"):
        evaluate_lungs(made / "truth.parquet", made / "product", made / "o.csv")
    (made / "product/config.yaml").write_text("a: 1\n")
    with pytest.raises(CxrError, match=r"cxlseg\.fit is None; expected one of stretch, pad"):
        evaluate_lungs(made / "truth.parquet", made / "product", made / "o.csv")
