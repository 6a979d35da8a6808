"""Contact sheets of the worst masks of each source: the truth white, the found masks in the organs' colours."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from cxrfactory.evaluate.generalise.truth import StudyImage
from cxrfactory.evaluate.models.pictures import TILE_PX, draw_panel, sheet
from cxrfactory.models.segmenter import Masks, Segments
from cxrfactory.tables.file_names import file_stem


def organ_mean(images: pd.DataFrame) -> pd.Series:
    """Return the mean Dice of the single organs of each image, or that of the outline where no organ was measured."""
    organs = images[["dice_right_lung", "dice_left_lung", "dice_heart"]].astype(np.float64).mean(axis=1)
    return organs.fillna(images["dice_outline"].astype(np.float64))


def worst_sheets(
    images: pd.DataFrame, cases: Sequence[StudyImage], segmenter: Segments, count: int
) -> Iterator[tuple[str, UInt8[np.ndarray, "rows columns 3"]]]:
    """Yield the file name and the picture of each source's worst images, worst first.

    Parameters
    ----------
    images
        Measured images, with ``image_id``, ``source`` and the Dice by organ.
    cases
        The images with their truth.
    segmenter
        Model that segments the drawn images again.
    count
        Largest number of images of a source; 0 draws none.
    """
    by_id = {case.image_id: case for case in cases}
    scores = images.assign(score=organ_mean(images)).dropna(subset=["score"])
    for source, group in scores.groupby("source", sort=True):
        worst = group.sort_values(["score", "image_id"], kind="stable").head(count)
        tiles = [_tile(by_id[row.image_id], segmenter, row.score) for row in worst.itertuples()]
        if tiles:
            yield f"worst-{file_stem(str(source))}.png", sheet(tiles, columns=min(6, len(tiles)))


def _tile(case: StudyImage, segmenter: Segments, score: float) -> UInt8[np.ndarray, "rows columns 3"]:
    image = case.image()
    found = segmenter(image, case.size).masks
    text = f"{case.image_id}: {score:.3f}"
    return draw_panel((text, image, _true_masks(case, segmenter.definition), found), TILE_PX)


def _true_masks(case: StudyImage, definition: str) -> Masks:
    """Return the truth by the model's definition, or by another one where the image has only that."""
    truth = case.truth(definition)
    for other in case.definitions():
        if not truth:
            truth = case.truth(other)
    return {organ: each.mask.astype(np.uint8) for organ, each in truth.items()}
