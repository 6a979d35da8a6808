"""One image to measure, as every kind of product and file gives it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError
from cxrfactory.geometry.runs import Runs
from cxrfactory.imaging.turns import USUAL, displayed

FRONTAL_VIEWS = ("frontal", "PA", "AP")
LATERAL_VIEWS = ("LL",)


@dataclass(frozen=True)
class Item:
    """One image with its masks.

    Attributes
    ----------
    dataset, image_id
        Dataset and image id of the row.
    view
        ``PA``, ``AP``, ``frontal`` (a frontal film of unknown direction) or ``LL``.
    height, width
        Shape of the masks, pixels.
    rles
        RLE of each mask by name, in the notation of :mod:`cxrfactory.tables.rle`; empty for an empty mask.
    landmarks, spread
        Contour of each organ and its standard deviation, float [n, 2], (x, y) pixels of the masks' frame.
    orientation
        Directions of the rows and columns of the masks (:mod:`cxrfactory.imaging.turns`): those of a film that its file
        holds turned or mirrored are measured upright.
    spacing_mm
        Distance of two rows and of two columns in mm; None where nothing states it.
    film
        File whose DICOM header may state the pixel size.
    group
        Id that the other view of the same study shares; empty for an image alone.
    fault
        Reason why the image cannot be measured; empty for none.
    """

    dataset: str
    image_id: str
    view: str
    height: int
    width: int
    rles: Mapping[str, str] = field(repr=False)
    landmarks: Mapping[str, Float[np.ndarray, "n 2"]] | None = field(default=None, repr=False)
    spread: Mapping[str, Float[np.ndarray, "n 2"]] | None = field(default=None, repr=False)
    orientation: str = USUAL
    spacing_mm: tuple[float, float] | None = None
    film: Path | None = None
    group: str = ""
    fault: str = ""

    @property
    def lateral(self) -> bool:
        """Whether the image is a lateral film."""
        return self.view in LATERAL_VIEWS


def check_view(view: str, where: str) -> str:
    """Return a view that can be measured.

    Raises
    ------
    CxrError
        If the view is another one; ``where`` begins the message.
    """
    if view not in (*FRONTAL_VIEWS, *LATERAL_VIEWS):
        known = ", ".join((*FRONTAL_VIEWS, *LATERAL_VIEWS))
        raise CxrError(f"{where}: view '{view:.24}'; expected one of {known}")
    return view


class LazyRuns(Mapping[str, Runs]):
    """The masks of an image as upright runs, each parsed when it is asked for; empty masks are left out.

    Parameters
    ----------
    item
        The image.
    """

    def __init__(self, item: Item) -> None:
        self._item = item
        self._texts = {name.replace("_", " "): text for name, text in item.rles.items() if text}
        self._runs: dict[str, Runs] = {}

    def __getitem__(self, name: str) -> Runs:
        if name not in self._runs:
            self._runs[name] = self._upright(Runs.from_rle(self._texts[name], self._item.height, self._item.width))
        return self._runs[name]

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def _upright(self, runs: Runs) -> Runs:
        letters = self._item.orientation
        return runs if letters == USUAL else Runs.from_mask(np.ascontiguousarray(displayed(runs.mask(), letters)))
