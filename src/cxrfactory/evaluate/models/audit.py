"""Audits of trained models: the cost of changes that leave the anatomy as it is, and the effect of an occlusion."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.studies import AuditConfig
from cxrfactory.errors import ImageError
from cxrfactory.evaluate.models.audit_plots import plot_occlusion, plot_perturbations
from cxrfactory.evaluate.models.choose_images import contoured_images
from cxrfactory.evaluate.models.evaluate_models import open_segmenters, write_csv
from cxrfactory.evaluate.models.labelled import LabelledImage, read_cases
from cxrfactory.evaluate.models.measure import WHOLE
from cxrfactory.evaluate.models.occlusion import BOX_COLUMNS, run_occlusion, summarise_occlusion
from cxrfactory.evaluate.models.perturb import NONE, Perturbation, suite
from cxrfactory.evaluate.models.pictures import TILE_PX, Panel, draw_panel, sheet
from cxrfactory.evaluate.models.segment_changed import FileResult, segment_as_file
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.intervals import bootstrap_interval, mean_of
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.segmenter import Segments
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.rows import Row

log = get_logger(__name__)

LIMIT = 0.01  # largest acceptable mean Dice loss of a kind of perturbation
IMAGE_COLUMNS = [
    *("model", "kind", "level", "source", "image_id", "organ"),
    *("dice", "dice_loss", "displacement_px"),
]
LEVEL_COLUMNS = [
    *("model", "kind", "level", "organ", "images", "dice", "dice_loss", "ci_low", "ci_high", "dice_loss_max"),
    *("displacement_px_mean", "displacement_px_max"),
]
KIND_COLUMNS = [
    *("model", "kind", "organ", "levels", "dice_loss", "worst_level", "dice_loss_worst_level", "within_limit"),
    "displacement_px_max",
]
REJECTED_COLUMNS = ["model", "kind", "level", "image_id", "reason"]


def audit(
    labelled: str | Path,
    weights: Sequence[str | Path],
    output: str | Path,
    recipe: Preparation,
    settings: AuditConfig,
) -> pd.DataFrame:
    """Run the perturbation suite and the occlusion study on the images of one split.

    Each image of the table is treated as an input file: it is changed, then prepared and segmented as any file. The
    truth is transformed in the same way.

    Parameters
    ----------
    labelled
        Preprocessed labelled table, schema ``LABELLED_IMAGES``.
    weights
        One safetensors file for each model, with its card beside it.
    output
        Folder for ``perturbations_per_image.csv``, ``perturbations.csv`` (by level), ``kinds.csv``, ``rejected.csv``,
        ``perturbations.png``, ``examples-{model}.png``, ``occlusion_per_image.csv``, ``occlusion.csv``,
        ``occlusion.png`` and ``occlusion-examples-{model}.png``. The files are the same in every run.
    recipe
        Settings of the preprocessing.
    settings
        Split of the table, number of boxes of each size in an image, bootstrap and device. The seed also determines
        noise, markers and the positions of boxes.

    Returns
    -------
    The table of ``kinds.csv``.

    Raises
    ------
    CxrError
        If the table or the weights are unreadable, the split is empty, or models and truth define the organs
        differently.
    """
    output = Path(output)
    segmenters = open_segmenters(weights, settings.device)
    cases = contoured_images(read_cases(labelled, settings.split), segmenters, labelled)
    rows, boxes, rejected = [], [], []
    for name, segmenter in segmenters.items():
        example = cases[len(cases) // 2].image_id
        tiles: list[np.ndarray] = []
        for case in progress(cases, f"{name}: perturbations"):
            base: FileResult | None = None
            for each, result in perturb_case(segmenter, case, recipe, settings.seed):
                key = {"model": name, "kind": each.kind, "level": each.level, "image_id": case.image_id}
                if isinstance(result, ImageError):
                    rejected.append(key | {"reason": str(result)})
                    continue
                base = result if each.kind == NONE else base
                if base is None:
                    break  # without the unchanged image there is no baseline
                rows += [key | {"source": case.source} | row for row in _measures(result, base)]
                if case.image_id == example:
                    tiles.append(draw_panel(_panel(each, result), TILE_PX))
        if tiles:
            save_png(sheet(tiles), output / f"examples-{name}.png")
        found, faults, pictures = run_occlusion(segmenter, cases, recipe, settings.places, settings.seed, name)
        boxes += found
        rejected += faults
        if pictures:
            save_png(sheet(pictures), output / f"occlusion-examples-{name}.png")
    images = pd.DataFrame(rows, columns=IMAGE_COLUMNS)
    levels = summarise_levels(images, settings.resamples, settings.seed)
    kinds = summarise_kinds(levels)
    covered = pd.DataFrame(boxes, columns=BOX_COLUMNS)
    occlusion = summarise_occlusion(covered, settings.resamples, settings.seed)
    write_csv(images, output / "perturbations_per_image.csv")
    write_csv(levels, output / "perturbations.csv")
    write_csv(kinds, output / "kinds.csv")
    write_csv(covered, output / "occlusion_per_image.csv")
    write_csv(occlusion, output / "occlusion.csv")
    write_csv(pd.DataFrame(rejected, columns=REJECTED_COLUMNS), output / "rejected.csv")
    plot_perturbations(levels, LIMIT, output / "perturbations.png")
    plot_occlusion(occlusion, output / "occlusion.png")
    for row in kinds[kinds["within_limit"].eq(False) & kinds["organ"].isin(["lungs", "heart"])].itertuples():
        log.warning("%s: %s costs the %s %.4f Dice (limit %g)", row.model, row.kind, row.organ, row.dice_loss, LIMIT)
    log.info("%d models, %d images, %d rejected; wrote %s", len(segmenters), len(cases), len(rejected), output)
    return kinds


def perturb_case(
    segmenter: Segments, case: LabelledImage, recipe: Preparation, seed: int
) -> Iterator[tuple[Perturbation, FileResult | ImageError]]:
    """Prepare and segment every perturbed copy of an image; a rejected copy yields the error."""
    image = case.image()
    for each in suite():
        rng = np.random.default_rng(seed_of(case.image_id, f"{each.kind} {each.level}", seed))
        changed = each.apply(image, rng)
        try:
            yield each, segment_as_file(segmenter, changed.pixels, changed.transform, case, recipe)
        except ImageError as error:
            log.warning("%s, %s %s: rejected: %s", case.image_id, each.kind, each.level, error)
            yield each, error


def _measures(result: FileResult, base: FileResult) -> Iterator[Row]:
    for organ in [each for each in result.truth if each in result.found]:
        score = dice(result.found[organ], result.truth[organ])
        yield {"organ": organ, "dice": score, "dice_loss": dice(base.found[organ], base.truth[organ]) - score}
    if result.points_px is not None:
        moved = np.linalg.norm(result.points_px - base.points_px, axis=1)
        yield {"organ": WHOLE, "displacement_px": float(moved.max())}


def _panel(each: Perturbation, result: FileResult) -> Panel:
    shared = [organ for organ in ("lungs", "heart") if organ in result.found and organ in result.truth]
    scores = [dice(result.found[organ], result.truth[organ]) for organ in shared]
    text = "unchanged" if each.kind == NONE else f"{each.kind} {each.level}"
    return f"{text}: " + " ".join(f"{score:.3f}" for score in scores), result.image, result.truth, result.found


def summarise_levels(images: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """Summarise Dice and Dice loss (with interval) by level and organ; the row :data:`WHOLE` has the displacement."""
    rows = []
    for (model, kind, level, organ), group in images.groupby(["model", "kind", "level", "organ"], sort=False):
        row = {"model": model, "kind": kind, "level": level, "organ": organ, "images": len(group)}
        if organ == WHOLE:
            moved = group["displacement_px"]
            rows.append(row | {"displacement_px_mean": moved.mean(), "displacement_px_max": moved.max()})
            continue
        loss = group["dice_loss"].dropna().to_numpy(np.float64)
        row["images"] = loss.size
        if loss.size:
            low, high = bootstrap_interval(mean_of, loss, resamples=resamples, seed=seed)
            row |= {"dice": group["dice"].mean(), "dice_loss": loss.mean(), "dice_loss_max": loss.max()}
            row |= {"ci_low": low, "ci_high": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=LEVEL_COLUMNS)


def summarise_kinds(levels: pd.DataFrame) -> pd.DataFrame:
    """Average over the levels of each kind and name its worst level; the unchanged images are left out."""
    rows = []
    for (model, kind, organ), group in levels[levels["kind"] != NONE].groupby(["model", "kind", "organ"], sort=False):
        row = {"model": model, "kind": kind, "organ": organ, "levels": len(group)}
        row["displacement_px_max"] = group["displacement_px_max"].max()
        if group["dice_loss"].notna().any():
            worst = group.loc[group["dice_loss"].idxmax()]
            mean = group["dice_loss"].mean()
            row |= {"dice_loss": mean, "within_limit": bool(mean <= LIMIT)}
            row |= {"worst_level": worst["level"], "dice_loss_worst_level": worst["dice_loss"]}
        rows.append(row)
    return pd.DataFrame(rows, columns=KIND_COLUMNS)
