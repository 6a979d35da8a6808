"""Segmentation of files and folders to CheXmask rows at the original resolution, without the workflow."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from jaxtyping import UInt8

from cxrfactory import __version__
from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.organs import ORGAN_NODES
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config.infer import SegmentConfig
from cxrfactory.errors import ImageError
from cxrfactory.imaging.drawing.overlay import draw_overlay
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.stored_films import COLUMNS, StoredFilm, film_line, is_square
from cxrfactory.infer.inputs import Inputs, list_images
from cxrfactory.infer.picture_folder import PictureFolder, picture_folder
from cxrfactory.infer.upright import Odds, check_upright, odds_of, turns_of
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.flags import FLAGS, note_flags
from cxrfactory.metrics.quality import ESTIMATE_COLUMNS, Quality
from cxrfactory.models.device import single_threaded
from cxrfactory.models.evidence import EVIDENCE_COLUMNS
from cxrfactory.models.segmenter import SampledLandmarks, Segmenter
from cxrfactory.tables.atomic import text_file, write_text
from cxrfactory.tables.beside import DEVIATIONS, FILMS, QUALITY, REJECTED
from cxrfactory.tables.chexmask import header_text, quoted
from cxrfactory.tables.chexmask_row import published_row, whole_pixels
from cxrfactory.tables.streaming import in_order
from cxrfactory.tables.weights import WeightsCard, read_weights

log = get_logger(__name__)

ID_COLUMN = "image_id"
QUALITY_COLUMNS = (
    *("dice_rca_mean", "dice_rca_max", "typicality", "flags"),
    *(*EVIDENCE_COLUMNS, *ESTIMATE_COLUMNS, "flag_reasons"),
)
_AHEAD = 3  # images prefetched per worker


class Judge(Protocol):
    """Estimates the quality of segmentations."""

    def __call__(
        self, image: UInt8[np.ndarray, "size size"], geometry: Geometry, prediction: SampledLandmarks, image_id: str
    ) -> Quality:
        """Return the quality of a preprocessed image and its prediction in the same frame."""

    def confirms_turn(self, image: UInt8[np.ndarray, "size size"], geometry: Geometry, turns: int) -> bool:
        """Return whether an image shows one chest after a number of quarter turns by ``np.rot90``."""


# Makes the judge of the opened weights, from the segmenter and its card.
JudgeMaker = Callable[[Segmenter, WeightsCard], Judge]


@dataclass(frozen=True)
class Segmented:
    """Result for one image before it is written; ``quality`` is None without a judge."""

    image_id: str
    geometry: Geometry
    prediction: SampledLandmarks
    quality: Quality | None = None
    spacing_mm: tuple[float, float] | None = None  # of the film as it is stored


def segment(
    paths: Sequence[Path],
    weights: Path,
    output: Path,
    settings: SegmentConfig,
    recipe: Preparation,
    masks: Path | None = None,
    overlays: Path | None = None,
    workers: int = 1,
    judge: JudgeMaker | None = None,
) -> tuple[int, int]:
    """Segment files or folders, and write the landmarks and masks as CheXmask rows.

    Parameters
    ----------
    paths
        Radiographs, or folders of radiographs (:func:`cxrfactory.infer.inputs.list_images`).
    weights
        safetensors file with its card. The preprocessing is that of ``recipe``, whatever the card says.
    output
        CSV with the published columns. The RCA columns are empty without a judge.
        More files are written to the same folder. ``<output>.rejected.csv`` lists the rejected files, and the entries
        of folders that may be films and are not read, such as archives (``image_id,reason``). ``<output>.std.csv``
        holds the standard deviation of every coordinate, in pixels of the original image. ``<output>.films.csv`` says
        how each file stores its film (:mod:`cxrfactory.imaging.radiograph.stored_films`). ``<output>.quality.csv``
        holds RCA, typicality, flags, the evidence of a network with a dense head and, with a quality calibration, the
        estimated Dice with its interval, with a judge.
        ``<output>.card.json`` states the weights and what the organs include.
    settings
        Latent samples, precision, device and batch size. With ``check_orientation``, a small network tells whether an
        image is upright. Where it is not sure of that, the image is predicted in all four orientations, and is rejected
        if its landmarks deviate much less in another orientation: it then lies on its side or upside down.
    recipe
        Preprocessing, which should equal that of the training images.
    masks
        Folder for one PNG with values 0 and 255 per organ and image
        (:class:`cxrfactory.infer.picture_folder.PictureFolder`). It may lie inside a folder of radiographs.
    overlays
        Folder for images with the contours drawn over them.
    workers
        Number of images in parallel on the CPU; the bytes of the output do not depend on it.
    judge
        Function that makes the judge of the opened weights, such as
        :class:`cxrfactory.rca.judge.QualityJudge`; by default quality is not estimated.

    Returns
    -------
    tuple
        Number of rows, and number of rejected files.

    Raises
    ------
    CxrError
        If there is no file to read, or the weights cannot be used.
    """
    organs = [f".{organ}.png" for organ in ORGAN_NODES]
    folders = [(folder, ends) for folder, ends in ((masks, organs), (overlays, [".png"])) if folder is not None]
    inputs = list_images(paths, settings.follow_links, folders)
    files = _Files(inputs, recipe, settings.check_orientation)
    tensors, card = read_weights(weights)
    segmenter = Segmenter(tensors, card, settings.device, str(weights), settings.samples, settings.precision)
    assess = judge(segmenter, card) if judge is not None else None
    kept, flags = 0, Counter[str]()
    with (
        _Tables(output, assess is not None) as tables,
        picture_folder(masks, "mask") as mask_pictures,
        picture_folder(overlays, "overlay") as overlay_pictures,
    ):
        found = segmenter.run(files.views(), files.recipe.size, settings.batch_size, workers)
        outcomes = _judged(_by_image(found, files), files, assess, workers)
        for done in progress(outcomes, "segment", len(files.paths)):
            image_id = done.image_id
            try:
                if isinstance(done, Refused):
                    raise done.error
                line = _row(done, segmenter.graph, mask_pictures)
            except ImageError as error:
                files.reject(image_id, error)
                continue
            tables.write(line, done)
            kept += 1
            if done.quality is not None and done.quality.flags:
                flags.update(done.quality.flags)
                log.warning("%s: flagged: %s", image_id, "; ".join(FLAGS[flag] for flag in done.quality.flags))
            if masks is not None and done.spacing_mm is not None and not is_square(done.spacing_mm):
                log.warning("%s: pixels of %g x %g mm; its mask pictures cannot say so: measure %s, which does",
                            image_id, *done.spacing_mm, output.name)  # fmt: skip
            if overlay_pictures is not None:
                _overlay(done, segmenter.graph, files.paths[image_id], overlay_pictures, files.recipe)
    beside = output.with_suffix(REJECTED)
    with text_file(beside) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image_id", "reason"])
        writer.writerows(sorted([*files.rejected, *inputs.unread]))
    write_text(output.with_suffix(".card.json"), _card(segmenter.graph, card))
    if flags:
        log.info("flags: %s", ", ".join(f"{name} {count}" for name, count in sorted(flags.items())))
    log.info("%s; wrote %s and %s", inputs.accounts(kept, len(files.rejected)), output, beside)
    return kept, len(files.rejected) + len(inputs.unread)


_Spacing = tuple[float, float] | None


@dataclass(frozen=True)
class Refused:
    """An image that the check of its orientation or the judge refused."""

    image_id: str
    error: ImageError


class _Tables:
    """The tables of a run that have one line for each kept image; they appear when all of them are complete."""

    def __init__(self, output: Path, with_quality: bool) -> None:
        self._stack = ExitStack()
        self._output, self._with_quality = output, with_quality

    def __enter__(self) -> Self:
        self._rows = self._stack.enter_context(text_file(self._output))
        self._deviations = self._stack.enter_context(text_file(self._output.with_suffix(DEVIATIONS)))
        self._films = self._stack.enter_context(text_file(self._output.with_suffix(FILMS)))
        self._films.write(",".join(COLUMNS) + "\n")
        self._rows.write(header_text(ID_COLUMN))
        self._deviations.write(f"{ID_COLUMN},Landmarks (Std)\n")
        if self._with_quality:
            self._quality = self._stack.enter_context(text_file(self._output.with_suffix(QUALITY)))
            self._quality.write(",".join([ID_COLUMN, *QUALITY_COLUMNS]) + "\n")
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._stack.__exit__(*error)

    def write(self, line: str, done: Segmented) -> None:
        """Write the lines of one image."""
        self._rows.write(line)
        self._deviations.write(_deviations(done))
        self._films.write(film_line(done.image_id, StoredFilm(done.geometry.letters, done.spacing_mm)))
        if done.quality is not None:
            self._quality.write(quality_line(done.image_id, done.quality))


class _Files:
    """The files of a run, which are read one by one; files that fail are stored with a reason."""

    def __init__(self, inputs: Inputs, recipe: Preparation, check_orientation: bool) -> None:
        self.paths, self.recipe = dict(inputs.films), recipe
        self._odds_of = odds_of(check_orientation)
        # Images that are not finished: preprocessed image, geometry, odds of the orientations, the flags that follow
        # from the notes of their reading, and the pixel spacing of the file.
        self.open: dict[str, tuple[UInt8[np.ndarray, "s s"], Geometry, Odds | None, list[str], _Spacing]] = {}
        self.rejected: list[tuple[str, str]] = []

    def reject(self, image_id: str, error: ImageError) -> None:
        log.warning("%s: rejected: %s", image_id, error)
        self.rejected.append((image_id, str(error)))

    def views(self) -> Iterator[tuple[str, UInt8[np.ndarray, "s s"]]]:
        for image_id, path in self.paths.items():
            try:
                recipe = self.recipe
                radiograph = read_radiograph(path, recipe.max_megapixels, recipe.burnt_in, recipe.checks)
                image, geometry = prepare(radiograph, recipe)
            except ImageError as error:
                self.reject(image_id, error)
                continue
            for note in radiograph.notes:
                log.warning("%s: %s", image_id, note)
            odds = self._odds_of(image)
            noted = note_flags(radiograph.notes)
            self.open[image_id] = image, geometry, odds, noted, radiograph.stored_spacing_mm
            for turn in turns_of(odds):
                yield image_id, np.ascontiguousarray(np.rot90(image, turn))


def _by_image(
    results: Iterable[tuple[str, SampledLandmarks]], files: _Files
) -> Iterator[tuple[str, list[SampledLandmarks]]]:
    """Group the predictions of the orientations of each image, upright first."""
    pending: list[SampledLandmarks] = []
    for image_id, prediction in results:
        pending.append(prediction)
        if len(pending) == len(turns_of(files.open[image_id][2])):
            yield image_id, pending
            pending = []


def _judged(
    found: Iterable[tuple[str, list[SampledLandmarks]]], files: _Files, judge: Judge | None, workers: int
) -> Iterator[Segmented | Refused]:
    """Check and judge the predictions of each image, in order, several images in parallel."""

    def finish(item: tuple[str, list[SampledLandmarks]]) -> Segmented | Refused:
        image_id, predictions = item
        image, geometry, odds, noted, spacing_mm = files.open.pop(image_id)
        try:
            confirm = None if judge is None else partial(judge.confirms_turn, image, geometry)
            check_upright(predictions, odds, confirm, geometry.orientation)
            quality = None if judge is None else judge(image, geometry, predictions[0], image_id).with_flags(noted)
        except ImageError as error:
            return Refused(image_id, error)
        return Segmented(image_id, geometry, predictions[0], quality, spacing_mm)

    if judge is None:
        yield from map(finish, found)
        return
    # The surrounding block keeps the thread count that one image's thread restores from affecting other images.
    with single_threaded(), ThreadPoolExecutor(workers) as pool:
        yield from in_order(pool, finish, found, _AHEAD * workers)


def _row(done: Segmented, graph: LandmarkGraph, masks: PictureFolder | None) -> str:
    geometry = done.geometry
    height, width = geometry.original_height, geometry.original_width
    points = geometry.inverse_points(done.prediction.landmarks).astype(np.float32)
    if not np.isfinite(points).all():
        raise ImageError("landmarks are not finite numbers")
    whole = whole_pixels(points)
    filled = landmarks_to_masks(whole, graph, height, width)
    scores = (None, None) if done.quality is None else (done.quality.dice_rca_mean, done.quality.dice_rca_max)
    row = published_row(done.image_id, whole, filled, dice_rca=scores)
    if masks is not None:
        for organ, mask in filled.items():
            masks.save(mask * np.uint8(255), done.image_id, organ)
    return row.line


def quality_line(image_id: str, quality: Quality) -> str:
    """Return the line of ``<output>.quality.csv`` of one image; numbers are the shortest that give the float64 back."""
    scores = _cells([quality.dice_rca_mean, quality.dice_rca_max, quality.typicality])
    evidence = _cells(quality.evidence_columns().values())
    estimates, reasons = _cells(quality.estimate_columns().values()), ";".join(quality.flag_reasons)
    return ",".join([quoted(image_id), *scores, ";".join(quality.flags), *evidence, *estimates, reasons]) + "\n"


def _cells(numbers: Iterable[float | None]) -> list[str]:
    return ["" if number is None else repr(float(number)) for number in numbers]


def _card(graph: LandmarkGraph, weights: WeightsCard) -> str:
    card = {"graph": graph.name, "organs": graph.organs, "definition": graph.definition_text}
    return json.dumps(card | {"weights_sha256": weights["sha256"], "cxrfactory": __version__}, indent=2) + "\n"


def _deviations(done: Segmented) -> str:
    values = done.geometry.inverse_spread(done.prediction.std).ravel()
    return f'{quoted(done.image_id)},"{",".join(f"{value:.3f}" for value in values)}"\n'


def _overlay(done: Segmented, graph: LandmarkGraph, path: Path, folder: PictureFolder, recipe: Preparation) -> None:
    # The file is read again, because a queue of original images would not fit into a laptop's memory.
    image, _ = prepare(read_radiograph(path, recipe.max_megapixels, recipe.burnt_in, recipe.checks), recipe)
    contours = {organ: done.prediction.landmarks[where] for organ, where in graph.slices.items()}
    folder.save(draw_overlay(image, contours), done.image_id)
