import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.roots.graphs.video import rate_for, video

SCRIPT = """
import numpy as np, sys
from cxrfactory.roots.graphs.video import video
with video(sys.argv[1], 10) as made:
    for number in range(12):
        picture = np.random.default_rng(number).integers(0, 255, (16, 16, 3), np.uint8)
        made.add(np.kron(picture, np.ones((20, 20, 1), np.uint8)))
"""


def pictures(count: int, height: int, width: int) -> list[np.ndarray]:
    made = []
    for number in range(count):
        picture = np.full((height, width, 3), (200, 30, 60), np.uint8)
        picture[:, : 10 + 5 * number] = 0
        made.append(picture)
    return made


def read(path) -> tuple[float, list[np.ndarray]]:
    opened = cv2.VideoCapture(str(path))
    found = []
    while True:
        good, frame = opened.read()
        if not good:
            return opened.get(cv2.CAP_PROP_FPS), found
        found.append(frame[:, :, ::-1])


def test_a_video_holds_all_pictures_in_their_order(tmp_path):
    with video(tmp_path / "a.mp4", 7) as made:
        for picture in pictures(5, 61, 83):
            made.add(picture)
    rate, found = read(tmp_path / "a.mp4")
    assert rate == 7
    assert len(found) == 5
    for wanted, got in zip(pictures(5, 61, 83), found, strict=True):
        assert got.shape == (62, 84, 3)
        assert np.abs(got[:60, :80].astype(int) - wanted[:60, :80]).mean() < 12
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_the_same_pictures_give_the_same_bytes_on_any_number_of_cores(tmp_path):
    cores = sorted(os.sched_getaffinity(0))
    for name, number in (("a", 1), ("b", len(cores))):
        subprocess.run(
            [sys.executable, "-c", SCRIPT, tmp_path / f"{name}.mp4"],
            check=True,
            preexec_fn=lambda number=number: os.sched_setaffinity(0, cores[:number]),
        )
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_picture_of_another_size_is_refused_and_leaves_no_file(tmp_path):
    def write():
        with video(tmp_path / "a.mp4", 7) as made:
            made.add(np.zeros((20, 20, 3), np.uint8))
            made.add(np.zeros((20, 22, 3), np.uint8))

    with pytest.raises(CxrError, match="expected"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_long_videos_run_faster():
    assert [rate_for(count) for count in (2, 300, 600, 2000)] == [5, 5, 10, 25]
