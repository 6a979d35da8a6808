"""Segmentation of files and folders to CheXmask rows at the original resolution, without the workflow."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from cxrfactory.infer.inputs import Inputs, list_images
from cxrfactory.infer.picture_folder import PictureFolder, picture_folder
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.segmenter import SampledLandmarks, Segmenter
from cxrfactory.tables.atomic import text_file, write_text
from cxrfactory.tables.chexmask import header_text, quoted
from cxrfactory.tables.chexmask_row import published_row, whole_pixels
from cxrfactory.tables.weights import WeightsCard, read_weights

log = get_logger(__name__)

ID_COLUMN = "image_id"
# An image counts as turned if another orientation has less than this share of the upright deviation. This was measured
# on 45 real radiographs with two networks. For the 35 upright ones, the best other orientation had at least 0.87 times
# the upright deviation (all but one: at least 1.4 times). For the 10 turned ones, the correct orientation had at most
# 0.54 times (docs/segment.md).
SURER = 0.75
CLOCKWISE_DEGREES = (0, 270, 180, 90)  # rotation that np.rot90 applies with 0 to 3 quarter turns


@dataclass(frozen=True)
class Segmented:
    """Result for one image before it is written."""

    image_id: str
    geometry: Geometry
    prediction: SampledLandmarks


def segment(
    paths: Sequence[Path],
    weights: Path,
    output: Path,
    settings: SegmentConfig,
    recipe: Preparation,
    masks: Path | None = None,
    overlays: Path | None = None,
    workers: int = 1,
) -> tuple[int, int]:
    """Segment files or folders, and write the landmarks and masks as CheXmask rows.

    Parameters
    ----------
    paths
        Radiographs, or folders of radiographs (:func:`cxrfactory.infer.inputs.list_images`).
    weights
        safetensors file with its card. The preprocessing is that of ``recipe``, whatever the card says.
    output
        CSV with the published columns. The RCA columns are empty, since there are no references to compare with.
        Three more files are written to the same folder. ``<output>.rejected.csv`` lists the rejected files, and the
        entries of folders that may be films and are not read, such as archives (``image_id,reason``).
        ``<output>.std.csv`` holds the standard deviation of every coordinate, in pixels of the original image.
        ``<output>.card.json`` states the weights and what the organs include.
    settings
        Latent samples, precision, device and batch size. With ``check_orientation``, every image is predicted in all
        four orientations, and is rejected if its landmarks deviate much less in another orientation: it then lies on
        its side or upside down. This check takes four times the time.
    recipe
        Preprocessing, which should equal that of the training images.
    masks
        Folder for one PNG with values 0 and 255 per organ and image
        (:class:`cxrfactory.infer.picture_folder.PictureFolder`). It may lie inside a folder of radiographs.
    overlays
        Folder for images with the contours drawn over them.
    workers
        Number of images in parallel on the CPU; the bytes of the output do not depend on it.

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
    files = _Files(inputs, recipe, len(CLOCKWISE_DEGREES) if settings.check_orientation else 1)
    tensors, card = read_weights(weights)
    segmenter = Segmenter(tensors, card, settings.device, str(weights), settings.samples, settings.precision)
    kept = 0
    with (
        text_file(output) as rows,
        text_file(output.with_suffix(".std.csv")) as deviations,
        picture_folder(masks, "mask") as mask_pictures,
        picture_folder(overlays, "overlay") as overlay_pictures,
    ):
        rows.write(header_text(ID_COLUMN))
        deviations.write(f"{ID_COLUMN},Landmarks (Std)\n")
        found = segmenter.run(files.views(), files.recipe.size, settings.batch_size, workers)
        results = progress(found, "segment", len(files))
        for image_id, predictions in _by_image(results, files.turns):
            done = Segmented(image_id, files.geometries.pop(image_id), predictions[0])
            try:
                _check_upright(predictions)
                line = _row(done, segmenter.graph, mask_pictures)
            except ImageError as error:
                files.reject(image_id, error)
                continue
            rows.write(line)
            deviations.write(_deviations(done))
            kept += 1
            if overlay_pictures is not None:
                _overlay(done, segmenter.graph, files.paths[image_id], overlay_pictures, files.recipe)
    beside = output.with_suffix(".rejected.csv")
    with text_file(beside) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image_id", "reason"])
        writer.writerows(sorted([*files.rejected, *inputs.unread]))
    write_text(output.with_suffix(".card.json"), _card(segmenter.graph, card))
    log.info("%s; wrote %s and %s", inputs.accounts(kept, len(files.rejected)), output, beside)
    return kept, len(files.rejected) + len(inputs.unread)


class _Files:
    """The files of a run, which are read one by one in all orientations; files that fail are stored with a reason."""

    def __init__(self, inputs: Inputs, recipe: Preparation, turns: int) -> None:
        self.paths, self.recipe, self.turns = dict(inputs.films), recipe, turns
        self.geometries: dict[str, Geometry] = {}  # of images that the network has not finished
        self.rejected: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self.paths) * self.turns

    def reject(self, image_id: str, error: ImageError) -> None:
        log.warning("%s: rejected: %s", image_id, error)
        self.rejected.append((image_id, str(error)))

    def views(self) -> Iterator[tuple[str, UInt8[np.ndarray, "s s"]]]:
        for image_id, path in self.paths.items():
            try:
                recipe = self.recipe
                radiograph = read_radiograph(path, recipe.max_megapixels, recipe.burnt_in, recipe.checks)
                image, self.geometries[image_id] = prepare(radiograph, self.recipe)
            except ImageError as error:
                self.reject(image_id, error)
                continue
            for note in radiograph.notes:
                log.warning("%s: %s", image_id, note)
            for turn in range(self.turns):
                yield image_id, np.ascontiguousarray(np.rot90(image, turn))


def _by_image(
    results: Iterable[tuple[str, SampledLandmarks]], turns: int
) -> Iterator[tuple[str, list[SampledLandmarks]]]:
    """Group the predictions of the orientations of each image, upright first."""
    pending: list[SampledLandmarks] = []
    for image_id, prediction in results:
        pending.append(prediction)
        if len(pending) == turns:
            yield image_id, pending
            pending = []


def _check_upright(predictions: list[SampledLandmarks]) -> None:
    spread = [float(each.std.mean()) for each in predictions]
    best = int(np.argmin(spread))
    if spread[best] < SURER * spread[0]:
        raise ImageError(
            f"lies on its side or upside down: landmarks deviate by {spread[0]:.1f} px, by {spread[best]:.1f} px after "
            f"a turn of {CLOCKWISE_DEGREES[best]} degrees clockwise; turn it, or use --no-check-orientation"
        )


def _row(done: Segmented, graph: LandmarkGraph, masks: PictureFolder | None) -> str:
    geometry = done.geometry
    height, width = geometry.original_height, geometry.original_width
    points = geometry.inverse_points(done.prediction.landmarks).astype(np.float32)
    if not np.isfinite(points).all():
        raise ImageError("landmarks are not finite numbers")
    whole = whole_pixels(points)
    filled = landmarks_to_masks(whole, graph, height, width)
    row = published_row(done.image_id, whole, filled)
    if masks is not None:
        for organ, mask in filled.items():
            masks.save(mask * np.uint8(255), done.image_id, organ)
    return row.line


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
