"""Films with two truths: the air mask is the anatomy without what a finding hides, and healthy films train."""

import numpy as np
import pandas as pd
import pytest

from cxrfactory.cohort.findings import replaced_share
from cxrfactory.cohort.patient import draw_person, project_person
from cxrfactory.cohort.source import load_source
from cxrfactory.cohort.two_truths import aerated, write_two_truths
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES


@pytest.fixture(scope="module")
def made(ct_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("truths")
    write_two_truths(ct_folder, folder / "made", healthy=6, findings=2, size=96, seed=1)
    return folder / "made"


def regions(row):
    return {each["name"]: decode_png(each["png"]) > 127 for each in row["regions"]}


def test_air_is_a_part_of_the_anatomy_and_the_table_says_how_large(made):
    anatomy, air = (read_table(made / f"{name}.parquet", LABELLED_IMAGES) for name in ("anatomy", "air"))
    hidden = pd.read_csv(made / "hidden.csv")
    assert anatomy["image_id"].tolist() == air["image_id"].tolist() == hidden["image_id"].tolist()
    assert anatomy["png"].tolist() == air["png"].tolist()
    assert set(anatomy["split"]) == set(air["split"]) == {"val"}
    assert (anatomy["labels"].tolist(), air["labels"].tolist()) == (["LH", "LH"], ["M", "M"])
    for (_, whole), (_, part), told in zip(anatomy.iterrows(), air.iterrows(), hidden.itertuples(), strict=True):
        lungs, held = regions(whole), regions(part)
        assert set(held) == {"right_lung", "left_lung"}
        assert all((held[name] <= lungs[name]).all() for name in held)
        areas = [sum(int(masks[name].sum()) for name in held) for masks in (lungs, held)]
        assert areas == [told.anatomy_px, told.air_px]
        assert told.hidden_share == pytest.approx(1 - areas[1] / areas[0], abs=1e-6)
        assert 0.02 < told.hidden_share < 0.9
        assert told.condition.split(", ")[0] in ("effusion", "consolidation")


def test_healthy_films_have_both_splits_and_other_patients(made):
    healthy = read_table(made / "healthy.parquet", LABELLED_IMAGES)
    assert healthy["split"].value_counts().to_dict() == {"train": 5, "val": 1}
    assert set(healthy["condition"]) == {"normal"}
    ill = read_table(made / "anatomy.parquet", LABELLED_IMAGES)
    assert not set(healthy["patient_id"]) & set(ill["patient_id"])
    assert all(len(each) == 240 for each in healthy["landmarks"])


def test_the_same_seed_gives_the_same_bytes(made, ct_folder, tmp_path):
    write_two_truths(ct_folder, tmp_path / "again", healthy=6, findings=2, size=96, seed=1)
    for name in ("healthy.parquet", "anatomy.parquet", "air.parquet", "hidden.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes()


def test_replaced_share_is_the_added_length_over_the_depth(ct_folder):
    source = load_source(ct_folder)
    person = draw_person(1, 0)
    before = project_person(source, person, "PA")
    assert replaced_share(source, person, before, before).max() == 0


def test_a_pixel_holds_air_until_a_third_of_it_is_replaced():
    lung = np.ones((40, 40), bool)
    lung[:, :5] = False
    share = np.zeros((40, 40))
    share[20:] = 1.0
    held = aerated(lung, share, pixel_mm=3.0)  # the border of 0 and 1 becomes smooth over a pixel
    assert held[:18, 5:].all()
    assert not held[20:].any()
    assert not held[:, :5].any()
    assert aerated(lung, np.full((40, 40), 0.33), 1.0).sum() == lung.sum()


def test_too_few_patients_are_refused(ct_folder, tmp_path):
    with pytest.raises(CxrError, match="3 healthy patients, 1 with findings"):
        write_two_truths(ct_folder, tmp_path / "x", healthy=3, findings=1)
