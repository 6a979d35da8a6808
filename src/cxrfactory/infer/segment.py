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
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config.infer import SegmentConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.overlay import draw_overlay
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.infer.upright import Odds, check_upright, odds_of, turns_of
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.flags import FLAGS
from cxrfactory.metrics.quality import Quality
from cxrfactory.models.device import single_threaded
from cxrfactory.models.segmenter import SampledLandmarks, Segmenter
from cxrfactory.tables.atomic import text_file, write_text
from cxrfactory.tables.chexmask import header_text, quoted
from cxrfactory.tables.chexmask_row import published_row, whole_pixels
from cxrfactory.tables.streaming import in_order
from cxrfactory.tables.weights import WeightsCard, read_weights

log = get_logger(__name__)

ID_COLUMN = "image_id"
# All other files of a folder are tried, whatever their name, because DICOM files often have no suffix.
NOT_IMAGES = {".csv", ".txt", ".md", ".json", ".html", ".xml", ".pdf", ".parquet", ".npy", ".gz", ".zip"}
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


def list_images(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return the files to read with their ids: the name of a given file, or the path relative to a given folder.

    Raises
    ------
    CxrError
        If a path does not exist, there is no file at all, or two files have the same id.
    """
    found: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.is_file())
            inside = [each for each in inside if not each.name.startswith(".") and each.suffix not in NOT_IMAGES]
            found += [(each.relative_to(path).as_posix(), each) for each in inside]
        elif path.is_file():
            found.append((path.name, path))
        else:
            raise CxrError(f"{path}: no such file or folder")
    if not found:
        raise CxrError(f"{', '.join(map(str, paths))}: no image files; expected radiographs (JPEG, PNG, TIFF, DICOM)")
    seen: dict[str, Path] = {}
    for image_id, path in found:
        if image_id in seen:
            raise CxrError(f"id '{image_id}' is taken by {seen[image_id]} and {path}; give their common folder instead")
        seen[image_id] = path
    return found


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
        Radiographs, or folders of radiographs.
    weights
        safetensors file with its card. The preprocessing is that of ``recipe``, whatever the card says.
    output
        CSV with the published columns. The RCA columns are empty without a judge.
        More files are written to the same folder. ``<output>.rejected.csv`` lists the rejected files
        (``image_id,reason``). ``<output>.std.csv`` holds the standard deviation of every coordinate, in pixels of the
        original image. ``<output>.quality.csv`` holds RCA, typicality and flags, with a judge. ``<output>.card.json``
        states the weights and what the organs include.
    settings
        Latent samples, precision, device and batch size. With ``check_orientation``, a small network tells whether an
        image is upright. Where it is not sure of that, the image is predicted in all four orientations, and is rejected
        if its landmarks deviate much less in another orientation: it then lies on its side or upside down.
    recipe
        Preprocessing, which should equal that of the training images.
    masks
        Folder for one PNG with values 0 and 255 per organ and image.
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
    """
    files = _Files(list_images(paths), recipe, settings.check_orientation)
    tensors, card = read_weights(weights)
    segmenter = Segmenter(tensors, card, settings.device, str(weights), settings.samples, settings.precision)
    assess = judge(segmenter, card) if judge is not None else None
    kept, flags = 0, Counter[str]()
    with _Tables(output, assess is not None) as tables:
        found = segmenter.run(files.views(), files.recipe.size, settings.batch_size, workers)
        outcomes = _judged(_by_image(found, files), files, assess, workers)
        for done in progress(outcomes, "segment", len(files.paths)):
            image_id = done.image_id
            try:
                if isinstance(done, Refused):
                    raise done.error
                line = _row(done, segmenter.graph, masks)
            except ImageError as error:
                files.reject(image_id, error)
                continue
            tables.write(line, done)
            kept += 1
            if done.quality is not None and done.quality.flags:
                flags.update(done.quality.flags)
                log.warning("%s: flagged: %s", image_id, "; ".join(FLAGS[flag] for flag in done.quality.flags))
            if overlays is not None:
                _overlay(done, segmenter.graph, files.paths[image_id], overlays, files.recipe)
    beside = output.with_suffix(".rejected.csv")
    with text_file(beside) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image_id", "reason"])
        writer.writerows(sorted(files.rejected))
    write_text(output.with_suffix(".card.json"), _card(segmenter.graph, card))
    read, lost = len(files.paths), len(files.rejected)
    if flags:
        log.info("flags: %s", ", ".join(f"{name} {count}" for name, count in sorted(flags.items())))
    log.info("read %d files, kept %d, rejected %d (%s); wrote %s", read, kept, lost, beside, output)
    return kept, lost


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
        self._deviations = self._stack.enter_context(text_file(self._output.with_suffix(".std.csv")))
        self._rows.write(header_text(ID_COLUMN))
        self._deviations.write(f"{ID_COLUMN},Landmarks (Std)\n")
        if self._with_quality:
            self._quality = self._stack.enter_context(text_file(self._output.with_suffix(".quality.csv")))
            self._quality.write(f"{ID_COLUMN},dice_rca_mean,dice_rca_max,typicality,flags\n")
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._stack.__exit__(*error)

    def write(self, line: str, done: Segmented) -> None:
        """Write the lines of one image."""
        self._rows.write(line)
        self._deviations.write(_deviations(done))
        if done.quality is not None:
            self._quality.write(quality_line(done.image_id, done.quality))


class _Files:
    """The files of a run, which are read one by one; files that fail are stored with a reason."""

    def __init__(self, files: list[tuple[str, Path]], recipe: Preparation, check_orientation: bool) -> None:
        self.paths, self.recipe = dict(files), recipe
        self._odds_of = odds_of(check_orientation)
        # Images that are not finished: preprocessed image, geometry and odds of the orientations.
        self.open: dict[str, tuple[UInt8[np.ndarray, "s s"], Geometry, Odds | None]] = {}
        self.rejected: list[tuple[str, str]] = []

    def reject(self, image_id: str, error: ImageError) -> None:
        log.warning("%s: rejected: %s", image_id, error)
        self.rejected.append((image_id, str(error)))

    def views(self) -> Iterator[tuple[str, UInt8[np.ndarray, "s s"]]]:
        for image_id, path in self.paths.items():
            try:
                radiograph = read_radiograph(path, self.recipe.max_megapixels, self.recipe.burnt_in)
                image, geometry = prepare(radiograph, self.recipe)
            except ImageError as error:
                self.reject(image_id, error)
                continue
            for note in radiograph.notes:
                log.warning("%s: %s", image_id, note)
            odds = self._odds_of(image)
            self.open[image_id] = image, geometry, odds
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
        image, geometry, odds = files.open.pop(image_id)
        try:
            confirm = None if judge is None else partial(judge.confirms_turn, image, geometry)
            check_upright(predictions, odds, confirm)
            quality = None if judge is None else judge(image, geometry, predictions[0], image_id)
        except ImageError as error:
            return Refused(image_id, error)
        return Segmented(image_id, geometry, predictions[0], quality)

    if judge is None:
        yield from map(finish, found)
        return
    # The surrounding block keeps the thread count that one image's thread restores from affecting other images.
    with single_threaded(), ThreadPoolExecutor(workers) as pool:
        yield from in_order(pool, finish, found, _AHEAD * workers)


def _row(done: Segmented, graph: LandmarkGraph, masks: Path | None) -> str:
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
            save_png(mask * np.uint8(255), masks / f"{_file_stem(done.image_id)}.{organ}.png")
    return row.line


def quality_line(image_id: str, quality: Quality) -> str:
    """Return the line of ``<output>.quality.csv`` of one image; numbers are the shortest that give the float64 back."""
    numbers = (quality.dice_rca_mean, quality.dice_rca_max, quality.typicality)
    cells = ["" if number is None else repr(float(number)) for number in numbers]
    return ",".join([quoted(image_id), *cells, ";".join(quality.flags)]) + "\n"


def _card(graph: LandmarkGraph, weights: WeightsCard) -> str:
    card = {"graph": graph.name, "organs": graph.organs, "definition": graph.definition_text}
    return json.dumps(card | {"weights_sha256": weights["sha256"], "cxrfactory": __version__}, indent=2) + "\n"


def _deviations(done: Segmented) -> str:
    geometry = done.geometry
    side = max(geometry.crop_height, geometry.crop_width)
    values = done.prediction.std.ravel() * (side / geometry.size)
    return f'{quoted(done.image_id)},"{",".join(f"{value:.3f}" for value in values)}"\n'


def _overlay(done: Segmented, graph: LandmarkGraph, path: Path, folder: Path, recipe: Preparation) -> None:
    # The file is read again, because a queue of original images would not fit into a laptop's memory.
    image, _ = prepare(read_radiograph(path, recipe.max_megapixels, recipe.burnt_in), recipe)
    contours = {organ: done.prediction.landmarks[where] for organ, where in graph.slices.items()}
    save_png(draw_overlay(image, contours), folder / f"{_file_stem(done.image_id)}.png")


def _file_stem(image_id: str) -> str:
    return image_id.replace("/", "__")
