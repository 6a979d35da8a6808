"""The releases' real public tables, as the wheel ``torchxrayvision`` 1.5.7 carries them in ``data/``."""

import os
from pathlib import Path

import pytest

from cxrfactory.ingest.manifest import read_manifest


@pytest.fixture
def tables():
    folder = os.environ.get("CXRFACTORY_PUBLIC_TABLES")
    if not folder:
        pytest.skip("CXRFACTORY_PUBLIC_TABLES (data/ of the torchxrayvision wheel) is not set")
    return Path(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("release", "rows", "included", "patients"),
    [
        ("padchest", 160861, 96287, 67625),
        ("chestx-ray8", 112120, 112120, 30805),
        ("chexpert", 223414, 191027, 64540),
        ("vindr-cxr", 15000, 15000, 0),
    ],
)
def test_counts(tables, release, rows, included, patients):
    manifest = read_manifest(release, tables)
    assert len(manifest) == rows
    assert manifest["included"].sum() == included
    assert manifest["patient_id"].nunique() == patients


@pytest.mark.slow
def test_padchest_views(tables):
    views = read_manifest("padchest", tables)["view"].value_counts().to_dict()
    assert views == {"PA": 91728, "LATERAL": 49579, "AP_HORIZONTAL": 14346, "AP": 4559, "COSTAL": 630}
