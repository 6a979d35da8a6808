import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.models.nnunet import CHECKPOINT, NnUNetSegmenter
from cxrfactory.evaluate.models.open_models import named_models, open_model

LABELS = {"background": 0, "right_lung": 1, "left_lung": 2, "heart": 3}


@pytest.fixture
def results(tmp_path):
    """A results folder as nnU-Net leaves it, without weights: the predictor below needs none."""
    folder = tmp_path / "nnUNetTrainer__nnUNetPlans__2d"
    for fold in ("fold_0", "fold_1"):
        (folder / fold).mkdir(parents=True)
    (folder / "fold_0" / CHECKPOINT).touch()
    write(folder)
    return folder


@pytest.fixture(autouse=True)
def light(monkeypatch):
    """Torchvision is not needed here, and slow to import."""
    monkeypatch.setattr("cxrfactory.evaluate.models.nnunet.import_torchvision", lambda: False)


def write(folder, **facts):
    whole = {"labels": LABELS, "input_size": 32, "definition": "jsrt"} | facts
    (folder / "dataset.json").write_text(json.dumps({key: value for key, value in whole.items() if value is not None}))


@pytest.fixture
def predictor(monkeypatch):
    """In the place of nnunetv2: chances are four stripes of rows, one a class; it notes what it is given."""
    seen = SimpleNamespace(chances=None, image=None, opened=None)

    class Predictor:
        def __init__(self, **options):
            self.network = torch.nn.Linear(2, 3)

        def initialize_from_trained_model_folder(self, *arguments):
            seen.opened = arguments

        def predict_single_npy_array(self, image, properties, *rest, save_or_return_probabilities):
            assert save_or_return_probabilities
            seen.image, seen.properties = image, properties
            if seen.chances is None:
                seen.chances = np.zeros((4, 1, 32, 32), np.float32)
                for place in range(4):
                    seen.chances[place, 0, place * 8 : place * 8 + 8] = 1
            return None, seen.chances

    for name in ("nnunetv2", "nnunetv2.inference"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    module = ModuleType("nnunetv2.inference.predict_from_raw_data")
    module.nnUNetPredictor = Predictor
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return seen


def test_the_likeliest_class_takes_the_pixel(results, predictor):
    segmenter = NnUNetSegmenter(results)
    image = np.full((64, 64), 51, np.uint8)
    found = segmenter(image, 128)
    assert predictor.opened == (str(results), (0,), CHECKPOINT)
    assert predictor.image.shape == (1, 1, 32, 32)
    assert predictor.image == pytest.approx(51, abs=1e-4)  # grey levels, as nnU-Net reads them from PNG
    assert predictor.properties == {"spacing": [999, 1, 1]}
    assert found.landmarks is None
    for place, organ in enumerate(("right_lung", "left_lung", "heart"), start=1):
        rows = np.flatnonzero(found.masks[organ].all(axis=1))
        assert (rows[0], rows[-1]) == (32 * place, 32 * place + 31)
        assert found.masks[organ].sum() == len(rows) * 128
    assert (segmenter.definition, segmenter.parameters, segmenter.device.type) == ("jsrt", 9, "cpu")


def test_regions_may_overlap(results, predictor):
    regions = {"background": 0, "right_lung": [1, 3], "heart": [2, 3]}
    write(results, labels=regions, regions_class_order=[1, 2])
    predictor.chances = np.zeros((2, 1, 32, 32), np.float32)
    predictor.chances[0, 0, :20] = 0.9
    predictor.chances[1, 0, 10:] = 0.6
    masks = NnUNetSegmenter(results)(np.zeros((32, 32), np.uint8), 32).masks
    assert masks["right_lung"].sum() == 20 * 32
    assert masks["heart"].sum() == 22 * 32
    assert (masks["right_lung"] & masks["heart"]).sum() == 10 * 32


def test_a_folder_is_opened_like_any_weights(results, predictor):
    assert list(named_models([results])) == ["nnUNetTrainer__nnUNetPlans__2d"]
    assert isinstance(open_model(results), NnUNetSegmenter)


def test_numbers_that_are_not_finite_reject_the_image(results, predictor):
    predictor.chances = np.full((4, 1, 32, 32), np.nan, np.float32)
    with pytest.raises(ImageError, match="not finite"):
        NnUNetSegmenter(results)(np.zeros((32, 32), np.uint8), 32)


def test_errors_are_one_line(results, tmp_path, monkeypatch):
    with pytest.raises(CxrError, match=r"dataset.json: no such file; expected nnU-Net's results folder"):
        NnUNetSegmenter(tmp_path)
    monkeypatch.setitem(sys.modules, "nnunetv2.inference.predict_from_raw_data", None)
    with pytest.raises(CxrError, match=r"needs the package nnunetv2 .*; install cxrfactory\[nnunet\]"):
        NnUNetSegmenter(results)
    write(results, input_size=None)
    with pytest.raises(
        CxrError, match=r"keys \['input_size'\] are missing; expected a dataset written by nnunet-export"
    ):
        NnUNetSegmenter(results)
    write(results)
    (results / "fold_0" / CHECKPOINT).unlink()
    with pytest.raises(CxrError, match=r"no fold_.*checkpoint_final.pth; expected a training that came to its end"):
        NnUNetSegmenter(results)
