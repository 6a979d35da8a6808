"""Results of a segmenter: one object for a segmented image, and one for an image that was refused."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, Shaped, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.door.quality import Quality
from cxrfactory.imaging.drawing.overlay import draw_overlay
from cxrfactory.imaging.radiograph.intensity import to_uint8
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.screening import AS_STORED
from cxrfactory.tables.rle import rle_encode

_RLE_COLUMNS = {"left_lung": "Left Lung", "right_lung": "Right Lung", "heart": "Heart"}  # in the published order


@dataclass(frozen=True)
class SegmentedRadiograph:
    """Landmarks, masks, uncertainty and quality of one radiograph, in the frame of the original image.

    Points are (x, y) in pixels, with integers at pixel centres; arrays are indexed [row, column]. Right and left are
    the patient's, so the right lung is on the left of a frontal image.

    Attributes
    ----------
    image_id
        Name of the image: the file's name, its path relative to the given folder, or the name given to an array.
    landmarks
        Closed contour of each organ (``right_lung``, ``left_lung`` and, depending on the weights, ``heart``): float32
        [n, 2], with 44, 50 and 26 points (x, y), pixels of the original image.
    uncertainty
        Standard deviation of every coordinate over the latent samples, by organ: float32 [n, 2], (x, y), pixels of the
        original image. It measures the network's spread and not its error.
    height, width
        Shape of the original image, pixels.
    spacing_mm
        Pixel spacing (between rows, between columns) in mm; None if the file does not state it, and for arrays.
    view
        View position of a DICOM file in upper case, such as ``PA``; None if there is none.
    notes
        Irregularities of the file, and the sentences of the flags of the quality, one line each.
    quality
        Scores of :class:`Quality`, which include the estimated Dice of the organs, their intervals and the reasons of a
        flag if the segmenter has a quality calibration; None for a segmenter with ``quality=False``.
    graph
        The landmark graph; ``graph.definition_text`` describes what the organs include.

    Examples
    --------
    >>> found = segmenter.segment(film)
    >>> found.landmarks["heart"].shape
    (26, 2)
    >>> found.masks["heart"].shape == (found.height, found.width)
    True
    >>> found.overlay().dtype
    dtype('uint8')
    """

    ok: ClassVar[bool] = True

    image_id: str
    landmarks: dict[str, Float32[np.ndarray, "nodes 2"]] = field(repr=False)
    uncertainty: dict[str, Float32[np.ndarray, "nodes 2"]] = field(repr=False)
    height: int
    width: int
    spacing_mm: tuple[float, float] | None
    view: str | None
    notes: tuple[str, ...]
    quality: Quality | None
    graph: LandmarkGraph = field(repr=False)
    _line: str = field(repr=False)  # line of the table that the segment command writes
    _source: "Path | Shaped[np.ndarray, 'height width']" = field(repr=False)
    _max_megapixels: float = field(repr=False)

    @property
    def points(self) -> Float32[np.ndarray, "nodes 2"]:
        """All landmarks in one array, organs in the order of ``landmarks``: float32 [120, 2] (94 without a heart)."""
        return np.concatenate(list(self.landmarks.values()))

    @cached_property
    def masks(self) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Mask of each organ: uint8 [row, column], 1 inside and 0 outside, at the original resolution.

        As in the CheXmask format, a mask is the filled contour of the landmarks rounded to whole pixels.
        """
        return landmarks_to_masks(np.rint(self.points), self.graph, self.height, self.width)

    def image(self) -> UInt8[np.ndarray, "height width"]:
        """Return the radiograph in 8 bits, darkest pixel 0 and brightest 255; a file is read again.

        Raises
        ------
        ImageError
            If the file no longer exists or cannot be read.
        """
        pixels = self._source
        if isinstance(pixels, Path):
            pixels = read_radiograph(pixels, self._max_megapixels, checks=AS_STORED).pixels
        return to_uint8(pixels)

    def overlay(self) -> UInt8[np.ndarray, "height width 3"]:
        """Return the radiograph with the contours drawn over it: uint8 [row, column, 3], RGB, original resolution.

        Raises
        ------
        ImageError
            If the file no longer exists or cannot be read.
        """
        return draw_overlay(self.image(), self.landmarks)

    def to_row(self) -> dict[str, object]:
        """Return the row of a CheXmask table by published column names, as :func:`cxrfactory.read_chexmask` gives it.

        Landmarks are whole pixels, [n, 2]; masks are RLE text; the RCA columns are None without reference images.
        :func:`cxrfactory.write_chexmask` accepts a frame of such rows.
        """
        scores = (None, None) if self.quality is None else (self.quality.dice_rca_mean, self.quality.dice_rca_max)
        published = np.concatenate([self.landmarks[organ] for organ in self.landmarks if organ in _RLE_COLUMNS])
        return {
            "image_id": self.image_id,
            "Dice RCA (Mean)": scores[0],
            "Dice RCA (Max)": scores[1],
            "Landmarks": np.rint(published),
            **{
                column: rle_encode(self.masks[organ]) if organ in self.masks else ""
                for organ, column in _RLE_COLUMNS.items()
            },
            "Height": self.height,
            "Width": self.width,
        }

    def to_csv_line(self) -> str:
        """Return the line of this image in a CheXmask CSV, as ``python -m cxrfactory segment`` writes it."""
        return self._line


@dataclass(frozen=True)
class RefusedRadiograph:
    """A file that could not be segmented; it takes the place of a result, so that no file is skipped silently.

    Attributes
    ----------
    image_id
        Name of the image, as in :class:`SegmentedRadiograph`.
    reason
        Reason in one line, as the ``segment`` command writes it into its table of rejections.

    Examples
    --------
    >>> refused = [each for each in cxr.segment(folder) if not each.ok]
    >>> refused[0].image_id, refused[0].reason
    ('broken.png', 'empty file')
    """

    ok: ClassVar[bool] = False

    image_id: str
    reason: str
