"""Real input: reports and DICOM headers of Indiana University; real radiographs with human masks of the lungs."""

import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.config import CxlsegSplitConfig, LungPicturesConfig, ReadingConfig, ReportsConfig
from cxrfactory.imaging.radiograph.masked import small_square
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.ingest.manifest import read_manifest, write_manifest
from cxrfactory.ingest.reports.collect import collect_reports
from cxrfactory.metrics.overlap import dice
from cxrfactory.products.cxlseg.inputs import ReportTables, release_labels, select_images
from cxrfactory.products.cxlseg.release import make_tables
from cxrfactory.products.cxlseg.shard import CxlsegRecipe, lung_finder, make_pictures
from cxrfactory.products.cxlseg.tables import check_tables, patients_in_two_splits


@pytest.mark.slow
def test_indiana_images_with_a_report_are_selected_and_split_by_patient(tmp_path):
    folder = os.environ.get("CXRFACTORY_PUBLIC_TABLES")
    if not folder or not (Path(folder) / "NLMCXR_reports.tgz").is_file():
        pytest.skip("CXRFACTORY_PUBLIC_TABLES (data/ of the torchxrayvision wheel) is not set")
    write_manifest(read_manifest("indiana-cxr", folder), tmp_path / "m.parquet")
    tables = (tmp_path / "r.parquet", tmp_path / "x.parquet")
    collect_reports(ReportsConfig(source=f"{folder}/NLMCXR_reports.tgz", layout="indiana"), *tables)
    selected, excluded = select_images(ReportTables(tmp_path / "m.parquet", *tables))
    assert (len(selected), len(selected) + len(excluded)) == (3806, 7469)
    made = make_tables(selected, release_labels(selected, None), CxlsegSplitConfig())
    check_tables(made)
    assert patients_in_two_splits(made["CXLSeg-split"]) == []
    shares = made["CXLSeg-split"]["split"].value_counts(normalize=True)
    for name, share in (("train", 0.8), ("validate", 0.1), ("test", 0.1)):
        assert shares[name] == pytest.approx(share, abs=0.005)


def test_lungs_of_real_radiographs_are_cut_out(real_data):
    """Eight images of another hospital; the masks take in the lung behind the heart, and so does this model."""
    folder = real_data / "v7_lungs"
    rows = pd.read_csv(folder / "table.csv", dtype=str).sort_values("image_id").iloc[::35]
    find = lung_finder("pretrained-whole-lungs")
    scores = []
    for image_id in rows["image_id"]:
        paths = [next((folder / name).glob(f"{image_id}.*")) for name in ("images", "masks")]
        made = make_pictures(
            read_radiograph(paths[0]).pixels, find, CxlsegRecipe.of(LungPicturesConfig(mask_png=True), ReadingConfig())
        )
        found = cv2.imdecode(np.frombuffer(made["mask_png"], np.uint8), cv2.IMREAD_GRAYSCALE)
        read = cv2.imdecode(np.frombuffer(made["mask"], np.uint8), cv2.IMREAD_GRAYSCALE)
        assert dice(read >= 128, found == 255) >= 0.999
        truth = (cv2.imread(str(paths[1]), cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8) * 255
        scores.append(dice(found == 255, small_square(truth, 224) >= 128))
    assert len(scores) == 8
    assert np.median(scores) > 0.85
