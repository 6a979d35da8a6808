import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.models.roots.example_table import read_example_table
from cxrfactory.models.roots.scale import enlarged, shrunk_shape
from cxrfactory.roots.segment.examples import PlateTruth, write_examples
from tests.roots.segment.plates import picture, write_plates

RSML = (
    "<rsml><metadata><unit>pixel</unit><resolution>1</resolution></metadata><scene><plant ID='1'><root ID='1'>"
    "<geometry><polyline><point x='{x}' y='21'/><point x='{x}' y='48'/></polyline></geometry>"
    "</root></plant></scene></rsml>"
)


def _traced(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"p{number}.png"), picture(number, 0)[0])
        (folder / f"p{number}.rsml").write_text(RSML.format(x=31.5 + 12 * number))
    return folder


def test_examples_of_plates_lie_over_their_pictures_and_plates_are_not_split(tmp_path) -> None:
    frames, masks = write_plates(tmp_path / "in", plates=4)
    counts = write_examples(tmp_path / "e.parquet", [PlateTruth(tmp_path / "in", frames, masks)], every=2)
    found = {split: read_example_table(tmp_path / "e.parquet", split) for split in ("train", "validate")}
    assert counts == {split: len(each) for split, each in found.items()}
    assert sum(counts.values()) == 8
    plates = {split: {each.name.split("/")[0] for each in rows} for split, rows in found.items()}
    assert not plates["train"] & plates["validate"]
    for each in [*found["train"], *found["validate"]]:
        plate, frame = int(each.name[6]), int(each.name.split("/")[1])
        assert frame in (0, 2)
        grey, _ = picture(plate, frame)
        np.testing.assert_array_equal(each.grey, grey)
        np.testing.assert_array_equal(each.mask, grey > 130)
        assert each.root_width is None


def test_moved_picture_gets_a_moved_mask(tmp_path) -> None:
    frames, masks = write_plates(tmp_path / "in", plates=2, frames=2)
    write_examples(tmp_path / "e.parquet", [PlateTruth(tmp_path / "in", frames, masks)], every=1)
    moved = [
        e for s in ("train", "validate") for e in read_example_table(tmp_path / "e.parquet", s) if e.name[-1] == "1"
    ]
    assert len(moved) == 2
    for each in moved:
        np.testing.assert_array_equal(each.mask, each.grey > 130)


def test_traced_pictures_are_drawn_with_their_width(tmp_path) -> None:
    write_examples(tmp_path / "e.parquet", labelled=_traced(tmp_path / "in", 3))
    rows = [each for split in ("train", "validate") for each in read_example_table(tmp_path / "e.parquet", split)]
    assert sorted(each.name for each in rows) == ["traced p0", "traced p1", "traced p2"]
    for each in rows:
        assert each.root_width == pytest.approx(4, abs=0.5)
        true = picture(int(each.name[-1]), 0)[1] > 0
        drawn = each.mask > 0
        assert 2 * (true & drawn).sum() / (true.sum() + drawn.sum()) > 0.9


@pytest.mark.parametrize("shrink", [2, 3])
def test_shrunk_pictures_keep_their_roots_in_place(tmp_path, shrink) -> None:
    frames, masks = write_plates(tmp_path / "in", plates=2)
    plates, traced = [PlateTruth(tmp_path / "in", frames, masks)], _traced(tmp_path / "l", 2)
    write_examples(tmp_path / "whole", plates, traced, shrink=1)
    write_examples(tmp_path / "small", plates, traced, shrink=shrink)
    for split in ("train", "validate"):
        pairs = zip(*(read_example_table(tmp_path / name, split) for name in ("whole", "small")), strict=True)
        for whole, small in pairs:
            assert (whole.shrink, small.shrink) == (1, shrink)
            assert small.grey.shape == small.mask.shape == shrunk_shape(whole.grey.shape, shrink)
            back = enlarged(small.mask.astype(np.float32), whole.mask.shape) >= 0.5
            assert 2 * (back & (whole.mask > 0)).sum() / (back.sum() + whole.mask.sum()) > 0.75
            places = [np.argwhere(mask).mean(axis=0) + 0.5 for mask in (whole.mask, small.mask)]
            np.testing.assert_allclose(places[1] * shrink, places[0], atol=shrink / 2)


def test_same_bytes_again(tmp_path) -> None:
    frames, masks = write_plates(tmp_path / "in", plates=2)
    for name in ("a", "b"):
        write_examples(tmp_path / name, [PlateTruth(tmp_path / "in", frames, masks)], _traced(tmp_path / f"l{name}", 2))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_only_plates_of_the_wanted_beginning(tmp_path) -> None:
    frames, masks = write_plates(tmp_path / "in", plates=2)
    truth = [PlateTruth(tmp_path / "in", frames, masks)]
    with pytest.raises(CxrError, match="no picture to train on"):
        write_examples(tmp_path / "e.parquet", truth, start="first-")
    with pytest.raises(CxrError, match="'train-1' is the only plate to train on"):
        write_examples(tmp_path / "e.parquet", truth, start="train-1")


def test_lines_in_another_unit_than_pixels_are_refused_or_warned_of(tmp_path, caplog) -> None:
    folder = _traced(tmp_path / "in", 3)
    write_examples(tmp_path / "e.parquet", labelled=folder)
    assert "show a root" not in caplog.text
    (folder / "p1.rsml").write_text(RSML.format(x=5))  # beside the root
    write_examples(tmp_path / "e.parquet", labelled=folder)
    assert "p1.rsml: " in caplog.text
    assert "along its lines show a root in p1.png" in caplog.text
    (folder / "p2.rsml").write_text(RSML.format(x=5000))
    with pytest.raises(CxrError, match=r"p2.rsml: 100 % of the roots lie outside of p2.png"):
        write_examples(tmp_path / "e.parquet", labelled=folder)


def test_faults_are_named(tmp_path) -> None:
    folder = _traced(tmp_path / "in", 2)
    shutil.copy(folder / "p0.rsml", folder / "lone.rsml")
    with pytest.raises(CxrError, match=r"lone\.rsml: no picture of the same name"):
        write_examples(tmp_path / "e.parquet", labelled=folder)
    (folder / "lone.rsml").unlink()
    (folder / "p1.png").write_bytes(b"no picture")
    with pytest.raises(CxrError, match=r"p1\.png: "):
        write_examples(tmp_path / "e.parquet", labelled=folder)
    assert not (tmp_path / "e.parquet").exists()
    with pytest.raises(CxrError, match="no such folder"):
        write_examples(tmp_path / "e.parquet", labelled=tmp_path / "absent")
