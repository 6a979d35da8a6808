"""Domain shift: the first source trains, the others are tested, and one source alone is refused."""

import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.domain_shift import CORRECTED, MOST, split_sources, summarise
from cxrfactory.studies.model_tables import NONE, TWO, UNET
from cxrfactory.tables.parquet import read_table

from .test_model_tables import labelled, per_image, write

MODELS = {NONE: (0.90, 70.0, 1.0), TWO: (0.94, 60.0, 1.0), UNET: (0.93, 200.0, 1.0), CORRECTED: (0.91, 210.0, 1.0)}


def test_the_first_source_trains_and_all_of_the_others_is_tested(tmp_path):
    first = [*labelled("ab", split="train"), *labelled("c")]
    many = labelled([f"s{number}" for number in range(MOST + 3)], "shenzhen", split="train")
    tables = [write(tmp_path / "1.parquet", first), write(tmp_path / "2.parquet", many)]
    for size, number in (("small", MOST), ("full", MOST + 3)):
        split_sources({"tables": tables}, tmp_path, StudyRunConfig(size=size))
        assert set(read_table(tmp_path / "train.parquet")["image_id"]) == set("abc")
        test = read_table(tmp_path / "test.parquet")
        assert set(test["split"]) == {"val"}
        assert test.loc[test["source"] == "JSRT", "image_id"].tolist() == ["c"]
        assert (test["source"] == "shenzhen").sum() == number
        counts = pd.read_csv(tmp_path / "sources.csv").values.tolist()
        assert counts == [["JSRT", 1], ["shenzhen", number]]


def test_one_source_alone_is_refused_in_one_line(tmp_path):
    table = write(tmp_path / "one.parquet", labelled("ab"))
    with pytest.raises(CxrError, match=r"one.parquet: all 2 images have the source 'JSRT'; .* two sources or more"):
        split_sources({"tables": [table]}, tmp_path, StudyRunConfig())


def inputs(folder, others):
    tables = [write(folder / "j.parquet", labelled("abcdef"))]
    per_image(folder / "e" / "jsrt" / "per_image.csv", MODELS)
    for source, models in others.items():
        tables.append(write(folder / f"{source}.parquet", labelled("ghijkl", source)))
        if models:
            per_image(folder / "e" / source / "per_image.csv", models, "ghijkl", source, ["lungs"])
    pd.DataFrame({"source": ["JSRT", *others]}).to_csv(folder / "sources.csv", index=False)
    return {"evaluations": [folder / "e"], "tables": tables, "sources": [folder / "sources.csv"]}


def test_sources_are_compared_one_by_one_with_the_paper(tmp_path):
    summarise(inputs(tmp_path, {"Shenzhen": MODELS, "v7": {}}), tmp_path / "out", StudyRunConfig())
    signs = pd.read_csv(tmp_path / "out" / "signs.csv", keep_default_na=False)
    assert list(signs["value"].round(6)) == [0.04, 0.01, 140, -10]
    assert list(signs["verdict"]) == ["agrees", "agrees", "agrees", "differs"]
    assert list(signs["published"]) == ["0.935, 0.901", "0.935, 0.933", "220.89, 64.46", "220.89, 135.05"]
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index(["source", "measure", "model"])
    assert table.loc[("Shenzhen", "hd_lungs_px", TWO), ["mean", "paper"]].tolist() == [62.5, 64.46]
    assert bool(table.loc[("JSRT", "dice_lungs", TWO), "trained_on"].all())
    text = (tmp_path / "out" / "finding.md").read_text()
    assert "HybridGNet are on Shenzhen 0.940 and 62.5 px (U-Net 0.930 and 202.5 px)" in text
    assert "on 12 images of JSRT, Shenzhen; without v7, whose lungs have another definition" in text
    assert (tmp_path / "out" / "models-Shenzhen.png").is_file()


def test_sources_of_another_definition_alone_are_refused(tmp_path):
    with pytest.raises(CxrError, match="no lungs of v7 by the definition of the models; expected two sources"):
        summarise(inputs(tmp_path, {"v7": {}}), tmp_path / "out", StudyRunConfig())
