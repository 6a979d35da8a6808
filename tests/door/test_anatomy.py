"""The Python door of a network of structures gives what the command writes."""

import cv2
import numpy as np
import pytest

import cxrfactory as cxr
from cxrfactory.config.infer import AnatomyConfig, SegmentConfig
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.infer.anatomy.run import segment_anatomy
from tests.models.stub_structures import film, use_bands, write_bands

NAMES = ["right lung", "left lung", "left rib 1", "left rib 2", "pacemaker"]
BOXES = {1: (24, 16, 96, 48), 2: (24, 72, 96, 112), 3: (66, 50, 80, 70), 5: (40, 52, 50, 60)}
ENTRY = {
    "views": ["PA", "LL"],
    "thresholds": {},
    "validated": {"PA": {"right lung": "truth", "left rib 1": "plausible"}},
    "confidence": {"scores": [0.0, 0.5, 1.0], "dices": [0.0, 0.9, 0.95], "films": "three"},
}
RECIPE = Preparation(size=128, remove_borders=False)


@pytest.fixture
def weights(monkeypatch, tmp_path):
    use_bands(monkeypatch)
    for module in ("imaging.radiograph.prepare", "infer.anatomy.film"):  # the stub needs the grey values of the files
        monkeypatch.setattr(f"cxrfactory.{module}.to_uint8", lambda pixels, padding=None: pixels)
    return write_bands(tmp_path / "w.safetensors", NAMES, 128, ENTRY)


@pytest.fixture
def picture(tmp_path):
    """A film of twice the width of its height."""
    path = tmp_path / "in" / "b.png"
    path.parent.mkdir()
    cv2.imwrite(str(path), film(BOXES, 128)[24:88])
    return path


def opened(weights, **settings):
    return cxr.AnatomySegmenter(weights, check_orientation=False, preparation=RECIPE, **settings)


@pytest.mark.parametrize("unvalidated", [True, False])
def test_masks_and_confidences_are_those_of_the_command(weights, picture, tmp_path, unvalidated):
    settings = SegmentConfig(device="cpu", check_orientation=False)
    segment_anatomy([picture], weights, tmp_path / "out", settings, AnatomyConfig(all=unvalidated), RECIPE)
    (written,) = cxr.open_product(tmp_path / "out")
    found = opened(weights, unvalidated=unvalidated).segment(picture)
    assert (found.image_id, found.view, found.view_from) == ("b.png", "PA", "found")
    assert (found.height, found.width) == (64, 128)
    assert list(found.masks) == list(written.masks)
    assert len(found.masks) == (6 if unvalidated else 2)
    for name, mask in written.masks.items():
        np.testing.assert_array_equal(found.masks[name], mask, err_msg=name)
    rib = found.structures["left rib 1"]
    assert (rib.validated, rib.origin, rib.trusted) == ("plausible", "label", rib.confidence >= 0.7)
    assert rib.mask.sum() > 0


def test_an_array_gives_the_masks_of_its_file_and_words_choose(weights, picture):
    segmenter = opened(weights, structures=["lungs"], unvalidated=True)
    pixels = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
    from_file, from_array = segmenter(picture), segmenter(pixels)
    assert from_array.image_id == "array"
    assert list(from_file.masks) == ["right lung", "left lung", "lung"]
    for name, mask in from_file.masks.items():
        np.testing.assert_array_equal(from_array.masks[name], mask)


def test_faults_are_one_line_that_names_the_file(weights, tmp_path):
    (tmp_path / "no.png").write_bytes(b"")
    with pytest.raises(cxr.ImageError, match=r"no\.png: ") as caught:
        opened(weights).segment(tmp_path / "no.png")
    assert "\n" not in str(caught.value)
    with pytest.raises(cxr.ImageError, match=r"array: array of shape \(2, 2, 3\); expected a grey image"):
        opened(weights).segment(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(cxr.CxrError, match="'wings' is none of this network's"):
        opened(weights, structures="wings")
    with pytest.raises(cxr.CxrError, match=r"^view: "):
        opened(weights, view="side")
