"""Comparison of networks with true meshes: exact values for meshes moved by a known distance."""

import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.hearts.case_table import write_cases
from cxrfactory.hearts.evaluate.compare import compare
from cxrfactory.hearts.evaluate.scores import mask_scores, node_scores
from cxrfactory.hearts.evaluate.tables import jacobian_row, pair_rows
from cxrfactory.hearts.meshes.measured import Anatomy
from tests.hearts.conftest import write_predictions
from tests.hearts.toy import PARTS, toy_case, toy_stack


def test_nodes_of_a_moved_mesh(mesh):
    places = np.asarray(mesh.vertices_mm, float)
    scores = node_scores(Anatomy(mesh), places + np.array([3.0, 0, 4.0]), places)
    assert set(scores) == {"all", *PARTS}
    for found in scores.values():
        assert found["distance_mm"] == pytest.approx(5)
        assert found["mae_mm"] == pytest.approx(7 / 3)
        assert found["mse_mm2"] == pytest.approx(25 / 3)


def test_masks_of_a_mesh_moved_by_a_pixel(mesh):
    places, planes = np.asarray(mesh.vertices_mm, float), toy_stack()
    assert mask_scores(Anatomy(mesh), places, places, planes)["lv"] == {"dice": 1.0, "hd_mm": 0.0, "mcd_mm": 0.0}
    moved = mask_scores(Anatomy(mesh), places + np.array([3.0, 0, 0]), places, planes)["rv"]  # pixels of 3 mm
    assert moved["hd_mm"] == pytest.approx(3)
    assert 0 < moved["mcd_mm"] < 3
    assert 0.8 < moved["dice"] < 1
    gone = mask_scores(Anatomy(mesh), places + np.array([0, 0, 500.0]), places, planes)["rv"]
    assert gone["dice"] == 0
    assert np.isnan(gone["hd_mm"])


def test_tables_of_two_networks(mesh, tmp_path):
    cases = [toy_case(mesh, f"c{number}", frame) for number in range(6) for frame in ("ED", "ES")]
    write_cases(tmp_path / "cases.parquet", cases)
    write_predictions(tmp_path / "good.parquet", cases, shift_mm=1.0)
    write_predictions(tmp_path / "bad.parquet", cases, shift_mm=6.0)
    networks = {"good": [tmp_path / "good.parquet"], "bad": [tmp_path / "bad.parquet"]}
    compare(mesh, [tmp_path / "cases.parquet"], networks, tmp_path / "out")
    read = {path.stem: pd.read_csv(path) for path in (tmp_path / "out").glob("*.csv")}
    assert sorted(read) == ["cases", "jacobians", "networks", "pairs", "summary", "volumes"]
    assert len(read["cases"]) == 2 * len(cases) * (1 + len(PARTS))
    networks = read["networks"].set_index("network")
    np.testing.assert_allclose(networks["distance_mm"], [1, 6], atol=1e-3)
    assert networks.loc["good", "dice_lv"] > networks.loc["bad", "dice_lv"]
    np.testing.assert_allclose(networks["lv_ef_bias"], 0, atol=1e-3)  # a moved heart pumps alike
    pair = read["pairs"].set_index(["part", "measure"]).loc[("all", "distance_mm")]
    assert pair["patients"] == 6
    assert pair["median_difference"] == pytest.approx(-5, abs=1e-3)
    volumes = read["volumes"].set_index(["network", "quantity"])
    assert volumes.loc[("bad", "lv_edv_ml"), "bias"] == pytest.approx(0, abs=1e-3)
    jacobians = read["jacobians"].set_index("meshes_of")
    np.testing.assert_allclose(jacobians.loc["truth", "mean"], jacobians.loc["good", "mean"], rtol=1e-4)
    assert (tmp_path / "out" / "volumes.png").stat().st_size > 10_000


def test_a_paired_test_counts_patients_and_names_the_better():
    rng = np.random.default_rng(0)
    rows = [
        {"network": name, "case_id": f"c{number}", "patient_id": f"p{number}", "frame": frame, "part": "all",
         "mae_mm": value, "distance_mm": value, "mse_mm2": value, "rmse_mm": value, "dice": 0.5, "hd_mm": 1.0,
         "mcd_mm": 1.0}
        for number in range(30)
        for frame in ("ED", "ES")
        for name, value in (("first", 1 + 0.1 * rng.random()), ("second", 2 + 0.1 * rng.random()))
    ]  # fmt: skip
    found = pair_rows(pd.DataFrame(rows), ["first", "second"])
    assert found["patients"].tolist() == [30] * 4
    assert found["better"].tolist() == ["first"] * 4
    assert (found["p_holm"] >= found["p"]).all()


def test_a_row_of_jacobians_counts_flipped_tetrahedra():
    row = jacobian_row("x", np.array([-0.5, 0.0, 0.5, 1.0]))
    assert (row["mean"], row["min"], row["max"], row["flipped_percent"]) == (0.25, -0.5, 1.0, 50.0)


def test_cases_of_another_run_are_refused(mesh, shard):
    folder, _ = shard
    write_cases(folder / "other.parquet", [toy_case(mesh, "z", "ED")])
    with pytest.raises(CxrError, match="no case has a true mesh and a mesh of every network"):
        compare(mesh, [folder / "other.parquet"], {"one": [folder / "meshes.parquet"]}, folder / "out")
