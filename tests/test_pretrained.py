"""The weights that come with the package."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.metrics.flags import side_flags
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.orientation import OrientationCheck, SideCheck
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.rca.cases import CheckedImage
from cxrfactory.rca.deep import DeepAligner
from cxrfactory.rca.labels import label_codes
from cxrfactory.rca.packaged import packaged_file, packaged_references
from cxrfactory.rca.reference import encoder_of, library_digest
from cxrfactory.rca.score import Reference, resized, score_aligned
from cxrfactory.tables.keys import put_aside
from cxrfactory.tables.parquet import stored_graph
from cxrfactory.tables.weights import PRETRAINED_NAMES, card_path, read_weights, sha256_of, weights_file
from tests.rca.chests import chest, codes_of, reference


@pytest.mark.parametrize("name", PRETRAINED_NAMES)
def test_they_are_small_and_say_what_they_are(name):
    path = weights_file(name)
    assert path.stat().st_size < 20e6
    card = json.loads(card_path(path).read_text())
    assert {"intended_use", "training_data", "training_data_licence", "measured", "failure_cases"} <= set(card)
    assert card["settings"].get("normalise", "equalise") == "equalise"  # the others always do


@pytest.mark.parametrize(("definition", "weights"), [("jsrt", "pretrained"), ("whole-lungs", "pretrained-whole-lungs")])
def test_references_are_small_and_fit_their_weights_and_card(definition, weights):
    path = packaged_file(definition)
    assert path.stat().st_size < 300e3
    card = json.loads(path.with_suffix(".json").read_text())
    assert {"intended_use", "training_data", "training_data_licence", "failure_cases", "recipe"} <= set(card)
    assert card["sha256"] == sha256_of(path)
    assert card["content_sha256"] == library_digest(path)
    encode, graph = encoder_of(weights)
    assert stored_graph(path) == graph.name
    assert card["weights_sha256"] == read_weights(weights)[1]["sha256"]
    known = packaged_references(graph, card["weights_sha256"], encode)
    assert (len(known.references), known.size) == (card["references"], card["side"])
    # The stored codes are those of larger pictures; the small ones give nearly the same.
    again = encode(known.references[0].image)
    assert np.corrcoef(again, known.latents[0])[0, 1] > 0.95


def test_references_for_weights_of_ones_own_have_their_latent_codes_and_organs():
    card, (encode, _) = read_weights("pretrained")[1], encoder_of("pretrained")
    other = packaged_references(landmark_graph("lungs"), "0" * 64, lambda image: encode(image)[:5])
    known = packaged_references(landmark_graph("lungs-heart"), card["sha256"], encode)
    assert other.latents.shape == (24, 5)
    assert known.latents.shape == (24, 64)
    assert (other.has_heart, known.has_heart) == (False, True)
    for lungs, whole in zip(other.references, known.references, strict=True):
        np.testing.assert_array_equal(lungs.codes, whole.codes & 3)
        assert (whole.codes & 4).any()


def test_each_says_what_its_lungs_include():
    assert Segmenter(*read_weights("pretrained")).definition == "jsrt"
    assert Segmenter(*read_weights("pretrained-whole-lungs")).definition == "whole-lungs"


@pytest.mark.parametrize("name", ["pretrained", "pretrained-whole-lungs"])
def test_a_negative_gives_the_same_landmarks(name):
    segmenter = Segmenter(*read_weights(name))
    y, x = np.mgrid[:512, :512] / 512
    lungs = np.exp(-((((x - 0.3) / 0.1) ** 2 + ((y - 0.45) / 0.22) ** 2) ** 2))
    lungs += np.exp(-((((x - 0.7) / 0.1) ** 2 + ((y - 0.45) / 0.22) ** 2) ** 2))
    film = (200 - 150 * lungs + 20 * y).clip(1, 254).astype(np.uint8)
    one, other = segmenter(film, 1024).landmarks, segmenter(255 - film, 1024).landmarks
    assert np.abs(one - other).max() < 1
    assert one[:44, 0].mean() < 512 < one[44:94, 0].mean()


def test_registration_tells_a_good_mask_from_a_shifted_one_on_drawn_chests():
    references = [reference("a", size=256, shift=(12, 0)), reference("b", size=256, scale=0.93)]
    image, points = chest(size=256)
    aligned = DeepAligner("pretrained-registration").align(image, references)
    good, shifted = (score_aligned(codes_of(each, 256), True, aligned, references) for each in (points, points + 30))
    assert min(good.scores) > 2 * max(shifted.scores)
    assert good.typicality < 0.5  # a drawing is no radiograph


@pytest.fixture
def root():
    folder = os.environ.get("CXRFACTORY_REAL_DATA")
    if not folder:
        pytest.skip("CXRFACTORY_REAL_DATA names no folder of real radiographs")
    return Path(folder)


def test_whole_lungs_of_held_out_patients(root):
    table = pd.read_csv(root / "v7_lungs/table.csv", dtype=str).sort_values("image_id")
    kept = [row for row in table.itertuples() if put_aside(f"V7-{row.patient_id}", "split", 0.12)]
    segmenter, scores = Segmenter(*read_weights("pretrained-whole-lungs")), []
    for row in kept[::2]:
        files = [next((root / "v7_lungs" / part).glob(f"{row.image_id}.*")) for part in ("images", "masks")]
        image, geometry = prepare(read_radiograph(files[0]), Preparation())
        truth = (
            geometry.forward_image((cv2.imread(str(files[1]), cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8) * 255) > 127
        )
        found = segmenter(image, 1024).masks
        scores.append(dice(found["right_lung"] | found["left_lung"], truth.astype(np.uint8)))
    assert len(scores) == 20
    assert np.mean(scores) > 0.93


def test_real_radiographs(root):
    segmenter = Segmenter(*read_weights("pretrained"))
    graph = landmark_graph("lungs-heart")
    scores = []
    for image_id in (root / "jsrt/val.txt").read_text().split():
        image, geometry = prepare(read_radiograph(root / f"jsrt/images/{image_id}.png"), Preparation())
        parts = [np.load(root / f"landmarks/{part}/{image_id}.npy") for part in ("RL", "LL", "H")]
        truth = landmarks_to_masks(geometry.forward_points(np.concatenate(parts).astype(float)), graph, 1024, 1024)
        found = segmenter(image, 1024).masks
        lungs = [masks["right_lung"] | masks["left_lung"] for masks in (found, truth)]
        scores.append((dice(*lungs), dice(found["heart"], truth["heart"])))
    lungs, heart = np.mean(scores, axis=0)
    assert lungs > 0.975
    assert heart > 0.945


def test_the_orientation_of_held_out_radiographs_is_found(root):
    check = OrientationCheck()
    films = [root / f"jsrt/images/{each}.png" for each in (root / "jsrt/val.txt").read_text().split()[::3]]
    films += sorted((root / "fourth_hospital/images").iterdir())[::20]
    for film in films:
        image, _ = prepare(read_radiograph(film), Preparation())
        for turn in range(4):
            odds = check(np.ascontiguousarray(np.rot90(image, turn)))
            assert int(np.argmax(odds)) == (4 - turn) % 4


def test_mirrored_radiographs_of_a_hospital_without_training_are_found(root):
    check, found = SideCheck(), 0
    films = sorted((root / "fourth_hospital/images").iterdir())[::5]
    for film in films:
        image, _ = prepare(read_radiograph(film), Preparation())
        assert side_flags(check(image)) == []
        found += bool(side_flags(check(np.ascontiguousarray(image[:, ::-1]))))
    assert found >= 0.9 * len(films)


def case_of(root, image_id, side=256):
    """A JSRT image with the experts' landmarks, at the size of RCA."""
    image, geometry = prepare(read_radiograph(root / f"jsrt/images/{image_id}.png"), Preparation())
    parts = [np.load(root / f"landmarks/{part}/{image_id}.npy") for part in ("RL", "LL", "H")]
    points = (geometry.forward_points(np.concatenate(parts).astype(float)) + 0.5) * (side / 1024) - 0.5
    codes = label_codes(points, landmark_graph("lungs-heart"), side, side)
    return CheckedImage(image_id, resized(image, side), np.zeros(1), points, codes)


def test_registration_scores_masks_of_real_radiographs_and_flags_what_is_none(root):
    # No reference is chosen by likeness here, so the scores are a little lower than in use.
    known = [case_of(root, each) for each in (root / "jsrt/train.txt").read_text().split()[::35]]
    references = [Reference(each.image_id, each.image, each.truth) for each in known]
    aligner = DeepAligner("pretrained-registration")

    def score(image, codes):
        return score_aligned(codes, True, aligner.align(image, references), references).as_row()

    for image_id in (root / "jsrt/val.txt").read_text().split()[::5]:
        case = case_of(root, image_id)
        aligned = aligner.align(case.image, references)
        scores = {
            (kind, severity): score_aligned(codes, True, aligned, references).as_row()["dice_rca_mean"]
            for kind, severity, codes in case.candidates(known[0].landmarks)
        }
        truth = scores.pop(("none", 0.0))
        assert truth > 0.9
        assert max(scores["shift", 1.0], scores["sides", 1.0], scores["holes", 1.0]) < truth - 0.2
        # Landmarks between two patients' are a third one's, who may be as good a chest (2 of 21 images).
        assert truth > max(each for (kind, severity), each in scores.items() if kind != "swap" or severity == 1)
        # Even with masks that would fit: a network that draws a mean shape gives such for any picture.
        turned = [np.ascontiguousarray(np.rot90(case.image, quarter)) for quarter in (1, 3)]
        for other in (255 - case.image, *turned):
            found = score(other, case.truth)
            assert found["typicality"] < 0.9
            assert found["dice_rca_mean"] < 0.7
        assert score(case.image, case.truth)["typicality"] > 0.95
