"""Segment radiographs, one by one or whole folders, into landmarks, masks, uncertainty and quality."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.door.network import (
    PRETRAINED_NAMES,
    Odds,
    OpenedWeights,
    Prediction,
    check_upright,
    odds_of,
    pretrained_weights,
    published_line,
    turns_of,
)
from cxrfactory.door.quality import AUTO, chosen_calibration, chosen_reference
from cxrfactory.door.segmented import RefusedRadiograph, SegmentedRadiograph
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.image import Radiograph, check_pixels, check_size
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.infer.inputs import list_images
from cxrfactory.metrics.flags import FLAGS, note_flags
from cxrfactory.tables.file_names import printable_name

Pixels = Shaped[np.ndarray, "height width"]


@dataclass(frozen=True)
class _Opened:
    """A radiograph that was read and preprocessed, before its prediction."""

    image_id: str
    source: Path | Pixels
    radiograph: Radiograph
    image: UInt8[np.ndarray, "size size"]
    geometry: Geometry
    odds: Odds | None


class Segmenter:
    """A trained landmark network that segments chest radiographs.

    Parameters
    ----------
    weights
        Path of trained weights (``.safetensors``, with their card as ``.json`` beside them). For the weights in the
        package, use :meth:`pretrained`.
    samples
        Number of latent samples for each image, 2 or more, from which the uncertainty is computed.
    device
        ``auto`` (CUDA if available), ``cpu`` or ``cuda``.
    precision
        ``fp32``, or ``bf16`` for the convolutions.
    check_orientation
        Whether to refuse an image that lies on its side or is upside down. A small network finds most upright images;
        the others are predicted in three further orientations, which takes four times the time.
    preparation
        Settings of the preprocessing; by default those for the weights in the package.
    quality
        Whether to compute :attr:`SegmentedRadiograph.quality`.
    references
        Reference images of RCA, with which the quality includes the estimated Dice: ``pretrained`` for the virtual
        patients of the package, a table (``results/rca/reference.parquet`` of a run with the same weights), or None
        for no RCA.
    compare
        Number of references that an image is compared with.
    calibration
        Quality calibration of the weights, with which the quality includes the estimated Dice of each organ and its
        interval: ``auto`` for the one that comes with the package, where it has one for these weights, a file of
        ``calibrate-quality`` or ``recalibrate-quality``, or None for no estimates.
    flag_worst
        With a quality calibration, an image is flagged if the estimate of an organ is below that of this share of the
        calibration's films.

    Attributes
    ----------
    graph
        The landmark graph of the weights; ``graph.definition_text`` describes the organs and what they include.

    Raises
    ------
    CxrError
        If the weights, references or calibration are missing, damaged or do not fit, or a setting is unknown.

    Notes
    -----
    HybridGNet: Gaggion et al. (2022), "Improving anatomical plausibility in medical image segmentation via hybrid
    graph neural networks". RCA: Valindria et al. (2017), as in CheXmask (Gaggion et al. 2024).

    Examples
    --------
    >>> segmenter = cxr.Segmenter(weights)
    >>> segmenter.graph.organs
    ('right_lung', 'left_lung', 'heart')
    >>> found = segmenter.segment(film)
    >>> found.landmarks["right_lung"].shape, found.masks["right_lung"].dtype
    ((44, 2), dtype('uint8'))

    Weights of a ``hybrid-unet`` with their calibration also give an estimated Dice with its interval, and the reason of
    a flag:

    >>> segmenter = cxr.Segmenter(hybrid_weights, calibration=calibration)
    >>> quality = segmenter.segment(film).quality
    >>> estimate, low, high = quality.estimates["lungs"]
    >>> low <= estimate <= high
    True
    >>> "low-estimate" in quality.flags, quality.flag_reasons
    (True, ('lungs:lungs_soft_dice',))
    """

    def __init__(
        self,
        weights: str | Path,
        *,
        samples: int = 20,
        device: str = "auto",
        precision: str = "fp32",
        check_orientation: bool = True,
        preparation: Preparation | None = None,
        quality: bool = True,
        references: str | Path | None = "pretrained",
        compare: int = 2,
        calibration: str | Path | None = AUTO,
        flag_worst: float = 0.02,
    ) -> None:
        reference = chosen_reference(references, quality)
        calibrated = chosen_calibration(calibration, flag_worst, quality)
        self._network = OpenedWeights(weights, samples, precision, device)
        self._odds_of = odds_of(check_orientation)
        self._recipe = preparation or Preparation()
        self._judge = self._network.judge(reference, compare, device, calibrated, flag_worst) if quality else None

    @classmethod
    def pretrained(cls, name: str = "lungs-heart", **settings: object) -> "Segmenter":
        """Open weights of the package.

        Parameters
        ----------
        name
            ``lungs-heart``: lungs without the part behind the heart, and the heart, as in JSRT and CheXmask.
            ``whole-lungs``: lungs with the part behind the heart.
        settings
            Further parameters of :class:`Segmenter`.

        Raises
        ------
        CxrError
            If the package has no such weights.

        Examples
        --------
        >>> segmenter = cxr.Segmenter.pretrained("lungs-heart")
        >>> segmenter.graph.definition
        'jsrt'
        """
        return cls(pretrained_weights(name), **settings)  # type: ignore[arg-type]

    @property
    def graph(self) -> LandmarkGraph:
        """Landmark graph of the weights (:class:`cxrfactory.anatomy.graph.LandmarkGraph`)."""
        return self._network.graph

    def segment(self, image: str | Path | Pixels, image_id: str | None = None) -> SegmentedRadiograph:
        """Segment one radiograph; calling the segmenter does the same.

        Parameters
        ----------
        image
            Path of a JPEG, PNG, TIFF or DICOM file, or the pixels themselves: uint8, uint16 or floating-point
            [row, column], upright, with dense bone bright. A MONOCHROME1 DICOM file is inverted on reading; an array is
            used unchanged.
        image_id
            Name of the image. It also seeds the latent samples: the same name and pixels give the same numbers. The
            default is the file's name, or ``array``.

        Raises
        ------
        ImageError
            If the image is unreadable, is not a grey radiograph, lies on its side, or an organ is empty. The message is
            one line that names the file and the reason.

        Examples
        --------
        >>> found = segmenter.segment(film)
        >>> found.image_id, found.height, found.width
        ('film.png', 200, 160)
        >>> again = segmenter(cxr.read_radiograph(film).pixels, image_id="film.png")
        >>> bool((again.points == found.points).all())
        True
        """
        if isinstance(image, str | Path):
            source, name = Path(image), image_id or printable_name(Path(image).name)
        else:
            source, name = np.asarray(image), image_id or "array"
        outcome = next(self._outcomes([(name, source)], 1, 1))
        if isinstance(outcome, RefusedRadiograph):
            reason = outcome.reason.replace("--no-check-orientation", "check_orientation=False")  # name in Python
            raise ImageError(f"{source if isinstance(source, Path) else name}: {reason}")
        return outcome

    __call__ = segment

    def segment_all(
        self,
        paths: str | Path | Sequence[str | Path],
        *,
        workers: int = 1,
        batch_size: int = 16,
        follow_links: bool = False,
    ) -> Iterator[SegmentedRadiograph | RefusedRadiograph]:
        """Segment files and folders with this segmenter, as :func:`cxrfactory.segment` does.

        Raises
        ------
        CxrError
            In the cases of :func:`cxrfactory.segment`.
        """
        if workers < 1 or batch_size < 1:
            raise CxrError(f"workers {workers}, batch_size {batch_size}; expected 1 or more of each")
        given = [paths] if isinstance(paths, str | Path) else list(paths)
        inputs = list_images([Path(each) for each in given], follow_links)
        return self._outcomes(inputs.entries, workers, batch_size)

    def _outcomes(
        self, films: Iterable[tuple[str, Path | Pixels | ImageError]], workers: int, batch_size: int
    ) -> Iterator[SegmentedRadiograph | RefusedRadiograph]:
        """Yield one outcome for each film, in input order, including films that cannot be read."""
        waiting: deque[_Opened | RefusedRadiograph] = deque()

        def views() -> Iterator[tuple[str, UInt8[np.ndarray, "size size"]]]:
            for image_id, source in films:
                try:
                    opened = self._open(image_id, source)
                except ImageError as error:
                    waiting.append(RefusedRadiograph(image_id, str(error)))
                    continue
                waiting.append(opened)
                for turn in turns_of(opened.odds):
                    yield image_id, np.ascontiguousarray(np.rot90(opened.image, turn))

        results = self._network.run(views(), self._recipe.size, batch_size, workers)
        for _, upright in results:
            while isinstance(first := waiting.popleft(), RefusedRadiograph):
                yield first
            others = islice(results, len(turns_of(first.odds)) - 1)
            yield self._finish(first, [upright, *(prediction for _, prediction in others)])
        yield from waiting  # type: ignore[misc]  # after the last result, only refused films remain

    def _open(self, image_id: str, source: Path | Pixels | ImageError) -> _Opened:
        if isinstance(source, ImageError):
            raise source
        if isinstance(source, Path):
            recipe = self._recipe
            radiograph = read_radiograph(source, recipe.max_megapixels, recipe.burnt_in, recipe.checks)
        else:
            radiograph = Radiograph(checked_pixels(source, self._recipe.max_megapixels))
        image, geometry = prepare(radiograph, self._recipe)
        return _Opened(image_id, source, radiograph, image, geometry, self._odds_of(image))

    def _finish(self, opened: _Opened, found: list[Prediction]) -> SegmentedRadiograph | RefusedRadiograph:
        geometry, upright = opened.geometry, found[0]
        try:
            confirm = partial(self._judge.confirms_turn, opened.image, geometry) if self._judge else None
            check_upright(found, opened.odds, confirm, geometry.orientation)
            judged = None if self._judge is None else self._judge(opened.image, geometry, upright, opened.image_id)
            judged = judged and judged.with_flags(note_flags(opened.radiograph.notes))
            line = published_line(opened.image_id, geometry, upright, self.graph, judged)
        except ImageError as error:
            return RefusedRadiograph(opened.image_id, str(error))
        exact = geometry.inverse_points(upright.landmarks).astype(np.float32)
        spread = geometry.inverse_spread(upright.std)
        radiograph = opened.radiograph
        return SegmentedRadiograph(
            image_id=opened.image_id,
            landmarks={organ: exact[where] for organ, where in self.graph.slices.items()},
            uncertainty={organ: spread[where] for organ, where in self.graph.slices.items()},
            height=geometry.original_height,
            width=geometry.original_width,
            spacing_mm=radiograph.stored_spacing_mm,
            view=radiograph.view,
            notes=(*radiograph.notes, *(FLAGS[flag] for flag in (judged.flags if judged else ()))),
            quality=judged,
            graph=self.graph,
            _line=line,
            _source=opened.source,
            _max_megapixels=self._recipe.max_megapixels,
        )


def segment(
    paths: str | Path | Sequence[str | Path],
    weights: str | Path = "lungs-heart",
    *,
    workers: int = 2,
    batch_size: int = 16,
    follow_links: bool = False,
    **settings: object,
) -> Iterator[SegmentedRadiograph | RefusedRadiograph]:
    """Segment radiograph files and folders of them.

    The numbers are the same as those of ``python -m cxrfactory segment``. Every file gives one outcome, in the order of
    the files: a :class:`SegmentedRadiograph`, whose ``ok`` is True, or a :class:`RefusedRadiograph` with the reason,
    whose ``ok`` is False. Results are yielded one by one, so a folder of any size needs the memory of a few images.

    Parameters
    ----------
    paths
        A file, a folder or several of them. Folders are searched recursively. Hidden files, system files, tables and
        texts are skipped; all other files are tried, whatever their names. An entry that may be a film and is not read
        (an archive, a link that leads nowhere or out of the folder) is a refused one.
    weights
        ``lungs-heart`` or ``whole-lungs`` for the weights in the package, or a path of trained weights.
    workers
        Number of images processed in parallel on the CPU; no number depends on it.
    batch_size
        Number of images in one pass on CUDA.
    follow_links
        Whether links in a folder may lead out of it.
    settings
        Further parameters of :class:`Segmenter`.

    Raises
    ------
    CxrError
        Immediately, if a path is missing, there is no file, two files get the same id, or the weights do not fit.

    Examples
    --------
    >>> for each in cxr.segment(folder, weights):
    ...     print(each.image_id, "segmented" if each.ok else each.reason)
    broken.png empty file
    film.png segmented
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    list_images([Path(each) for each in given], follow_links)  # before the weights are opened, which takes longer
    named = isinstance(weights, str) and weights in PRETRAINED_NAMES
    segmenter = (Segmenter.pretrained if named else Segmenter)(weights, **settings)  # type: ignore[arg-type]
    return segmenter.segment_all(given, workers=workers, batch_size=batch_size, follow_links=follow_links)


def checked_pixels(pixels: Pixels, max_megapixels: float) -> Pixels:
    """Check that an array is a grey image, and convert floating-point numbers to float32."""
    if pixels.ndim != 2:
        raise ImageError(f"array of shape {pixels.shape}; expected a grey image [row, column]")
    if pixels.dtype not in (np.uint8, np.uint16) and pixels.dtype.kind != "f":
        raise ImageError(f"array of type {pixels.dtype}; expected uint8, uint16 or floating-point grey values")
    check_size(*pixels.shape, max_megapixels)
    check_pixels(pixels)
    return pixels.astype(np.float32) if pixels.dtype.kind == "f" else pixels
