import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.studies.heterogeneous_labels import ORGANS, remove, summarise
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.studies.chests import chests, scores


def test_each_hospital_annotates_its_organs_and_has_its_tag(tmp_path):
    remove({"labelled": [chests(tmp_path / "a.parquet", "A", count=24)]}, tmp_path, StudyRunConfig())
    tables = {path.stem: read_table(path, LABELLED_IMAGES) for path in tmp_path.glob("*.parquet")}
    assert set(tables) - {"a"} == {
        *("nested", "nested-naive", "strict", "strict-naive", "apart", "apart-naive", "truth-nested", "truth-apart")
    }
    nested = tables["nested"]
    assert (nested["source"] == nested["labels"]).all()
    assert nested.groupby(["labels", "split"]).size().to_dict() == {
        (code, split): count for code in ("L", "LH", "LHC") for split, count in (("train", 6), ("val", 2))
    }
    assert tables["strict"]["image_id"].tolist() == nested.loc[nested["labels"] == "LHC", "image_id"].tolist()
    assert tables["apart"]["labels"].value_counts().to_dict() == {"L": 8, "H": 8, "C": 8}
    assert {name: set(tables[name]["labels"]) for name in ("truth-nested", "truth-apart", "nested-naive")} == {
        "truth-nested": {"LHC"}, "truth-apart": {"LHC"}, "nested-naive": {"M"},
    }  # fmt: skip
    tags = {row.source: decode_png(row.png)[3:6, [3, -4]].mean(0) > 250 for row in tables["truth-nested"].itertuples()}
    assert {source: found.tolist() for source, found in tags.items()} == {
        "L": [True, False], "LH": [False, True], "LHC": [False, False],
    }  # fmt: skip
    assert tables["nested-naive"]["png"].equals(tables["truth-nested"]["png"])


def test_images_without_clavicles_are_one_clear_line(tmp_path):
    with pytest.raises(CxrError, match="this study needs images with landmarks of all of right_lung, left_lung, heart"):
        remove({"labelled": [chests(tmp_path / "a.parquet", "A", labels="LH")]}, tmp_path, StudyRunConfig())


DICE = {"hybridgnet-full": 0.9, "unet-full": 0.95, "unet-ht-full": 0.92, "hybridgnet-strict": 0.8}


@pytest.fixture
def finding(tmp_path):
    """Scores in which the naive U-Net finds nothing of what the image's hospital does not annotate."""
    rows = [
        (model, hospital, f"{hospital}-{number}", organ, 0.0 if lost else dice, np.inf if lost else 10.0)
        for model, dice in DICE.items()
        for hospital in ("L", "LH", "LHC")
        for number in range(3)
        for organ, letter in ORGANS.items()
        for lost in [model == "unet-full" and letter not in hospital]
    ]
    rows += [(model, "L", f"a-{number}", "heart", dice, 5.0) for number in range(3)
             for model, dice in (("hybridgnet-apart", 0.7), ("unet-apart", 0.8))]  # fmt: skip
    scores(rows).to_csv(tmp_path / "per_image.csv", index=False)
    summarise({"scores": [tmp_path / "per_image.csv"]}, tmp_path / "out", StudyRunConfig())
    return tmp_path / "out"


def test_annotated_and_hidden_organs_have_rows_of_their_own(finding):
    table = pd.read_csv(finding / "table.csv").set_index(["protocol", "network", "organ", "annotated"])
    lost, known = table.loc[("full", "unet", "heart", False)], table.loc[("full", "unet", "heart", True)]
    assert (lost["images"], lost["dice"], lost["missed"]) == (3, 0.0, 3)
    assert (known["images"], known["dice"], known["hd_px"], known["published_dice"]) == (6, 0.95, 10.0, 0.94)
    assert np.isnan([lost["hd_px"], lost["published_dice"]]).all()
    assert ("full", "unet", "lungs", False) not in table.index  # every hospital annotates lungs
    assert (finding / "dice.png").stat().st_size > 0


def test_signs_compare_the_same_images(finding):
    signs = pd.read_csv(finding / "signs.csv")
    assert signs["value"].round(6).tolist() == [0.9, 0.9, 0.92, -0.02, 0.1, -0.1]
    assert signs["verdict"].tolist() == ["agrees", "agrees", "agrees", "differs", "agrees", "differs"]
    text = (finding / "finding.md").read_text()
    assert "0.900 for hearts and 0.900 for clavicles, the naive U-Net 0.000 and 0.000, the naive nnU-Net (not" in text
