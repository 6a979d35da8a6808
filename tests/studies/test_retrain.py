import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.retrain import DRAWN, OWN, make_tables, summarise
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import IMAGES, MANIFEST
from tests.studies.labelled import write_people


def images():
    rows = [(f"i{n:02d}", f"p{n // 2}", "LH", "train", "F") for n in range(40)]
    return [*rows, *((f"v{n}", f"q{n}", "LH", "val", "M") for n in range(4))]


def test_one_half_of_the_patients_is_drawn_and_the_other_is_a_release(tmp_path):
    table = write_people(tmp_path / "all-in.parquet", images())
    make_tables({"labelled": [table]}, tmp_path, StudyRunConfig())
    drawn = read_table(tmp_path / "drawn.parquet", columns=["image_id", "patient_id", "split"])
    release = read_table(tmp_path / "images.parquet", IMAGES)
    manifest = read_table(tmp_path / "manifest.parquet", MANIFEST)
    assert drawn["split"].value_counts().to_dict() == {"train": 20, "val": 4}
    assert len(release) == 20
    assert set(manifest["image_id"]) == set(release["image_id"])
    assert manifest["included"].all()
    assert not set(manifest["patient_id"]) & set(drawn["patient_id"])
    assert set(read_table(tmp_path / "all.parquet", columns=["split"])["split"]) == {"val"}
    parts = pd.read_csv(tmp_path / "parts.csv")["part"].value_counts().to_dict()
    assert parts == {"taught": 20, "masked": 20, "val": 4}
    with pytest.raises(CxrError, match="expected 10 and 2"):
        make_tables({"labelled": [write_people(tmp_path / "f.parquet", images()[:40])]}, tmp_path, StudyRunConfig())


def test_the_summary_measures_the_loss_on_new_images(tmp_path):
    parts = pd.DataFrame({"image_id": [f"i{n}" for n in range(12)], "source": "Tiny"})
    parts["part"] = np.repeat(["taught", "masked", "val"], 4)
    parts.to_csv(tmp_path / "parts.csv", index=False)
    rows = []
    for number in range(12):
        for model, lungs in ((DRAWN, 0.96), (OWN, 0.95 if number >= 8 else 0.90)):
            for organ, dice in (("lungs", lungs), ("heart", lungs - (0.2 if model == OWN else 0.0)), ("all", np.nan)):
                rows.append({"model": model, "image_id": f"i{number}", "organ": organ, "dice": dice + 0.001 * number})
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "per_image.csv", index=False)
    own = write_people(tmp_path / "own.parquet", [("own-i4", "p", "LH", "train", None)])
    inputs = {"images": [tmp_path / "per_image.csv"], "parts": [tmp_path / "parts.csv"], "own": [own]}
    out = tmp_path / "out"
    summarise(inputs, out, StudyRunConfig())
    found = pd.read_csv(out / "table.csv").set_index(["organ", "measured_on", "trained_on"])
    new = found.loc["lungs", "validation split, new to both networks", "masks of the first network"]
    assert new["images"] == 4
    assert new["dice"] == pytest.approx(0.95 + 0.0095)
    assert (
        found.loc["lungs", "all labelled images, as in the paper", "masks of the first network"]["paper"]
        == "0.946 to 0.960"
    )
    signs = pd.read_csv(out / "signs.csv")
    assert signs["value"].tolist() == pytest.approx([0.01, 0.01, 0.21, 0.21])
    assert signs["verdict"].tolist() == ["agrees", "agrees", "agrees", "differs"]
    page = (out / "finding.md").read_text()
    assert "1 masks of another network" in page
    assert "1 of 4 own masks" in page
    table[table["model"] == OWN].to_csv(tmp_path / "per_image.csv", index=False)
    with pytest.raises(CxrError, match="no rows of the network 'expert-drawings'"):
        summarise(inputs, out, StudyRunConfig())
