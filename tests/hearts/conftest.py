import numpy as np
import pandas as pd
import pytest

from cxrfactory.hearts.case_table import write_cases
from cxrfactory.hearts.infer.shard import PREDICTIONS
from cxrfactory.tables.parquet import write_table
from tests.hearts.toy import toy_case, toy_mesh


@pytest.fixture(scope="session")
def mesh():
    return toy_mesh()


def write_predictions(path, cases, shift_mm=0.0, nodes=None, std_mm=0.5):
    """Write the true meshes of cases, moved along z, as if a network had found them."""
    rows = []
    for case in cases:
        places = case.vertices_mm if nodes is None else case.vertices_mm[nodes]
        places = places + np.array([0, 0, shift_mm])
        rows.append({
            "case_id": case.views.case_id, "patient_id": case.views.patient_id, "frame": case.views.frame,
            "views": list(case.views.long_axis), "vertices": places.astype("float32").ravel(),
            "vertices_std": [std_mm] * len(places), "latent": [0.0, 1.0],
        })  # fmt: skip
    write_table(pd.DataFrame(rows, columns=PREDICTIONS.names), path, PREDICTIONS)


@pytest.fixture
def shard(mesh, tmp_path):
    """Two cases with both frames, and a table of meshes that are the true ones."""
    cases = [toy_case(mesh, name, frame) for name in ("a", "b") for frame in ("ED", "ES")]
    write_cases(tmp_path / "cases.parquet", cases)
    write_predictions(tmp_path / "meshes.parquet", cases)
    return tmp_path, cases
