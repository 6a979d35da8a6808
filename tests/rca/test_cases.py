import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.rca.cases import SEVERITIES, CheckedImage, cases_of_labelled, cases_of_truth, masks_of
from cxrfactory.rca.check import true_dice
from cxrfactory.rca.spoil import KINDS, MASK_KINDS
from tests.rca.chests import SIZE, chest, codes_of, encode, landmarks_of, write_labelled, write_shard
from tests.rca.networks import write_segmenter

GRAPH = landmark_graph("lungs-heart")
QUERIES = {"q1": {}, "q2": {"shift": (-6, 4), "scale": 1.06}, "q3": {"shift": (4, 4)}}


def test_a_case_gives_every_kind_and_severity_and_the_answers_of_models():
    image, points = chest()
    other = landmarks_of(shift=(9, -6), scale=0.8)
    case = CheckedImage("a", image, encode(image), points, codes_of(points), None, {"unet": codes_of(points + 3)})
    found = list(case.candidates(other))
    assert found[0][:2] == ("none", 0.0)
    wanted = [(kind, severity) for kind in (*KINDS, *MASK_KINDS) for severity in SEVERITIES]
    assert [each[:2] for each in found] == [("none", 0.0), *wanted, ("model unet", 0.0)]
    masks = {each[:2]: each[2] for each in found}
    np.testing.assert_array_equal(masks["none", 0], case.truth)
    np.testing.assert_array_equal(masks["swap", 1], codes_of(other))
    np.testing.assert_array_equal(masks["model unet", 0], codes_of(points + 3))
    np.testing.assert_array_equal(masks["sides", 1] & 1, (case.truth & 2) >> 1)
    assert len({codes.tobytes() for codes in masks.values()}) == len(masks)


def test_truth_of_another_frame_comes_to_the_registration_frame(tmp_path):
    write_shard(tmp_path, QUERIES, size=2 * SIZE)
    rows = []
    for image_id, how in QUERIES.items():
        masks = landmarks_to_masks(chest(**how, size=2 * SIZE)[1], GRAPH, 2 * SIZE, 2 * SIZE)
        rows.append({"image_id": image_id, **{organ: encode_png(mask) for organ, mask in masks.items()}})
    pd.DataFrame(rows).to_parquet(tmp_path / "truth.parquet")
    shards = [tmp_path / "images.parquet"], [tmp_path / "landmarks.parquet"], tmp_path / "truth.parquet"
    cases = cases_of_truth(*shards, count=2, size=SIZE)
    assert len(cases) == 2
    assert cases[0].spread == {"lungs": 0, "heart": 0, "both": 0}  # as the shard says
    for case in cases_of_truth(*shards, count=9, size=SIZE):
        how = {
            name: np.array(value) / 2 if name == "shift" else value for name, value in QUERIES[case.image_id].items()
        }
        np.testing.assert_allclose(case.landmarks, landmarks_of(**how), rtol=0, atol=1e-4)
        found = true_dice(codes_of(case.landmarks), case.truth, with_heart=True)
        assert min(found.values()) > 0.95
        exchanged = (case.truth & 4) | ((case.truth & 1) << 1) | ((case.truth & 2) >> 1)
        assert true_dice(exchanged, case.truth, with_heart=True)["lungs_true"] == 0


def test_tables_that_share_no_image_or_name_one_twice_are_refused(tmp_path):
    write_shard(tmp_path, {"q1": {}})
    mask = encode_png(np.ones((4, 4), np.uint8))
    truth = pd.DataFrame({"image_id": ["x"], "right_lung": [mask], "left_lung": [mask], "heart": [mask]})
    truth.to_parquet(tmp_path / "truth.parquet")
    shards = [tmp_path / "images.parquet"], [tmp_path / "landmarks.parquet"]
    with pytest.raises(CxrError, match="no image_id is in"):
        cases_of_truth(*shards, tmp_path / "truth.parquet", count=2, size=SIZE)
    with pytest.raises(CxrError, match="occurs twice"):
        cases_of_truth(shards[0], shards[1] * 2, tmp_path / "truth.parquet", count=2, size=SIZE)


def test_labelled_images_are_their_own_truth_and_models_answer_at_that_size(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", QUERIES | {"w": {}}, labels=["LH", "LH", "LH", "L"])
    asked = []

    def model(image, size):
        asked.append((image.shape, size))
        return np.full((size, size), 3, np.uint8)

    cases = cases_of_labelled(tmp_path / "labelled.parquet", encode, ["q3", "w"], SIZE, {"all": model})
    assert [case.image_id for case in cases] == ["q3", "w"]
    assert asked == [((2 * SIZE, 2 * SIZE), SIZE)] * 2
    np.testing.assert_array_equal(cases[0].truth, codes_of(landmarks_of(shift=(2, 2))))
    assert cases[0].image.shape == (SIZE, SIZE)
    assert (cases[0].answers["all"] == 3).all()
    assert cases[0].spread is None
    assert cases[1].graph.name == "lungs"
    assert not (cases[1].truth & 4).any()


def test_any_segmenter_gives_masks(tmp_path):
    answer = masks_of(write_segmenter(tmp_path / "s.safetensors"))
    codes = answer(chest(size=128)[0], 80)
    assert codes.shape == (80, 80)
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(codes, answer(chest(size=128)[0], 80))
