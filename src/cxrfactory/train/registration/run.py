"""Train the registration network of deep RCA on pairs of labelled images.

CheXmask trains its registration on labelled radiographs (Gaggion et al. 2024, "Validation via RCA-estimated DSC"). The
loss rewards agreement of labels and images: Dice of the warped masks, local correlation and bending energy. Labels of
different definitions (lungs with or without the part behind the heart) can be used together; each image is paired with
images of its own definition.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from cxrfactory import __version__
from cxrfactory.anatomy.graph import LandmarkGraph, graph_of_labels, landmark_graph
from cxrfactory.config import RegistrationConfig, TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.models.registration import REGISTRATION, RegistrationNet
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.weights import sha256_of, write_weights
from cxrfactory.train.checkpoint import load_checkpoint, save_checkpoint
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.augment import move, recolour
from cxrfactory.train.data.images import LabelledImages, load_labelled
from cxrfactory.train.data.reshape import Reshaper, read_reshaper
from cxrfactory.train.registration.losses import Smoothness, facts_of, filled, folded, soft_dice, warped

log = get_logger(__name__)

# The ranges cover rotation, cropping and other exposures. Negatives are left out on purpose: they must not fit.
AUGMENTATION = TrainConfig(rotation_degrees=8.0, scale=0.25, shift=0.08, appearance=0.25)
WARMUP_STEPS = 60
AVERAGE = 0.995  # decay of the running average of the weights
SIDE = 256  # side of the masks in validation, in pixels
NEIGHBOURS = (1, 3, 7)  # offsets, in the list of held-out images, of the images that each one is registered onto
COPIES = 2  # differently moved copies of every training image that enter the statistics of typical images


@dataclass(frozen=True)
class Group:
    """Images that annotate the same organs by the same definition."""

    graph: LandmarkGraph
    images: LabelledImages
    chosen: np.ndarray  # indices of those that annotate the whole graph

    @property
    def weight(self) -> int:
        """Number of annotated organs of all images, which weights the choice of a group."""
        return len(self.chosen) * len(self.graph.organs)

    def pick(self, indices: np.ndarray) -> tuple[torch.Tensor, Annotations]:
        """Return images ``[b, 1, s, s]`` in [0, 1] and their annotations."""
        images = torch.from_numpy(self.images.images[indices]).unsqueeze(1).float() / 255
        return images, self.images.annotations(indices)


def load_groups(tables: Sequence[Path], split: str, input_size: int) -> list[Group]:
    """Load the groups of a split: lungs and heart (lungs alone where no heart is annotated), and whole lungs.

    Raises
    ------
    CxrError
        If a group has fewer than two images, or no image has the split.
    """
    codes = [
        (path, set(table.loc[table["split"] == split, "labels"]))
        for path, table in ((path, read_table(path, columns=["labels", "split"])) for path in tables)
    ]
    groups = []
    for names in (("lungs-heart", "lungs"), ("whole-lungs",)):
        definition = landmark_graph(names[0]).definition
        holding = [(path, [graph_of_labels(code, str(path)) for code in found]) for path, found in codes]
        paths = [path for path, graphs in holding if any(each.definition == definition for each in graphs)]
        if not paths:
            continue
        annotated = [set(each.organs) for _, graphs in holding for each in graphs if each.definition == definition]
        fitting = [name for name in names if any(set(landmark_graph(name).organs) <= organs for organs in annotated)]
        if not fitting:
            continue
        graph = landmark_graph(fitting[0])
        images = load_labelled(paths, split, graph, input_size)
        chosen = images.whole()
        if len(chosen) < 2:
            raise CxrError(f"{', '.join(map(str, paths))}: {len(chosen)} images of split '{split}' annotate all of "
                           f"'{graph.name}'; registration needs pairs")  # fmt: skip
        groups.append(Group(graph, images, chosen))
    if not groups:
        raise CxrError(f"{', '.join(map(str, tables))}: no image has split '{split}'; expected 'train' and 'val'")
    return groups


def train_registration(
    labelled: Sequence[Path], output: Path, settings: RegistrationConfig, history: Path | None = None
) -> dict[str, float]:
    """Train the network, and write ``output`` with its card.

    Parameters
    ----------
    labelled
        Preprocessed labelled tables, schema ``LABELLED_IMAGES``, splits ``train`` and ``val``.
    output
        Weights to write (``.safetensors``).
    settings
        Settings of the training. An interrupted run with the same settings continues from its last checkpoint.
    history
        If given, CSV file to write with the course of the run.

    Returns
    -------
    dict
        Metrics on pairs of ``val``: Dice of the warped masks by organ, and share of folded cells.
    """
    torch.manual_seed(seed_of("registration", "init", settings.seed))
    network = RegistrationNet()
    train = load_groups(labelled, "train", network.input_size)
    val = load_groups(labelled, "val", network.input_size)
    held_out = {image_id for group in val for image_id in group.images.ids}
    reshape = None
    if settings.shapes is not None:
        reshape = read_reshaper(settings.shapes, landmark_graph("lungs-heart"), held_out)
    digests = [sha256_of(path) for path in labelled]
    key = json.dumps([settings.model_dump(), digests, None if reshape is None else reshape.digest], sort_keys=True)
    checkpoint = output.with_name(f"{output.stem}.{seed_of(key, 'checkpoint'):016x}.checkpoint")
    rows = _fit(network, train, val, settings, reshape, checkpoint)
    network.eval()
    network.learn_usual(_summaries(network, train, COPIES), _summaries(network, val, 0))
    metrics = validate(network, val)
    facts = settings.model_dump() | {"shapes": settings.shapes and Path(settings.shapes).name}
    card = {
        "segmenter": REGISTRATION,
        "settings": network.settings(),
        "normalisation": "8-bit grey / 255; ranks within the image, polarity as it is",
        "data": {
            "train": sum(len(group.chosen) for group in train),
            "val": sum(len(group.chosen) for group in val),
            "labelled_sha256": digests,
        },
        "training": facts,
        "metrics": {"val": metrics},
        "cxrfactory": __version__,
        "torch": torch.__version__,
    }
    write_weights(output, {name: value.numpy() for name, value in network.state_dict().items()}, card)
    if history is not None:
        with atomic_path(history) as temporary:
            pd.DataFrame(rows).to_csv(temporary, index=False, float_format="%.6g")
    checkpoint.unlink(missing_ok=True)
    log.info("wrote %s: %s", output, ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))
    return metrics


def _fit(
    network: RegistrationNet,
    groups: list[Group],
    val: list[Group],
    settings: RegistrationConfig,
    reshape: Reshaper | None,
    checkpoint: Path,
) -> list[dict[str, Any]]:
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-5)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    smoothness, rows, recent, first = Smoothness(), [], [], 0
    if checkpoint.is_file():
        state = load_checkpoint(checkpoint, network, average, optimizer)
        first, rows = state["step"], state["rows"]
        log.info("resumed from %s after step %d", checkpoint, first)
    spent, started = sum(row["seconds"] for row in rows), time.monotonic()
    for step in range(first, settings.steps):
        rate = settings.learning_rate * min(1.0, (step + 1) / WARMUP_STEPS)
        rate *= 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, facts = _step(network, groups, settings, reshape, smoothness, step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        recent.append(facts)
        decay = min(AVERAGE, (1 + step) / (10 + step))  # rises, so that the first weights soon lose their influence
        with torch.no_grad():
            for name, value in network.state_dict().items():
                average[name].lerp_(value, 1 - decay) if value.is_floating_point() else average[name].copy_(value)
        last = step + 1 == settings.steps
        if not last and (step + 1) % settings.validate_every:
            continue
        current = {name: value.detach().clone() for name, value in network.state_dict().items()}
        network.load_state_dict(average)
        found = validate(network, val)
        seconds, started = time.monotonic() - started, time.monotonic()
        spent += seconds
        rows.append(
            {"step": step + 1, "seconds": seconds, "learning_rate": rate}
            | facts_of(recent, ("dice", "bending", "similarity"))
            | {f"val_{name}": value for name, value in found.items()}
        )
        recent = []
        shown = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
        log.info("step %d of %d, %.0f s: dice %.4f; val %s", step + 1, settings.steps, spent, rows[-1]["dice"], shown)
        if not last:
            network.load_state_dict(current)
            save_checkpoint(checkpoint, network, average, optimizer, {"step": step + 1, "rows": rows})
    return rows


def _step(
    network: RegistrationNet,
    groups: list[Group],
    settings: RegistrationConfig,
    reshape: Reshaper | None,
    smoothness: Smoothness,
    step: int,
) -> tuple[torch.Tensor, dict[str, float]]:
    generator = torch.Generator().manual_seed(seed_of(str(step), "registration", settings.seed))
    rng = np.random.default_rng(seed_of(str(step), "pairs", settings.seed))
    weights = np.array([group.weight for group in groups], np.float64)
    group = groups[rng.choice(len(groups), p=weights / weights.sum())]
    count = min(settings.batch_size, len(group.chosen))
    images, annotations = group.pick(rng.choice(group.chosen, count, replace=False))
    if reshape is not None:
        images, annotations = reshape(images, annotations, generator)
    images, annotations = move(images, annotations, AUGMENTATION, generator)
    images = recolour(images, AUGMENTATION, generator)
    masks = filled(annotations.points, group.graph, network.input_size)
    with torch.no_grad():
        ranks = network.normaliser(images)
    described = network.describe(images)
    partners = min(settings.partners, count - 1)
    offsets = rng.choice(np.arange(1, count), partners, replace=False)
    moving = torch.arange(count).repeat(partners)
    fixed = torch.cat([(torch.arange(count) + int(offset)) % count for offset in offsets])
    alignment = network.align(described[moving], described[fixed])
    overlap = soft_dice(warped(masks[moving], alignment.grid(network.input_size)), masks[fixed]).mean()
    bending = smoothness.bending(alignment)
    similarity = smoothness.correlation(ranks[moving], ranks[fixed], alignment)
    loss = 1 - overlap + settings.bending * bending + settings.similarity * similarity
    terms = {"dice": overlap, "bending": bending, "similarity": similarity}
    return loss, {name: float(value.detach()) for name, value in terms.items()}


@torch.inference_mode()
def validate(network: RegistrationNet, groups: list[Group]) -> dict[str, float]:
    """Compute the Dice of warped masks by group and organ (nearest neighbour, 256 px) and the share of folded cells."""
    was_training = network.training
    network.eval()
    found: dict[str, float] = {}
    folds = []
    for group in groups:
        images, annotations = group.pick(group.chosen)
        masks = filled(annotations.points, group.graph, SIDE)
        described = type(network.describe(images[:1])).join([network.describe(each[None]) for each in images])
        rows = []
        for offset in sorted({place % len(images) for place in NEIGHBOURS} - {0}):
            fixed = (torch.arange(len(images)) + offset) % len(images)
            for one, other in zip(torch.arange(len(images)).split(16), fixed.split(16), strict=True):
                alignment = network.align(described[one], described[other])
                rows.append(soft_dice(warped(masks[one], alignment.grid(SIDE), "nearest"), masks[other]))
                folds.append(folded(alignment))
        names = (f"{group.graph.name}_{organ}" for organ in group.graph.organs)
        found |= dict(zip(names, torch.cat(rows).mean(dim=0).tolist(), strict=True))
    network.train(was_training)
    return found | {"folded": float(np.mean(folds))}


@torch.inference_mode()
def _summaries(network: RegistrationNet, groups: list[Group], copies: int) -> torch.Tensor:
    """Compute the summaries of all images of the groups, and of moved copies of the images."""
    rows = []
    for group in groups:
        for copy in range(copies + 1):
            for start in range(0, len(group.chosen), 16):
                part, annotations = group.pick(group.chosen[start : start + 16])
                if copy:
                    generator = torch.Generator().manual_seed(seed_of(f"{copy} {start}", "usual"))
                    part = move(part, annotations, AUGMENTATION, generator)[0]
                rows.append(network.summary(network.describe(part)))
    return torch.cat(rows)
