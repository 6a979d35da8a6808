"""Occlusion study: black boxes of growing size (HybridGNet, section 5.4; thesis, figure 3 of the first article)."""

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from cxrfactory.errors import ImageError
from cxrfactory.evaluate.models.labelled import LabelledImage
from cxrfactory.evaluate.models.perturb import IDENTITY
from cxrfactory.evaluate.models.pictures import TILE_PX, draw_panel
from cxrfactory.evaluate.models.segment_changed import segment_as_file
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.distance import hausdorff
from cxrfactory.metrics.intervals import bootstrap_interval, mean_of
from cxrfactory.metrics.landmarks import PAPER_SIZE_PX
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.segmenter import Segments
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.rows import Row

log = get_logger(__name__)

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)  # side of the box as a share of the image's side
ORGANS = ("lungs", "heart")
AVERAGE = "average"  # mean of lungs and heart, as in the paper's figure
BOX_COLUMNS = ["model", "source", "image_id", "box_px", "place", "organ", "dice", "hd_px"]
COLUMNS = [
    *("model", "organ", "box_px", "boxes", "infinite", "dice", "dice_low", "dice_high"),
    *("hd_px", "hd_low", "hd_high", "hd_px_median", "hd_px_growth"),
]


def occlude(image: UInt8[np.ndarray, "h w"], share: float, place: tuple[float, float]) -> UInt8[np.ndarray, "h w"]:
    """Return a copy of the image with a black box.

    Parameters
    ----------
    image
        8-bit image; it is not changed.
    share
        Sides of the box as shares of the image's sides.
    place
        Position (x, y) in [0, 1]: 0 puts the box at the left or top edge, 1 at the right or bottom edge. Boxes of all
        sizes therefore lie within the image, and at one position a larger box covers a smaller one.
    """
    height, width = image.shape
    rows, columns = round(share * height), round(share * width)
    left, top = round(place[0] * (width - columns)), round(place[1] * (height - rows))
    covered = image.copy()
    covered[top : top + rows, left : left + columns] = 0
    return covered


def box_places(image_id: str, count: int, seed: int) -> list[tuple[float, float]]:
    """Draw uniform positions of one image's boxes; they are the same for all sizes and models."""
    rng = np.random.default_rng(seed_of(image_id, "occlusion", seed))
    return [(float(x), float(y)) for x, y in rng.uniform(size=(count, 2))]


def run_occlusion(
    segmenter: Segments, cases: list[LabelledImage], recipe: Preparation, places: int, seed: int, model: str
) -> tuple[list[Row], list[dict[str, str]], list[np.ndarray]]:
    """Segment every image under every box.

    Returns
    -------
    Rows (``model``, ``source``, ``image_id``, ``box_px`` at 1024, ``place``, ``organ``, ``dice``, ``hd_px``), rejected
    images with reasons, and small pictures of the first three images under the boxes at their first position.
    """
    rows, faults, tiles = [], [], []
    spacing = (PAPER_SIZE_PX / recipe.size,) * 2
    shown = {case.image_id for case in cases[:3]}
    for case in progress(cases, f"{model}: occlusion"):
        image = case.image()
        for number, place in enumerate(box_places(case.image_id, places, seed)):
            for share in SHARES:
                box_px = round(share * PAPER_SIZE_PX)
                try:
                    result = segment_as_file(segmenter, occlude(image, share, place), IDENTITY, case, recipe)
                except ImageError as error:
                    log.warning("%s, box of %d px: rejected: %s", case.image_id, box_px, error)
                    fault = {"model": model, "kind": "occlusion", "level": str(box_px), "image_id": case.image_id}
                    faults.append(fault | {"reason": str(error)})
                    continue
                key = {
                    "model": model,
                    "source": case.source,
                    "image_id": case.image_id,
                    "box_px": box_px,
                    "place": number,
                }
                scores = []
                for organ in [each for each in ORGANS if each in result.found and each in result.truth]:
                    found, truth = result.found[organ], result.truth[organ]
                    scores.append((dice(found, truth), hausdorff(found, truth, spacing)))
                    rows.append(key | {"organ": organ, "dice": scores[-1][0], "hd_px": scores[-1][1]})
                if len(scores) == len(ORGANS):
                    mean_dice, mean_hd = np.mean(scores, axis=0)
                    rows.append(key | {"organ": AVERAGE, "dice": mean_dice, "hd_px": mean_hd})
                if number == 0 and case.image_id in shown:
                    text = f"{case.image_id}, box {box_px}: Dice " + " ".join(f"{each:.3f}" for each, _ in scores)
                    tiles.append(draw_panel((text, result.image, result.truth, result.found), TILE_PX))
    return rows, faults, tiles


def summarise_occlusion(boxes: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """Summarise Dice and HD by size of the box, with intervals over images (an image's boxes are averaged first).

    Infinite distances (a missed organ) are counted in ``infinite`` and left out of the mean. The median runs over all
    boxes and includes them. ``hd_px_growth`` is the mean HD minus the mean HD without a box.
    """
    rows = []
    for (model, organ), part in boxes.groupby(["model", "organ"], sort=False):
        start = None
        for box_px, group in part.groupby("box_px"):
            finite = group[np.isfinite(group["hd_px"])]
            by_image = finite.groupby("image_id")["hd_px"].mean().to_numpy(np.float64)
            overlap = group.groupby("image_id")["dice"].mean().dropna().to_numpy(np.float64)
            row = {"model": model, "organ": organ, "box_px": box_px, "boxes": len(group)}
            row["infinite"] = int(np.isinf(group["hd_px"]).sum())
            if overlap.size:
                low, high = bootstrap_interval(mean_of, overlap, resamples=resamples, seed=seed)
                row |= {"dice": overlap.mean(), "dice_low": low, "dice_high": high}
            if by_image.size:
                low, high = bootstrap_interval(mean_of, by_image, resamples=resamples, seed=seed)
                start = by_image.mean() if box_px == 0 else start
                row |= {"hd_px": by_image.mean(), "hd_low": low, "hd_high": high}
                row["hd_px_growth"] = None if start is None else by_image.mean() - start
            row["hd_px_median"] = group["hd_px"].median()
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)
