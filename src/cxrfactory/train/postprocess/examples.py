"""Degraded masks and the results of a post-processor side by side, for visual inspection."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.models.postprocess import PostProcessor
from cxrfactory.tables.keys import seed_of
from cxrfactory.train.data.shapes import Shape
from cxrfactory.train.postprocess.degrade import KINDS, degrade

TILE_PX = 192
FRAME = 768
PATIENTS = 3


def write_examples(post: PostProcessor, shapes: Sequence[Shape], path: Path) -> None:
    """Draw one column per kind and two rows per patient: degraded masks above, corrected ones below.

    The true contours are white. The first three of the shapes with the most annotated organs are drawn.
    """
    most = max(len(shape.contours) for shape in shapes)
    chosen = [shape for shape in shapes if len(shape.contours) == most][:PATIENTS]
    rows = []
    for shape in chosen:
        truth, _ = shape.masks(post.organs, FRAME)
        columns = []
        for kind in KINDS:
            spoiled = degrade(truth, kind, np.random.default_rng(seed_of(shape.image_id, f"post-dae-picture {kind}")))
            mended = post(dict(zip(post.organs, spoiled, strict=True)))
            above = _tile(spoiled, truth, post.organs, kind)
            columns.append(np.vstack([above, _tile(np.stack(list(mended.values())), truth, post.organs, "mended")]))
        rows.append(np.hstack(columns))
    save_png(np.vstack(rows), path)


def _tile(
    masks: UInt8[np.ndarray, "o s s"], truth: UInt8[np.ndarray, "o s s"], organs: Sequence[str], text: str
) -> UInt8[np.ndarray, "t t 3"]:
    picture = np.zeros((TILE_PX, TILE_PX, 3), np.float32)
    for mask, organ in zip(masks, organs, strict=True):
        cover = cv2.resize(mask.astype(np.float32), (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)
        picture += 0.7 * cover[..., None] * np.array(ORGAN_COLOURS[organ], np.float32)
    tile = np.clip(picture, 0, 255).astype(np.uint8)
    for mask in truth:
        small = cv2.resize(mask * np.uint8(255), (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)
        contours, _ = cv2.findContours((small > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(tile, contours, -1, (255, 255, 255), 1)
    cv2.putText(tile, text, (4, TILE_PX - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (230, 230, 230), 1, cv2.LINE_AA)
    tile[:, -1] = tile[-1, :] = 90
    return tile
