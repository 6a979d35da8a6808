"""Evaluate trained models on the labelled images of one split: tables, tests, cost, pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.studies import EvaluateConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.models.choose_images import annotated_images, segmented_regions
from cxrfactory.evaluate.models.cost import measure_cost
from cxrfactory.evaluate.models.curves import plot_histories, read_histories
from cxrfactory.evaluate.models.labelled import LabelledImage, read_cases, single_organs
from cxrfactory.evaluate.models.measure import COLUMNS, WHOLE, measure
from cxrfactory.evaluate.models.naming import model_name
from cxrfactory.evaluate.models.open_models import named_models, open_model
from cxrfactory.evaluate.models.pictures import extremes_picture
from cxrfactory.evaluate.models.statistics import compare_models, one_row_each, summarise
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.segmenter import Segments
from cxrfactory.tables.atomic import write_text

log = get_logger(__name__)

DIGITS = "%.6f"


def open_segmenters(
    weights: Sequence[str | Path], device: str = "cpu", post: str | Path | None = None
) -> dict[str, Segments]:
    """Open models by name; the name is the file's, or ``{name}+{post}`` for a model with a post-processor.

    Raises
    ------
    CxrError
        If there are no weights, two have the same name, or a file is unreadable.
    """
    return {name: open_model(*files, device) for name, files in named_models(weights, post).items()}


def evaluate_models(
    labelled: str | Path,
    weights: Sequence[str | Path],
    output: str | Path,
    settings: EvaluateConfig,
    post: str | Path | None = None,
    histories: Sequence[str | Path] = (),
) -> pd.DataFrame:
    """Evaluate models on the images of one split.

    The truth of an organ is its drawn mask where the image has one, and else the filled contour of its landmarks. Every
    image that annotates an organ of a model is measured on the organs that it annotates.

    Parameters
    ----------
    labelled
        Preprocessed labelled table, schema ``LABELLED_IMAGES``.
    weights
        One safetensors file for each model, with its card beside it, or the folder of a trained nnU-Net. The file name
        gives the model's name.
    output
        Folder for ``models.csv`` (one row for each model), ``per_image.csv``, ``summary.csv``, ``wilcoxon.csv``,
        ``rejected.csv``, ``cost.csv`` and ``overlays-{model}.png`` (best, median and worst image). All files except
        ``cost.csv`` are the same in every run.
    settings
        Split of the table, tolerance of the normalised surface distance (pixels at 1024 x 1024), bootstrap, device.
    post
        Weights of a post-processor. Every model is then measured both without it and with it.
    histories
        CSV files of trainings (``train --history``), each named as its model. They are drawn in ``curves.png``.

    Returns
    -------
    The table of ``summary.csv``.

    Raises
    ------
    CxrError
        If the table or the weights are unreadable, the split is empty, two models mean different regions by one organ,
        or a model shares no organ with the truth.
    """
    output = Path(output)
    trainings = read_histories({model_name(path): Path(path) for path in histories})
    segmenters = open_segmenters(weights, settings.device, post)
    cases = annotated_images(read_cases(labelled, settings.split), segmenters, labelled)
    rows, rejected = [], []
    for name, segmenter in segmenters.items():
        for case in progress(cases, name):
            key = {"model": name, "source": case.source, "image_id": case.image_id}
            try:
                found = segmenter(case.image(), case.size)
            except ImageError as error:
                log.warning("%s: %s: rejected: %s", name, case.image_id, error)
                rejected.append({"model": name, "image_id": case.image_id, "reason": str(error)})
                continue
            rows += [key | row for row in measure(found, case, settings.tolerance_px, segmenter.definition)]
    images = pd.DataFrame(rows, columns=list(COLUMNS))
    _check_shared(images, segmenters, labelled)
    summary = summarise(images, settings.resamples, settings.seed)
    write_csv(images, output / "per_image.csv")
    write_csv(summary, output / "summary.csv")
    write_csv(one_row_each(summary), output / "models.csv")
    write_csv(compare_models(images), output / "wilcoxon.csv")
    write_csv(pd.DataFrame(rejected, columns=["model", "image_id", "reason"]), output / "rejected.csv")
    for name, picture in _pictures(images, segmenters, cases):
        save_png(picture, output / f"overlays-{name}.png")
    if trainings:
        plot_histories(trainings, output / "curves.png")
    write_csv(_costs(named_models(weights, post), cases, settings.device), output / "cost.csv")
    dice = summary[summary["measure"] == "dice"]
    for row in dice.itertuples():
        log.info("%s, %s: Dice of %s %.4f (%d images)", row.model, row.source, row.organ, row.mean, row.images)
    log.info("%d models, %d images, %d rejected; wrote %s", len(segmenters), len(cases), len(rejected), output)
    return summary


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table with six decimals, atomically."""
    write_text(path, frame.to_csv(index=False, float_format=DIGITS, lineterminator="\n"))


def image_scores(images: pd.DataFrame, model: str) -> pd.Series:
    """Return the mean Dice over the single organs of each image, by id; an organ empty on both sides is ignored."""
    part = images[images["model"] == model]
    part = part[part["organ"].isin(single_organs(part["organ"].unique())) & (part["organ"] != WHOLE)]
    return part.groupby("image_id")["dice"].mean().dropna()


def _check_shared(images: pd.DataFrame, segmenters: dict[str, Segments], labelled: str | Path) -> None:
    for name in segmenters:
        organs = set(images.loc[images["model"] == name, "organ"]) - {WHOLE}
        if not organs:
            raise CxrError(f"{labelled}: model '{name}' gave no organ that the truth annotates on any image")


def _pictures(
    images: pd.DataFrame, segmenters: dict[str, Segments], cases: list[LabelledImage]
) -> Iterator[tuple[str, np.ndarray]]:
    by_id = {case.image_id: case for case in cases}
    for name, segmenter in segmenters.items():
        scores = image_scores(images, name).sort_values(kind="stable")
        if scores.empty:
            continue
        places = {"best": len(scores) - 1, "median": len(scores) // 2, "worst": 0}
        panels = []
        for what, place in places.items():
            case = by_id[scores.index[place]]
            found = segmenter(case.image(), case.size).masks
            truth = {organ: true.mask for organ, true in case.true_masks(segmented_regions(segmenter)).items()}
            text = f"{what}: {case.image_id}, mean Dice {scores.iloc[place]:.3f}"
            panels.append((text, case.image(), truth, found))
        yield name, extremes_picture(panels)


def _costs(models: dict[str, tuple[Path, Path | None]], cases: list[LabelledImage], device: str) -> pd.DataFrame:
    pngs = [case.png for case in cases]
    rows = []
    for name, (weights, post) in models.items():
        cost = measure_cost(weights, pngs, cases[0].size, device, post)
        log.info("%s: %.1f ms an image, peak %.0f MB (%s)", name, cost.ms_median, cost.peak_mb, cost.device)
        rows.append({"model": name, **vars(cost)})
    return pd.DataFrame(rows)
