"""Scores of a network whose answer is known: everything is where the image is bright."""

import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.config.benchmark import BenchmarkScoreConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.benchmark import score as module
from cxrfactory.evaluate.benchmark.cases import pixel_sizes, read_findings, read_images
from cxrfactory.evaluate.benchmark.score import gflops, score_model
from cxrfactory.evaluate.models.cost import Cost
from cxrfactory.models import registry
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import STUDIES
from cxrfactory.tables.weights import write_weights
from tests.evaluate.benchmark.bench_cases import BOXES, SIDE, labelled_table
from tests.models import stub_pixels


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
    monkeypatch.setattr(module, "measure_cost", lambda *each: Cost("cpu", 1, 4, 1.0, 2.0, 3.0, 4.0))
    path = tmp_path / "threshold.safetensors"
    write_weights(path, {"threshold": np.array(0.5, np.float32)}, stub_pixels.card(tuple(BOXES), (SIDE, SIDE)))
    return path


def scored(tmp_path, weights, labelled=None, studies=None, **settings):
    labelled = labelled or labelled_table(tmp_path / "labelled.parquet")
    chosen = BenchmarkScoreConfig(name="stub", seed=3, **settings)
    table = score_model(labelled, weights, tmp_path / "s.parquet", tmp_path / "c.csv", chosen, studies)
    return table.set_index(["image_id", "level", "structure"])


def test_a_known_network_has_known_scores(tmp_path, weights):
    # Found is both ribs (128 pixels) for every structure; a rib has 64 pixels.
    found = scored(tmp_path, weights, pixel_mm=0.5)
    rib = found.loc[("ct-p0-PA", "L4", "left rib 1")]
    assert rib["dice"] == pytest.approx(2 * 64 / (64 + 128))
    assert rib["iou"] == 0.5
    assert (rib["truth_px"], rib["found_px"]) == (64, 128)
    assert rib["component_precision"] == 0.5
    assert rib["component_recall"] == 1
    assert rib["hd95_mm"] == pytest.approx(rib["hd95_px"] / 2)
    both = found.loc[("ct-p0-PA", "L1", "Skeletal")]
    assert (both["dice"], both["hd95_px"], both["nsd"]) == (1, 0, 1)
    assert found.loc[("ct-p0-PA", "L3", "left rib"), "dice"] == 1
    assert found.loc[("ct-p0-PA", "L4", "aorta"), "dice"] == 0
    assert found.loc[("ct-p0-PA", "L1", "Mediastinal"), "group"] == "Vascular"


def test_regions_that_an_image_does_not_annotate_have_no_row(tmp_path, weights):
    found = scored(tmp_path, weights)
    assert ("ct-p1-PA", "L4", "aorta") not in found.index
    assert ("ct-p1-LL", "L4", "aorta") in found.index
    assert found["hd95_mm"].isna().all()  # no size of a pixel


def test_the_files_hold_the_scores_and_the_cost(tmp_path, weights):
    scored(tmp_path, weights)
    table = read_table(tmp_path / "s.parquet", module.SCORES)
    assert set(table["model"]) == {"stub"}
    assert set(table["seed"]) == {3}
    assert set(table["view"]) == {"PA", "LL"}
    cost = pd.read_csv(tmp_path / "c.csv").iloc[0]
    assert (cost["model"], cost["seed"], cost["parameters"], cost["gflops"]) == ("stub", 3, 1, 0)


def test_multiplications_and_additions_are_counted():
    class Stub:
        input_size, device = (16, 8), torch.device("cpu")
        network = torch.nn.Conv2d(1, 4, 3, padding=1)

    assert gflops(Stub()) == pytest.approx(2 * 16 * 8 * 4 * 9 / 1e9)


def test_no_shared_region_is_one_line(tmp_path, weights):
    labelled = labelled_table(tmp_path / "l.parquet", left_out=("left_rib_1", "left_rib_2", "aorta"))
    with pytest.raises(
        CxrError, match=r"no image annotates a region of stub \(left_rib_1, left_rib_2, aorta\); .*nothing"
    ):
        scored(tmp_path, weights, labelled)


def test_sizes_of_pixels_come_from_the_studies_and_follow_the_crop(tmp_path):
    study = {"study_id": "p0", "patient_id": "p0", "release": "ct", "size": SIDE, "pixel_mm": 0.8}
    study |= {"counts_per_unit": 4096.0, "structures": 3, "notes": None}
    write_table(pd.DataFrame([study]), tmp_path / "studies.parquet", STUDIES)
    sizes = pixel_sizes(tmp_path / "studies.parquet")
    assert sizes == {"ct-p0-PA": 0.8, "ct-p0-LL": 0.8}
    table = read_table(labelled_table(tmp_path / "l.parquet"))
    table["crop_height"] = table["crop_width"] = SIDE // 2  # enlarged twofold by the preprocessing
    table.to_parquet(tmp_path / "cropped.parquet")
    images = {each.image.image_id: each for each in read_images(tmp_path / "cropped.parquet", "val", sizes)}
    assert images["ct-p0-PA"].pixel_mm == pytest.approx(0.4)
    assert np.isnan(images["ct-p1-PA"].pixel_mm)


def test_findings_are_read_by_patient(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("patient_id,effusion,nodule\na,1.0,\na,0,0\nb,,1\n")
    table = read_findings(path)
    assert table.loc["a"].tolist() == [True, False]
    assert table.loc["b"].tolist() == [False, True]
    assert read_findings(None).empty
    path.write_text("patient_id,effusion\na,yes\n")
    with pytest.raises(CxrError, match="patient 'a', column 'effusion': found 'yes'; expected 0, 1 or nothing"):
        read_findings(path)
    path.write_text("patient,effusion\na,1\n")
    with pytest.raises(CxrError, match="column 'patient_id' is missing; found patient, effusion"):
        read_findings(path)
