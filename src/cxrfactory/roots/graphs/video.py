"""Videos of plates: MP4 files that common players open; the same pictures give the same bytes.

The codec is MPEG-4 Part 2 (``mp4v``), which OpenCV's own build writes everywhere, with the same bytes for any number of
cores. H.264 is not part of that build, and its VP9 takes 30 times as long. Desktop players such as VLC open the files;
most web browsers do not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import atomic_path

_SLOWEST, _FASTEST = 5, 25  # pictures per second
_SECONDS = 60  # that a video lasts if the rate allows


def rate_for(pictures: int) -> int:
    """Return the pictures per second with which a video lasts about a minute, from 5 to 25."""
    return min(max(-(-pictures // _SECONDS), _SLOWEST), _FASTEST)


class Video:
    """An open video; all pictures have one size."""

    def __init__(self, path: Path, rate: int) -> None:
        self.path, self.rate = path, rate
        self._writer: cv2.VideoWriter | None = None
        self._shape: tuple[int, ...] | None = None

    def add(self, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Add an RGB picture; an odd height or width gets one more row or column of black.

        Raises
        ------
        CxrError
            If the picture has another size than the first one, or OpenCV cannot write this kind of video.
        """
        if self._writer is None:
            self._shape = picture.shape
            size = tuple(side + side % 2 for side in picture.shape[1::-1])
            self._writer = cv2.VideoWriter(str(self.path), cv2.VideoWriter_fourcc(*"mp4v"), self.rate, size)
        if picture.shape != self._shape:
            raise CxrError(f"picture of shape {picture.shape}; expected {self._shape} as the first of the video")
        if not self._writer.isOpened():
            raise CxrError("OpenCV cannot write MP4 videos (mp4v) here; set overlays: false, or install another build")
        below, right = (side % 2 for side in picture.shape[:2])
        even = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT) if below or right else picture
        self._writer.write(cv2.cvtColor(even, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()


@contextmanager
def video(path: str | Path, rate: int) -> Iterator[Video]:
    """Open a video for atomic writing.

    Parameters
    ----------
    path
        File to write, ``.mp4``.
    rate
        Pictures per second.
    """
    with atomic_path(path, durable=False) as temporary:
        made = Video(temporary, rate)
        try:
            yield made
        finally:
            made.close()
