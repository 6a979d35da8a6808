"""Films of virtual patients with the masks of all structures."""

import cv2
import numpy as np
import pytest

from cxrfactory.anatomy.film_regions import film_regions
from cxrfactory.anatomy.taxonomy import resolve
from cxrfactory.cohort.film_set import build_films
from cxrfactory.cohort.film_source import load_film_source
from cxrfactory.cohort.films import FilmKnobs, expose_film, project_with_structures, wide_style
from cxrfactory.cohort.patient import Person
from cxrfactory.config import CohortFilmsConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.projection.deform import identity_shape
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.schemas import MASKS, PROJECTIONS, SCANS, STUDIES

NAMES = {1: "spleen", 5: "liver", 10: "lung_upper_lobe_left", 13: "lung_middle_lobe_right", 35: "vertebrae_T9",
         51: "heart", 52: "aorta", 79: "spinal_cord"}  # fmt: skip
PLAIN = FilmKnobs(shoulders=0.0, clavicles=False, rooms=False, breasts=0.0)


@pytest.fixture(scope="module")
def named_ct(ct_folder):
    rows = "\n".join(f"{value},{name}" for value, name in NAMES.items())
    (ct_folder / "structures.csv").write_text(f"id,structure\n{rows}\n", encoding="utf-8")
    return ct_folder


@pytest.fixture(scope="module")
def source(named_ct):
    return load_film_source(named_ct)


@pytest.fixture(scope="module")
def unchanged(source):
    person = Person(1, "M", 50, identity_shape())
    return person, project_with_structures(source, person)


def film(source, unchanged, knobs, view="PA", seed=0):
    person, projected = unchanged
    return expose_film(source, projected, person, view, 128, seed, knobs)


def of(source, masks, name):
    return masks[source.names.index(name)]


def test_every_structure_has_a_mask_where_it_lies(source, unchanged):
    found = film(source, unchanged, PLAIN)
    assert source.names == tuple(NAMES.values())
    assert found.masks.shape == (len(NAMES), 128, 128)
    assert all(mask.any() for mask in found.masks)
    columns = {name: np.nonzero(of(source, found.masks, name))[1].mean() for name in source.names}
    assert columns["lung_middle_lobe_right"] < columns["heart"] < columns["lung_upper_lobe_left"]
    rows = {name: np.nonzero(of(source, found.masks, name))[0].mean() for name in source.names}
    assert rows["lung_upper_lobe_left"] < rows["spleen"]
    # A ball of 50 x 120 mm half axes: the area of its mask in mm2, from the drawing alone.
    area = of(source, found.masks, "lung_upper_lobe_left").sum() * found.pixel_mm**2
    assert area == pytest.approx(np.pi * 50 * 120 - np.pi * 62 * 55 / 8, rel=0.2)


def test_contrast_agent_goes_and_bone_stays(named_ct, source):
    kept = load_film_source(named_ct, contrast=True)
    ours, theirs = source.frontal.values[0].numpy(), kept.frontal.values[0].numpy()
    assert (ours <= theirs + 1e-7).all()
    assert np.array_equal(source.frontal.values[1].numpy(), kept.frontal.values[1].numpy())  # spine of 400 HU
    assert (source.frontal.values[1] > 0).any()


def test_shoulders_stand_beside_the_chest_and_leave_masks_alone(source, unchanged):
    bare, dressed = (film(source, unchanged, FilmKnobs(share, False, False, 0.0, 0.0)) for share in (0.0, 1.0))
    assert np.array_equal(bare.masks, dressed.masks)
    gained = dressed.integral - bare.integral > 0.2
    gained = cv2.erode(gained.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # without the thin lines of catheters
    lungs = of(source, bare.masks, "lung_upper_lobe_left") | of(source, bare.masks, "lung_middle_lobe_right")
    assert gained.mean() > 0.01
    assert not (gained & (lungs > 0))[76:].any()  # below the axillae


def test_findings_change_the_picture_only(source, unchanged):
    well, ill = (film(source, unchanged, FilmKnobs(0.0, False, False, share, 0.0)) for share in (0.0, 1.0))
    assert np.array_equal(well.masks, ill.masks)
    assert (ill.integral - well.integral).max() > 0.2


def test_both_views_and_a_given_pixel_size(source, unchanged):
    person, projected = unchanged
    lateral = expose_film(source, projected, person, "LL", 128, 0, PLAIN, pixel_mm=3.0)
    assert lateral.pixel_mm == 3.0
    heart, spine = (np.nonzero(of(source, lateral.masks, name))[1].mean() for name in ("heart", "vertebrae_T9"))
    assert heart < spine  # the front is on the left


def test_wide_rooms_are_wider_and_repeat():
    drawn = [wide_style(np.random.default_rng(seed)) for seed in range(40)]
    assert drawn[3] == wide_style(np.random.default_rng(3))
    assert min(style.dense_percentile for style in drawn) < 75
    assert max(style.bone_gain for style in drawn) <= 1.8


def test_the_tables_repeat_and_hold_every_class(named_ct, tmp_path):
    settings = CohortFilmsConfig(films=2, film_size=96, seed=3)
    for name, workers in (("one", 1), ("two", 2)):
        build_films(named_ct, tmp_path / name, settings, workers)
    for name in ("images", "masks", "studies", "manifest", "rejected"):
        first, second = ((tmp_path / run / f"{name}.parquet").read_bytes() for run in ("one", "two"))
        assert first == second, name
    folder = tmp_path / "one"
    assert list(read_table(folder / "manifest.parquet", SCANS)["study_id"]) == ["film00001", "film00002"]
    studies = read_table(folder / "studies.parquet", STUDIES)
    masks = read_table(folder / "masks.parquet", MASKS)
    assert (studies["size"] == 96).all()
    assert set(masks["view"]) == {"PA", "LL"}
    labels = masks[(masks["origin"] == "label") & (masks["study_id"] == "film00001") & (masks["view"] == "PA")]
    assert set(labels["class_id"]) == {resolve(name).class_id for name in NAMES.values()}
    images = read_table(folder / "images.parquet", PROJECTIONS)
    films = [decode_png(data) for data in images["png8"]]
    assert all(each.shape == (96, 96) and each.std() > 5 for each in films)
    regions = film_regions(
        {row["name"]: rle_decode(row["rle"], 96, 96) for _, row in labels.iterrows()}, studies["pixel_mm"][0]
    )
    assert not (regions["left_lung"] & regions["heart"]).any()
    assert (regions["left_whole_lung"] & regions["heart"]).any()


def test_workers_are_counted(named_ct, tmp_path):
    with pytest.raises(CxrError, match="0 workers"):
        build_films(named_ct, tmp_path / "none", CohortFilmsConfig(films=1), 0)
    assert not (tmp_path / "none").exists()
