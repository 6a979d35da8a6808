import csv
from functools import partial

import cv2
import numpy as np
import pandas as pd
import pytest

import cxrfactory as cxr
from cxrfactory.config.infer import PredictConfig, SegmentConfig
from cxrfactory.config.rca import RcaReferenceConfig, RcaScoreConfig
from cxrfactory.imaging.radiograph.intensity import to_uint8
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.turns import ORIENTATIONS, displayed, displayed_points, stored
from cxrfactory.infer.segment import quality_line
from cxrfactory.infer.segment import segment as segment_command
from cxrfactory.infer.shard import infer_shard
from cxrfactory.metrics.flags import FLAGS
from cxrfactory.rca.judge import QualityJudge
from cxrfactory.rca.reference import build_reference, encoder_of
from cxrfactory.rca.shard import rca_shard
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import IMAGES
from tests.door.conftest import picture
from tests.imaging.dicom_files import file_bytes, radiograph
from tests.infer.conftest import folder  # noqa: F401  (a fixture)
from tests.rca.chests import write_labelled

THREE = SegmentConfig(samples=3, device="cpu")
TWO = PredictConfig(samples=2, device="cpu")


@pytest.fixture
def segmenter(weights):
    return cxr.Segmenter(weights, samples=3, device="cpu", quality=False)


def lines(path):
    return path.read_text().splitlines(keepends=True)[1:]


def test_rows_are_the_bytes_that_the_command_writes(weights, folder, tmp_path):  # noqa: F811
    out = tmp_path / "out.csv"
    segment_command([folder], weights, out, THREE, Preparation(), workers=2)
    for workers in (1, 2):
        found = list(cxr.segment(folder, weights, samples=3, device="cpu", workers=workers, quality=False))
        assert [each.to_csv_line() for each in found if each.ok] == lines(out)
        with out.with_suffix(".rejected.csv").open() as stream:
            rejected = {row["image_id"]: row["reason"] for row in csv.DictReader(stream)}
        assert {each.image_id: each.reason for each in found if not each.ok} == rejected
        # In the order of the files, none left out.
        assert [each.image_id for each in found] == ["a.png", "b.jpg", "deep/c.png", "empty.png", "text.jpg"]


def test_a_frame_of_rows_writes_the_same_file(weights, folder, tmp_path):  # noqa: F811
    segment_command([folder], weights, tmp_path / "command.csv", THREE, Preparation())
    found = cxr.segment(folder, weights, samples=3, device="cpu", quality=False)
    frame = pd.DataFrame([each.to_row() for each in found if each.ok])
    cxr.write_chexmask(tmp_path / "door.csv", frame, "image_id")
    assert (tmp_path / "door.csv").read_bytes() == (tmp_path / "command.csv").read_bytes()


def test_masks_landmarks_and_deviations_are_those_of_the_command(weights, folder, segmenter, tmp_path):  # noqa: F811
    masks, out = tmp_path / "m", tmp_path / "out.csv"
    segment_command([folder / "b.jpg"], weights, out, THREE, Preparation(), masks)
    found = segmenter.segment(folder / "b.jpg")
    assert (found.height, found.width) == (130, 257)
    for organ, mask in found.masks.items():
        saved = cv2.imread(str(masks / f"b.jpg.{organ}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(mask * 255, saved)
        assert mask.dtype == np.uint8
    assert list(found.landmarks) == ["right_lung", "left_lung", "heart"]
    assert {organ: points.shape for organ, points in found.landmarks.items()} == {
        "right_lung": (44, 2),
        "left_lung": (50, 2),
        "heart": (26, 2),
    }
    table = cxr.read_chexmask(out)
    np.testing.assert_array_equal(np.rint(found.points), table["Landmarks"][0])
    with out.with_suffix(".std.csv").open() as stream:
        text = next(csv.DictReader(stream))["Landmarks (Std)"]
    spread = np.concatenate(list(found.uncertainty.values()))
    assert ",".join(f"{value:.3f}" for value in spread.ravel()) == text


def test_an_array_gives_the_numbers_of_its_file(films, segmenter):
    film = films / "film.png"
    from_file = segmenter(film)
    for pixels in (read_radiograph(film).pixels, read_radiograph(film).pixels.astype(np.float64)):
        from_array = segmenter(pixels, "film.png")
        np.testing.assert_array_equal(from_array.points, from_file.points)
        assert from_array.to_csv_line() == from_file.to_csv_line()


def test_overlay_shows_the_contours_over_the_original(films, segmenter):
    found = segmenter(films / "film.png")
    overlay = found.overlay()
    assert overlay.shape == (200, 160, 3)
    assert overlay.dtype == np.uint8
    grey = np.repeat(found.image()[..., None], 3, axis=2)
    changed = (overlay != grey).any(axis=2)
    x, y = np.rint(found.landmarks["heart"][0]).astype(int)
    assert changed[y, x]
    assert 0 < changed.mean() < 0.2


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_turned_film_gives_the_usual_organs_on_its_pixels_as_stored(segmenter, tmp_path, orientation):
    pixels = picture(200, 160)
    films = {"LF": pixels, orientation: np.ascontiguousarray(stored(pixels, orientation))}
    found = {}
    for letters, values in films.items():
        path = tmp_path / letters
        path.write_bytes(file_bytes(radiograph(values, bits=8, PatientOrientation=list(letters))))
        found[letters] = segmenter(path, "film")
    usual, turned = found["LF"], found[orientation]
    assert (turned.height, turned.width) == films[orientation].shape
    assert turned.spacing_mm == (0.2, 0.3)  # as the file states them for its own rows and columns
    np.testing.assert_array_equal(turned.image(), to_uint8(films[orientation]))
    for organ in usual.landmarks:
        there = displayed_points(turned.landmarks[organ], orientation, turned.height, turned.width)
        np.testing.assert_allclose(there, usual.landmarks[organ], atol=1e-3)
        back = displayed(turned.masks[organ], orientation)
        assert (back != usual.masks[organ]).mean() < 0.01  # a landmark at half a pixel may round to another
    assert bool(turned.notes) == (orientation != "LF")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((90, 90), np.uint8), "one-colour image"),
        (np.zeros((90, 90, 3), np.uint8), r"shape \(90, 90, 3\); expected a grey image"),
        (np.eye(90, dtype=np.int64), "type int64; expected uint8, uint16 or floating-point"),
        (np.eye(20, dtype=np.uint8), "at least 64 px"),
        (np.where(np.eye(90), np.nan, 1.0), "not finite"),
    ],
)
def test_arrays_that_are_no_radiograph_are_one_line(segmenter, pixels, message):
    with pytest.raises(cxr.ImageError, match=f"^array: .*{message}"):
        segmenter(pixels)


def test_files_that_are_no_radiograph_are_one_line(segmenter, films, tmp_path):
    with pytest.raises(cxr.ImageError, match=r"broken\.png: empty file$"):
        segmenter(films / "broken.png")
    with pytest.raises(cxr.ImageError, match=r"none\.png: no such file$"):
        segmenter(str(tmp_path / "none.png"))


def test_faults_of_the_call_come_at_once(weights, films, tmp_path):
    with pytest.raises(cxr.CxrError, match="no such file or folder"):
        cxr.segment(tmp_path / "nowhere", weights)
    with pytest.raises(cxr.CxrError, match=r"no pretrained weights 'lung'; expected one of lungs-heart, whole-lungs"):
        cxr.Segmenter.pretrained("lung")
    with pytest.raises(cxr.CxrError, match=r"no such file; weights are NAME\.safetensors"):
        cxr.segment(films, tmp_path / "none.safetensors")
    with pytest.raises(cxr.CxrError, match="workers 0"):
        cxr.segment(films, weights, workers=0)
    with pytest.raises(cxr.CxrError, match="references are for the quality"):
        cxr.Segmenter(weights, quality=False, references="r.parquet")
    with pytest.raises(cxr.CxrError, match="a calibration is for the quality"):
        cxr.Segmenter(weights, quality=False, calibration="c.json")
    with pytest.raises(cxr.CxrError, match=r"flag_worst is 2; expected a share from 0 to 1"):
        cxr.Segmenter(weights, flag_worst=2)
    with pytest.raises(cxr.CxrError, match=r"c\.json: no such file; expected a quality calibration"):
        cxr.Segmenter(weights, references=None, calibration=tmp_path / "c.json")


@pytest.mark.parametrize(("name", "organs"), [("lungs-heart", 3), ("whole-lungs", 2)])
def test_pretrained_weights_are_opened_by_name(name, organs):
    segmenter = cxr.Segmenter.pretrained(name, quality=False)
    assert len(segmenter.graph.organs) == organs


def test_a_turned_image_is_refused(films, weights, monkeypatch):
    from cxrfactory.door import segmenter as module

    def turned(predictions, odds, confirm, stored):
        raise cxr.ImageError(f"{len(predictions)} orientations seen")

    monkeypatch.setattr(module, "check_upright", turned)
    monkeypatch.setattr(module, "odds_of", lambda enabled: lambda image: np.full(4, 0.25) if enabled else None)
    with pytest.raises(cxr.ImageError, match=r"film\.png: 4 orientations seen"):
        cxr.Segmenter(weights, quality=False)(films / "film.png")
    with pytest.raises(cxr.ImageError, match=r"film\.png: 1 orientations seen"):
        cxr.Segmenter(weights, quality=False, check_orientation=False)(films / "film.png")


def test_the_way_out_of_a_refusal_is_named_as_python_has_it(films, weights, monkeypatch):
    from cxrfactory.door import segmenter as module

    def turned(predictions, odds, confirm, stored):
        raise cxr.ImageError("turn it, or use --no-check-orientation")

    monkeypatch.setattr(module, "check_upright", turned)
    with pytest.raises(cxr.ImageError, match=r"turn it, or use check_orientation=False$"):
        cxr.Segmenter(weights, quality=False)(films / "film.png")


SIZE = 128


@pytest.fixture
def references(weights, tmp_path):
    """References of six toy chests, made with the weights."""
    labelled = tmp_path / "labelled.parquet"
    write_labelled(labelled, {f"r{number}": {"shift": (number, 0)} for number in range(6)})
    path = tmp_path / "reference.parquet"
    build_reference(labelled, path, *encoder_of(weights), RcaReferenceConfig(fraction=1.0))
    return path


def test_quality_with_references_is_the_rca_stages(weights, films, references, tmp_path):
    film, recipe = films / "film.png", Preparation(SIZE)
    segmenter = cxr.Segmenter(weights, samples=2, preparation=recipe, references=references, compare=3)
    quality = segmenter(film).quality
    image, geometry = prepare(read_radiograph(film), recipe)
    row = {"image_id": "film.png", "png": cv2.imencode(".png", image)[1].tobytes(), **geometry.as_row()}
    write_table(pd.DataFrame([row]), tmp_path / "images.parquet", IMAGES)
    infer_shard(tmp_path / "images.parquet", weights, tmp_path / "l.parquet", tmp_path / "lr.parquet", TWO)
    rca_shard(
        *(tmp_path / "images.parquet", tmp_path / "l.parquet", references, tmp_path / "s.parquet"),
        *(tmp_path / "sr.parquet", RcaScoreConfig(references=3)),
    )
    expected = read_table(tmp_path / "s.parquet").iloc[0]
    assert quality.dice_rca_mean == expected["dice_rca_mean"]
    assert quality.dice_rca_max == expected["dice_rca_max"]
    assert quality.typicality == expected["typicality"]
    assert quality.references == tuple(expected["references"])
    # Without references the typicality is the same, and nothing is made up for the rest.
    for none in (None, "none"):
        alone = cxr.Segmenter(weights, samples=2, preparation=recipe, references=none)(film).quality
        assert alone.typicality == quality.typicality
        assert (alone.dice_rca_mean, alone.dice_rca_max, alone.references) == (None, None, ())
    row = segmenter(film).to_row()
    assert (row["Dice RCA (Mean)"], row["Dice RCA (Max)"]) == (quality.dice_rca_mean, quality.dice_rca_max)


def test_quality_is_that_of_the_command(weights, films, tmp_path):
    out = tmp_path / "out.csv"
    judge = partial(QualityJudge, reference="pretrained", compare=2)
    segment_command([films / "film.png"], weights, out, THREE, Preparation(), judge=judge)
    found = cxr.Segmenter(weights, samples=3, device="cpu")(films / "film.png")
    assert found.to_csv_line() == lines(out)[0]
    assert quality_line("film.png", found.quality) == lines(out.with_suffix(".quality.csv"))[0]
    assert len(found.quality.references) == 2
    assert all(each.startswith("virtual-reference-") for each in found.quality.references)
    assert found.quality.flags
    assert set(found.notes) == {FLAGS[flag] for flag in found.quality.flags}  # a drawing is no radiograph


def test_weights_with_two_heads_give_the_commands_evidence(two_headed_weights, films, tmp_path):
    out = tmp_path / "out.csv"
    judge = partial(QualityJudge, reference=None, compare=2)
    segment_command([films / "film.png"], two_headed_weights, out, THREE, Preparation(), judge=judge)
    found = cxr.Segmenter(two_headed_weights, samples=3, device="cpu", references=None)(films / "film.png")
    evidence = found.quality.evidence
    assert list(evidence.organs) == ["right_lung", "left_lung", "heart", "lungs"]
    with out.with_suffix(".quality.csv").open() as stream:
        row = next(csv.DictReader(stream))
    assert {name: float(row[name]) for name in found.quality.evidence_columns()} == found.quality.evidence_columns()
    assert float(row["heart_soft_dice"]) == evidence.organs["heart"].soft_dice


def test_a_calibration_gives_the_estimates_and_reasons_of_the_command(two_headed_weights, calibration, films, tmp_path):
    film, out = films / "film.png", tmp_path / "out.csv"
    judge = partial(QualityJudge, reference=None, compare=2, calibration=calibration, flag_worst=0.02)
    segment_command([film], two_headed_weights, out, THREE, Preparation(), judge=judge)
    settings = {"samples": 3, "device": "cpu", "references": None}
    found = cxr.Segmenter(two_headed_weights, calibration=calibration, **settings)(film)
    assert quality_line("film.png", found.quality) == lines(out.with_suffix(".quality.csv"))[0]
    low, high = found.quality.estimates["lungs"][1:]
    assert 0 <= low < found.quality.estimates["lungs"][0] < high <= 1
    assert found.quality.flag_reasons == ("lungs:lungs_soft_dice",)
    assert FLAGS["low-estimate"] in found.notes
    # The package has no calibration for these weights; without one nothing is estimated, and nothing else changes.
    for none in (None, "none", "auto"):
        (without,) = cxr.segment(film, two_headed_weights, calibration=none, **settings)
        assert without.quality.estimates == {}
        assert without.quality.flag_reasons == ()
        assert without.quality.evidence == found.quality.evidence
        assert without.to_csv_line() == found.to_csv_line()
    never = cxr.Segmenter(two_headed_weights, calibration=calibration, flag_worst=0, **settings)(film)
    assert never.quality.estimates == found.quality.estimates


def test_a_calibration_of_other_weights_is_refused(weights, calibration):
    with pytest.raises(cxr.CxrError, match=r"quality\.json: quality calibration for weights .*make one for these"):
        cxr.Segmenter(weights, references=None, calibration=calibration)


def test_references_that_do_not_fit_are_one_line(weights, references):
    with pytest.raises(cxr.CxrError, match=r"6 references; compare=7 does not fit"):
        cxr.Segmenter(weights, references=references, compare=7)
    with pytest.raises(cxr.CxrError, match="make the references with the segmenter's weights"):
        cxr.Segmenter.pretrained("whole-lungs", references=references)


def test_real_radiographs_give_the_commands_rows(real_data, tmp_path):
    films = sorted((real_data / "jsrt").rglob("*.png"))[:2] + sorted((real_data / "dicom_cxr").glob("RG1*"))
    if not films:
        pytest.skip(f"{real_data} holds neither jsrt nor dicom_cxr")
    judge = partial(QualityJudge, reference="pretrained", compare=2)
    segment_command(films, "pretrained", tmp_path / "out.csv", SegmentConfig(device="cpu"), Preparation(), judge=judge)
    found = list(cxr.segment(films, device="cpu"))
    assert [each.to_csv_line() for each in found] == lines(tmp_path / "out.csv")
    assert all(each.quality.typicality > 0.9 and each.quality.dice_rca_mean > 0.8 for each in found)
    assert not any(each.quality.flags for each in found)
    assert all(0.3 < _ctr(each) < 0.7 for each in found)


def _ctr(found):
    return cxr.cardiothoracic_ratio(found.masks["right_lung"] | found.masks["left_lung"], found.masks["heart"])
