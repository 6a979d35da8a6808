"""Test one model on labelled images of sources that it was trained with and without."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config.generalise import GeneraliseTestConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.generalise.measures import COLUMNS, measure_image
from cxrfactory.evaluate.generalise.scores import own_scores, read_scores
from cxrfactory.evaluate.generalise.sheets import worst_sheets
from cxrfactory.evaluate.generalise.truth import StudyImage, read_images
from cxrfactory.evaluate.models.evaluate_models import write_csv
from cxrfactory.evaluate.models.open_models import open_model
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.registry import ModelKind, model_kind
from cxrfactory.models.segmenter import Masks, Segmenter, Segments
from cxrfactory.tables.rows import Row
from cxrfactory.tables.weights import WeightsCard, read_weights

log = get_logger(__name__)

IMAGES = "images.csv"
REJECTED = "rejected.csv"
KEYS = ["image_id", "patient_id", "source", "split", "unseen"]


def measure_model(
    labelled: Sequence[str | Path],
    weights: str | Path,
    output: str | Path,
    settings: GeneraliseTestConfig,
    sources: Sequence[str] | None = None,
    without_sources: Sequence[str] | None = None,
    scores: Sequence[str | Path] = (),
    calibration: str | Path | None = None,
    pixel_mm: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Test a model on all images of the sources that it never saw, and on split ``val`` of the others.

    Parameters
    ----------
    labelled
        Preprocessed labelled tables, schema ``LABELLED_IMAGES``.
    weights
        Weights with their card, or the folder of a trained nnU-Net.
    output
        Folder for ``images.csv`` (one row for each image: :data:`KEYS`, the measures, the scores), ``rejected.csv`` and
        ``worst-{source}.png``.
    settings
        Device, number of latent samples, and number of drawn images.
    sources
        Sources to test; None for all of the tables.
    without_sources
        Sources that the model was trained without; None for those that its card names (``data.without_sources``).
    scores, calibration
        Tables of quality scores and their calibration (:func:`cxrfactory.evaluate.generalise.scores.read_scores`).
    pixel_mm
        Side of a pixel of the image files by source, mm, where it is known.

    Returns
    -------
    The table of ``images.csv``.

    Raises
    ------
    CxrError
        If a file is unreadable, a source does not occur, no image is left, or the model shares no organ with any truth.
    """
    output = Path(output)
    segmenter, card = _opened(Path(weights), settings)
    unseen = without_sources if without_sources is not None else _left_out(card)
    cases = read_images(labelled, sources, unseen)
    known = read_scores(scores, calibration)
    sides = pixel_mm or {}
    rows, rejected = [], []
    for case in progress(cases, "test"):
        try:
            rows.append(_row(segmenter, case, case.source in unseen, settings.samples, sides.get(case.source)))
        except ImageError as error:
            log.warning("%s: rejected: %s", case.image_id, error)
            rejected.append({"image_id": case.image_id, "source": case.source, "reason": str(error)})
    if not rows:
        raise CxrError(f"{weights}: all {len(rejected)} images were rejected; the first: {rejected[0]['reason']}")
    images = pd.DataFrame(rows)
    images = images.drop(columns=[name for name in known.columns if name in images]).join(known, on="image_id")
    dice = [name for name in COLUMNS if name.startswith("dice_")]
    if images[dice].isna().all(axis=None):
        raise CxrError(
            f"{', '.join(map(str, labelled))}: no image has a truth by the model's definition '{segmenter.definition}' "
            "for any of its organs"
        )
    write_csv(images, output / IMAGES)
    write_csv(pd.DataFrame(rejected, columns=["image_id", "source", "reason"]), output / REJECTED)
    for name, picture in worst_sheets(images, cases, segmenter, settings.worst):
        save_png(picture, output / name)
    log.info("%d images of %d sources, %d rejected; wrote %s",
             len(images), images["source"].nunique(), len(rejected), output)  # fmt: skip
    return images


def _opened(weights: Path, settings: GeneraliseTestConfig) -> tuple[Segments, WeightsCard | None]:
    if weights.is_dir():
        return open_model(weights, device=settings.device), None
    tensors, card = read_weights(weights)
    samples = settings.samples if settings.samples and model_kind(card["segmenter"]) is ModelKind.LANDMARK else None
    return Segmenter(tensors, card, settings.device, str(weights), samples), card


def _left_out(card: WeightsCard | None) -> list[str]:
    named = [] if card is None else card["data"].get("without_sources", [])
    return [str(each) for each in named] if isinstance(named, list) else []


def _row(segmenter: Segments, case: StudyImage, unseen: bool, samples: int, pixel_mm: float | None) -> Row:
    found, scores = _found(segmenter, case, bool(samples))
    row: Row = dict(zip(KEYS, (case.image_id, case.patient_id, case.source, case.split, unseen), strict=True))
    return row | measure_image(found, case, segmenter.definition, pixel_mm) | scores


def _found(segmenter: Segments, case: StudyImage, with_scores: bool) -> tuple[Masks, Row]:
    """Return the masks of an image, and the scores that the network itself gives them, from one pass."""
    if not (with_scores and isinstance(segmenter, Segmenter) and segmenter.samples is not None):
        return segmenter(case.image(), case.size).masks, {}
    sampled = segmenter.predict(case.image()[None], [case.image_id], case.size)[0]
    for numbers in (sampled.landmarks, sampled.std):
        segmenter.check_finite(numbers)
    graph = segmenter.graph
    return landmarks_to_masks(sampled.landmarks, graph, case.size, case.size), own_scores(sampled, graph, case.size)
