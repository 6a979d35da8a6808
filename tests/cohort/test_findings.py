import gzip
import io

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.cohort.build import CohortPlan, build_cohort
from cxrfactory.cohort.findings import LABELS, Findings, add_findings
from cxrfactory.cohort.patient import draw_person, lung_depth, project_person
from cxrfactory.cohort.source import load_source
from cxrfactory.errors import CxrError


@pytest.fixture(scope="module")
def source(ct_folder):
    return load_source(ct_folder)


def test_the_lungs_depth_is_that_of_the_organ_masks(source):
    person = draw_person(1, 0)
    projection = project_person(source, person, "PA")
    depth = lung_depth(source, person)
    assert depth.shape == (2, *projection.organs.shape[1:])
    for place in range(2):  # right and left lung come first among the organs
        solid = projection.organs[place] > 0.99
        assert solid.any()
        assert depth[place][solid].min() > 0
        assert depth[place][projection.organs[place] == 0].max() == 0


def test_share_decides_and_only_the_lungs_change(source):
    person = draw_person(1, 0)
    projection = project_person(source, person, "PA")
    same, none = add_findings(source, person, projection, 0.0, 0)
    assert np.array_equal(same.lines, projection.lines)
    assert none.sides == {}
    every, found = add_findings(source, person, projection, 1.0, 0)
    assert set(found.sides) == set(LABELS)
    added = every.lines[0] - projection.lines[0]
    assert added.max() > 0.1
    assert added.min() >= -1e-5
    assert np.array_equal(every.lines[1], projection.lines[1])  # bone
    again, _ = add_findings(source, person, projection, 1.0, 0)
    assert np.array_equal(again.lines, every.lines)


def test_words_and_labels():
    some = Findings({"Lung Lesion": "left lung"})
    assert some.labels() == {"Lung Lesion": "1.0", "Pneumonia": "0.0", "Atelectasis": "0.0", "Pleural Effusion": "0.0"}
    assert some.sentences().startswith("Nodule in the left lung. No patchy opacity")


def test_the_release_says_what_was_drawn(ct_folder, tmp_path):
    plan = CohortPlan(patients=5, labelled=1, size=160, seed=3, findings=0.5, with_reports=1.0)
    assert [plan.role(number)[0] for number in range(1, 6)] == ["labelled", *["mimic-cxr-jpg"] * 4]
    build_cohort(ct_folder, tmp_path / "cohort", plan, workers=1)
    release = tmp_path / "cohort/mimic-cxr-jpg"
    table = gzip.decompress((release / "mimic-cxr-2.0.0-chexpert.csv.gz").read_bytes()).decode()
    labels = pd.read_csv(io.StringIO(table), dtype=str)
    assert labels[list(LABELS)].isin(["1.0", "0.0"]).all(axis=None)
    texts = {path.stem[1:]: path.read_text() for path in release.rglob("s*.txt")}
    told = 0
    for row in labels.to_dict("records"):
        if "Virtual findings" in (text := texts[row["study_id"]]):
            told += 1
            assert ("No pleural effusion" in text) == (row["Pleural Effusion"] == "0.0")
    assert told >= 1


def test_shares_lie_between_none_and_all():
    with pytest.raises(CxrError, match=r"findings 1\.5"):
        CohortPlan(patients=4, labelled=2, size=160, seed=0, findings=1.5)


def test_releases_may_be_of_another_scale_than_the_labelled_set(ct_folder, tmp_path):
    plan = CohortPlan(patients=3, labelled=1, size=160, seed=3, release_size=100)
    build_cohort(ct_folder, tmp_path / "cohort", plan, workers=1)
    heights = {path.parts[-3]: cv2.imread(str(path)).shape[0] for path in tmp_path.rglob("labelled/images/*.png")}
    assert set(heights.values()) == {160}
    films = [image for path in tmp_path.rglob("mimic-cxr-jpg/**/*.jpg") if (image := cv2.imread(str(path))) is not None]
    assert films
    assert all(100 <= max(film.shape) <= 140 for film in films)
