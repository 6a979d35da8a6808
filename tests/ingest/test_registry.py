import subprocess
import sys

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.ingest import registry


def test_layouts_have_the_published_names_and_id_columns():
    facts = {slug: (one.published_name, one.id_column) for slug, one in registry.LAYOUTS.items()}
    assert facts == {
        "candid-ptx": ("CANDID-PTX", "ImageID"),
        "chestx-ray8": ("ChestX-Ray8", "Image Index"),
        "chexpert": ("CheXpert", "Path"),
        "folder": (None, "image_id"),  # a folder of one's own bears the dataset's name
        "indiana-cxr": ("Indiana-CXR", "imageid"),
        "mimic-cxr-jpg": ("MIMIC-CXR-JPG", "dicom_id"),
        "padchest": ("Padchest", "ImageID"),
        "vindr-cxr": ("VinDr-CXR", "image_id"),
    }


def test_workflow_inputs():
    assert registry.layout("mimic-cxr-jpg").table_candidates == ("mimic-cxr-2.0.0-metadata.csv.gz",)
    assert registry.layout("vindr-cxr").table_candidates == (
        "annotations/image_labels_train.csv",
        "annotations/image_labels_test.csv",
    )


def test_unknown_release_names_the_known_ones():
    with pytest.raises(CxrError, match=r"'mimic' is unknown.*chexpert.*mimic-cxr-jpg"):
        registry.layout("mimic")


def test_importing_the_registry_imports_nothing_heavy():
    code = (
        "import sys, cxrfactory.ingest.registry\n"
        "print([n for n in ('pandas', 'numpy', 'pyarrow', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
