"""Train Post-DAE on contours alone, and measure on held-out contours how well it corrects masks."""

import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory import __version__
from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import PostDaeConfig, PostDaeModelConfig
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.device import single_threaded
from cxrfactory.models.pixel.losses import dice_cross_entropy
from cxrfactory.models.post_dae import NAME, PostDAE, build
from cxrfactory.models.postprocess import PostProcessor, to_cover
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.weights import read_weights, write_weights
from cxrfactory.train.data.shapes import Shape, moved, shapes_of_landmarks, shapes_of_tables
from cxrfactory.train.postprocess.degrade import KINDS, degrade, degrade_at_random
from cxrfactory.train.postprocess.examples import write_examples

log = get_logger(__name__)

FINER = 2  # masks are filled and degraded at this multiple of the network's side, which gives partly covered pixels
CHECK_FRAME = 1024
UNTOUCHED = "none"
WARMUP = 0.05


def fit(network: PostDAE, shapes: Sequence[Shape], steps: int, batch_size: int, rate: float, seed: int) -> list[float]:
    """Train in place on the CPU in one thread, and return the loss of every step; a seed determines the weights."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share_of_rate(step / steps))
    network.to(memory_format=torch.channels_last).train()
    losses, started = [], time.monotonic()
    with single_threaded():
        for step in range(steps):
            rng = np.random.default_rng(seed_of(str(step), "post-dae-batch", seed))
            seen, target, annotated = batch(network, shapes, batch_size, rng)
            seen = seen.contiguous(memory_format=torch.channels_last)
            loss = sum(dice_cross_entropy(logits, target, annotated) for logits in network.stages(seen))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            if (step + 1) % 250 == 0 or step + 1 == steps:
                recent = float(np.mean(losses[-250:]))
                log.info("step %d of %d, %.0f s: loss %.4f", step + 1, steps, time.monotonic() - started, recent)
    return losses


def _share_of_rate(progress: float) -> float:
    """Return the share of the learning rate: a linear rise over the first 5 % of the run, then half a cosine to 0."""
    if progress < WARMUP:
        return progress / WARMUP
    return 0.5 * (1 + math.cos(math.pi * (progress - WARMUP) / (1 - WARMUP)))


def batch(
    network: PostDAE, shapes: Sequence[Shape], count: int, rng: np.random.Generator
) -> tuple[Float[Tensor, "b o s s"], Float[Tensor, "b o s s"], Tensor]:
    """Make the covered shares of degraded masks and of true masks, and mark the annotated organs ``[b, o]``."""
    side = network.input_size
    seen, target, known = [], [], []
    for index in rng.choice(len(shapes), count, replace=count > len(shapes)):
        masks, annotated = moved(shapes[index], rng).masks(network.organs, side * FINER)
        seen.append(to_cover(degrade_at_random(masks, rng), side))
        target.append(to_cover(masks, side))
        known.append(annotated)
    return torch.from_numpy(np.stack(seen)), torch.from_numpy(np.stack(target)), torch.from_numpy(np.stack(known))


def check(post: PostProcessor, shapes: Sequence[Shape], frame: int = CHECK_FRAME, seed: int = 0) -> pd.DataFrame:
    """Degrade held-out shapes in every way, correct them, and compare both with the truth.

    Parameters
    ----------
    post
        The trained post-processor.
    shapes
        Held-out shapes.
    frame
        Side of the masks, in pixels.
    seed
        Seed of the degradation, together with the image's id and the kind.

    Returns
    -------
    DataFrame
        One row per kind, image and annotated organ: ``kind`` (``none`` for true masks), ``image_id``, ``source``,
        ``organ``, and the Dice with the truth ``before`` and ``after`` the correction.
    """
    rows = []
    for shape in progress(shapes, "check"):
        truth, annotated = shape.masks(post.organs, frame)
        for kind in (UNTOUCHED, *KINDS):
            rng = np.random.default_rng(seed_of(shape.image_id, f"post-dae-check {kind}", seed))
            spoiled = truth if kind == UNTOUCHED else degrade(truth, kind, rng)
            mended = post(dict(zip(post.organs, spoiled, strict=True)))
            for place in np.flatnonzero(annotated):
                organ = post.organs[place]
                values = {"before": dice(spoiled[place], truth[place]), "after": dice(mended[organ], truth[place])}
                rows.append({"kind": kind, "image_id": shape.image_id, "source": shape.source, "organ": organ} | values)
    return pd.DataFrame(rows)


def summary_by_kind(rows: pd.DataFrame) -> pd.DataFrame:
    """Average the Dice before and after over images and organs, by kind, in the order of the rows."""
    return rows.groupby("kind", sort=False)[["before", "after"]].mean()


def read_shapes(
    labelled: Sequence[Path] | None, landmarks: Path | None, settings: PostDaeConfig
) -> tuple[list[Shape], list[Shape]]:
    """Read the contours to train on and the held-out ones, from labelled tables or from a landmark set."""
    organs = landmark_graph(settings.graph)
    return shapes_of_tables(labelled, organs) if labelled else shapes_of_landmarks(landmarks, organs)


def train_post_dae(
    train: Sequence[Shape],
    val: Sequence[Shape],
    output: Path,
    settings: PostDaeConfig,
    report: Path | None = None,
    examples: Path | None = None,
    network_settings: dict[str, object] | None = None,
) -> pd.DataFrame:
    """Train, write the weights with their card, and return the :func:`check` of the held-out shapes.

    Parameters
    ----------
    train, val
        Shapes to train on, and held-out shapes (:mod:`cxrfactory.train.data.shapes`).
    output
        Weights to write (``.safetensors``), with their card in the same folder.
    settings
        Settings of the network and of its training: AdamW, a warm-up of the learning rate, then half a cosine.
    report
        If given, CSV file to write with the returned table.
    examples
        If given, image file to write with held-out masks, degraded and corrected.
    network_settings
        Further settings of :func:`cxrfactory.models.post_dae.build`.
    """
    architecture = settings.model_dump(include=set(PostDaeModelConfig.model_fields))
    training = settings.model_dump(exclude=set(PostDaeModelConfig.model_fields))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(NAME, "init", settings.seed))
        network = build(architecture | (network_settings or {}))
    fit(network, train, settings.steps, settings.batch_size, settings.learning_rate, settings.seed)
    tensors = {name: value.numpy() for name, value in network.eval().state_dict().items()}
    card = {"segmenter": NAME, "settings": network.settings(), "normalisation": "covered share of every pixel"}
    rows = check(PostProcessor(tensors, card), val)
    metrics = summary_by_kind(rows)
    for kind, row in metrics.iterrows():
        log.info("held out, %s: Dice %.4f before, %.4f after", kind, row["before"], row["after"])
    card |= {
        "data": {"train": len(train), "val": len(val), "sources": sorted({each.source for each in train})},
        "metrics": {str(kind): row.round(6).to_dict() for kind, row in metrics.iterrows()},
        "training": training,
        "version": __version__,
    }
    write_weights(output, tensors, card)
    if report is not None:
        write_text(report, rows.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    if examples is not None:
        write_examples(PostProcessor(*read_weights(output)), val, examples)
    return rows
