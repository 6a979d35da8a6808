import numpy as np
import pydicom
import pytest

from cxrfactory.measure.sources.dicom_seg import is_dicom, read_segmentation, segmentation_header
from cxrfactory.measure.sources.legend import Legend
from cxrfactory.tables.rle import rle_decode
from tests.export.dicom_films import dcmqi_masks
from tests.measure.sources.writers import MASKS, highdicom_seg, placed_film

pytest.importorskip("highdicom")


def saved(made, path):
    made.save_as(path, enforce_file_format=True)
    return path


def test_dcmqi_reads_the_same_masks(tmp_path):
    labels = {name: name for name in MASKS}
    path = saved(highdicom_seg(MASKS, labels=labels), tmp_path / "a.dcm")
    theirs, _ = dcmqi_masks(path, tmp_path / "q")
    ours = read_segmentation(path, Legend())
    assert len(theirs) == len(ours.rles) == 3
    for name, mask in theirs.items():
        found = rle_decode(ours.rles[name.replace("_", " ")], *ours.shape)
        np.testing.assert_array_equal(found, np.squeeze(mask))
        np.testing.assert_array_equal(found, MASKS[name])


def test_frames_of_odd_sizes_are_unpacked(tmp_path):
    """Frames of 7 x 9 bits do not end at a byte: pydicom's array of all frames is the reference."""
    random = np.random.default_rng(1)
    masks = {name: random.integers(0, 2, (7, 9)).astype(np.uint8) for name in MASKS}
    path = saved(highdicom_seg(masks), tmp_path / "a.dcm")
    found = read_segmentation(path, Legend())
    for name, frame in zip(masks, pydicom.dcmread(path).pixel_array, strict=True):
        np.testing.assert_array_equal(rle_decode(found.rles[name.replace("_", " ")], 7, 9), frame)
        np.testing.assert_array_equal(frame, masks[name])


def test_a_segment_without_a_frame_is_empty(tmp_path):
    masks = {**MASKS, "heart": np.zeros_like(MASKS["heart"])}
    found = read_segmentation(saved(highdicom_seg(masks), tmp_path / "a.dcm"), Legend())
    assert found.rles["heart"] == ""


def test_a_segmentation_without_pixel_measures_states_no_size(tmp_path):
    made = highdicom_seg(MASKS)
    assert read_segmentation(saved(made, tmp_path / "a.dcm"), Legend()).spacing_mm == (0.143, 0.143)
    del made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    assert read_segmentation(saved(made, tmp_path / "a.dcm"), Legend()).spacing_mm is None


def test_the_head_of_an_object_says_what_it_is(tmp_path):
    path = saved(highdicom_seg(MASKS), tmp_path / "1.2.3.4")
    header = segmentation_header(path)
    assert (header.is_segmentation, header.images) == (True, {"1.2.3.1.1"})
    assert is_dicom(path)
    film = saved(placed_film((4, 4)), tmp_path / "a.dcm")
    assert not segmentation_header(film).is_segmentation
    (tmp_path / "b.dcm").write_text("text")
    assert not is_dicom(tmp_path / "b.dcm")
