import gzip
import io

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.cohort.build import TRUTH, CohortPlan, build_cohort
from cxrfactory.cohort.patient import Radiograph
from cxrfactory.cohort.reports import LABEL_COLUMNS, Measured, label_row, measure, report_text
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.report_sections import join_report, parse_sections


def test_measures_are_those_of_the_masks():
    masks = {name: np.zeros((10, 30), bool) for name in ("right_lung", "left_lung", "heart")}
    masks["right_lung"][2:8, 0:8] = True
    masks["left_lung"][2:8, 15:20] = True
    masks["heart"][5:8, 8:17] = True
    found = measure(Radiograph(np.zeros((10, 30), np.float32), 5.0, masks, np.eye(2, 3)))
    assert found == Measured(ratio=9 / 20, right_cm2=48 * 0.25, left_cm2=30 * 0.25)


@pytest.mark.parametrize(("ratio", "words"), [(0.47, "the heart is not enlarged"), (0.56, "the heart is enlarged")])
def test_text_says_what_was_measured_and_that_it_is_synthetic(ratio, words):
    sections = parse_sections(report_text(Measured(ratio, 201.4, 188.6), 0, "CHEST (PA AND LAT)"))
    assert set(sections) == {"indication", "comparison", "findings", "impression"}
    for text in sections.values():
        assert "ynthetic" in text
    assert f"ratio is {ratio:.2f}. The right lung covers 201 square cm" in sections["findings"]
    assert "left lung 189 square cm" in sections["findings"]
    assert words in sections["impression"]


def test_some_reports_lack_something_as_real_ones_do():
    measured = Measured(0.5, 200, 180)
    texts = [report_text(measured, place, "CHEST") for place in range(8)]
    assert [place for place, text in enumerate(texts) if text is None] == [3]
    sources = [None if text is None else join_report(parse_sections(text)) for text in texts]
    assert [source and source.source for source in sources] == [
        *["findings+impression"] * 3, None, "findings+impression", "comparison", None, "findings+impression"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (0.45, {"Cardiomegaly": "0.0", "No Finding": "1.0"}),
        (0.505, {"Cardiomegaly": "-1.0"}),
        (0.6, {"Cardiomegaly": "1.0"}),
    ],
)
def test_labels_follow_the_ratio(ratio, expected):
    assert label_row(Measured(ratio, 1, 1), 7, 8) == {"subject_id": 7, "study_id": 8} | expected
    assert tuple(LABEL_COLUMNS[2:]) == CHEXPERT_LABELS


def test_release_holds_reports_beside_its_studies(ct_folder, tmp_path):
    build_cohort(ct_folder, tmp_path, CohortPlan(8, 1, 128, 2), workers=1)
    root = tmp_path / "mimic-cxr-jpg"
    table = pd.read_csv(io.BytesIO(gzip.decompress((root / "mimic-cxr-2.0.0-chexpert.csv.gz").read_bytes())), dtype=str)
    studies = {folder.name: folder for folder in root.glob("files/p*/p*/s*") if folder.is_dir()}
    reports = {path.stem: path.read_text() for path in root.glob("files/p*/p*/s*.txt")}
    assert len(studies) == 4
    assert set(reports) < set(studies)
    assert len(reports) == 3
    assert sorted("s" + table["study_id"]) == sorted(reports)
    truth = read_table(tmp_path / "truth.parquet", TRUTH).set_index("image_id")
    stated = 0
    for study, text in reports.items():
        images = [path.stem for path in studies[study].glob("*.jpg") if path.stem in truth.index]
        ratios = []
        for image_id in images:
            row = truth.loc[image_id]
            right, left, heart = (
                cv2.imdecode(np.frombuffer(row[name], np.uint8), 0) > 0 for name in ("right_lung", "left_lung", "heart")
            )
            ratios.append(f"{cardiothoracic_ratio(right | left, heart):.2f}")
        assert any(f"ratio\n is {ratio}." in text for ratio in ratios)
        stated += 1
    assert stated == 3
