import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies import latent_features
from cxrfactory.studies.latent_features import AREA, AS_IS, EQUAL, equally_framed, gather, summarise, take_codes
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.studies.chests import chests


@pytest.fixture
def umap(monkeypatch):
    """A stand-in for the package: it keeps the first two numbers of each code."""

    class First:
        def __init__(self, **settings):
            assert settings["random_state"] == 0

        def fit_transform(self, codes):
            return codes[:, :2]

    package = ModuleType("umap")
    package.UMAP = First
    monkeypatch.setitem(sys.modules, "umap", package)


def test_a_missing_package_is_told_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(CxrError, match=r"needs umap-learn, .*; run `pip install 'cxrfactory\[studies\]'"):
        gather({"labelled": [chests(tmp_path / "a.parquet", "A")]}, tmp_path, StudyRunConfig())


def test_all_sources_are_gathered_and_one_is_refused(tmp_path, umap):
    paths = [chests(tmp_path / f"{name}.parquet", name, labels=code) for name, code in (("A", "LHC"), ("B", "L"))]
    gather({"labelled": paths}, tmp_path, StudyRunConfig())
    assert read_table(tmp_path / "labelled.parquet", LABELLED_IMAGES)["labels"].value_counts().to_dict() == {
        "LHC": 12, "L": 12,
    }  # fmt: skip
    assert set(read_table(tmp_path / "labelled-naive.parquet", LABELLED_IMAGES)["labels"]) == {"M"}
    with pytest.raises(CxrError, match=r"b\.parquet: all images are of source B; this study compares two or more"):
        gather({"labelled": [chests(tmp_path / "b.parquet", "B")]}, tmp_path, StudyRunConfig())


@pytest.mark.parametrize("box", [(40, 60, 120, 140), (10, 20, 70, 60), (120, 100, 180, 190)])
def test_equal_framing_gives_every_box_one_area_in_the_middle(box):
    image = np.zeros((200, 200), np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right] = 255
    framed = equally_framed(image, np.array(box, float)) > 127
    rows, columns = np.flatnonzero(framed.any(1)), np.flatnonzero(framed.any(0))
    assert framed.mean() == pytest.approx(AREA, abs=0.02)
    assert rows.mean() == pytest.approx(99.5, abs=0.6)
    assert columns.mean() == pytest.approx(99.5, abs=0.6)


def test_an_image_that_fits_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (100, 100)).astype(np.uint8)
    half = 50 * np.sqrt(AREA)
    np.testing.assert_allclose(equally_framed(image, np.array([50 - half] * 2 + [50 + half] * 2)), image, atol=1)


def test_codes_are_taken_of_both_framings(tmp_path, monkeypatch):
    path = chests(tmp_path / "a.parquet", "A", count=8)
    monkeypatch.setattr(latent_features, "encoder_of", lambda weights, device: lambda image: image[:2, 0] / 2)
    weights = [tmp_path / "unet" / "weights.safetensors"]
    take_codes({"labelled": [path], "weights": weights}, tmp_path, StudyRunConfig())
    codes = pd.read_csv(tmp_path / "codes.csv")
    assert codes.groupby(["network", "framing", "source"]).size().to_dict() == {
        ("unet", AS_IS, "A"): 8, ("unet", EQUAL, "A"): 8,
    }  # fmt: skip
    assert codes["patient_id"].nunique() == 8
    assert {"f0", "f1"} < set(codes)
    assert (tmp_path / "framing.png").stat().st_size > 0


def test_the_finding_tells_networks_that_remember_from_one_that_forgets(tmp_path, umap):
    rng, rows = np.random.default_rng(0), []
    for number in range(120):
        source = ("A", "B", "C")[number % 3]
        for network, framing in [(n, f) for n in ("hybridgnet", "unet", "unet-ht") for f in (AS_IS, EQUAL)]:
            known = 0 if (network, framing) == ("hybridgnet", EQUAL) else 8 * (number % 3)
            code = rng.normal(0, 1, 4) + known * np.array([1, -1, 0, 0])
            rows.append((network, framing, f"i{number}", source, f"p{number}", *code))
    codes = pd.DataFrame(rows, columns=["network", "framing", "image_id", "source", "patient_id", *"wxyz"])
    codes.loc[codes["network"] == "hybridgnet", "z"] = np.nan  # codes of different lengths
    codes.to_csv(tmp_path / "codes.csv", index=False)
    summarise({"codes": [tmp_path / "codes.csv"]}, tmp_path / "out", StudyRunConfig())
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index(["network", "framing"])
    assert table.loc[("unet", EQUAL), ["accuracy", "low", "high", "recall_A"]].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert table.loc[("hybridgnet", AS_IS), "accuracy"] > 0.98
    forgot = table.loc[("hybridgnet", EQUAL)]
    assert forgot["low"] < forgot["chance"] + 0.05 < forgot["high"] + 0.1
    assert forgot["chance"] == pytest.approx(1 / 3, abs=1e-4)
    signs = pd.read_csv(tmp_path / "out" / "signs.csv")
    assert signs["verdict"].tolist() == ["agrees"] * 4
    assert signs["value"].iloc[0] == pytest.approx(1 - forgot["accuracy"], abs=1e-3)
    assert "120 images of A, B, C" in (tmp_path / "out" / "finding.md").read_text()
    assert (tmp_path / "out" / "umap.png").stat().st_size > 0
