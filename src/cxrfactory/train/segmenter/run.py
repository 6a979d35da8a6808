"""The train stage: from labelled tables to weights, history and curves."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from cxrfactory import __version__
from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.anatomy.regions import contour_regions
from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.models.registry import PIXEL_MODELS, ModelKind, build_segmenter, model_kind
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.weights import read_weights, sha256_of, write_weights
from cxrfactory.train.course import History
from cxrfactory.train.data.balance import read_strata
from cxrfactory.train.data.images import load_labelled
from cxrfactory.train.data.layers import load_layers
from cxrfactory.train.data.reshape import read_reshaper
from cxrfactory.train.data.tables import ALL, regions_of
from cxrfactory.train.segmenter.curves import plot_curves
from cxrfactory.train.segmenter.kept import KeptEpochs
from cxrfactory.train.segmenter.loop import fit
from cxrfactory.train.segmenter.many import MANY, ManyRegionsTask
from cxrfactory.train.segmenter.parts import start_from_parts
from cxrfactory.train.segmenter.stopping import mean_dice
from cxrfactory.train.segmenter.tasks import task_of

log = get_logger(__name__)

SHOWN = 5  # names that an error lists
NORMALISATION = "8-bit grey / 255; batch normalisation with running statistics"
ATLAS_NORMALISATION = "8-bit grey; local contrast equalised before registration"
FRAMES = ("pixels at 1024 x 1024", "pixels of the network's input")  # where few regions, and many, are measured
HISTORY_COLUMNS = ("epoch", "loss", "learning_rate", "seconds")


def train_segmenter(
    labelled: Path | Sequence[Path],
    output: Path,
    model: ModelConfig,
    settings: TrainConfig,
    device: torch.device,
    history: Path | None = None,
    curves: Path | None = None,
    resume: bool = True,
    init: Path | None = None,
    without_sources: Sequence[str] = (),
    views: Sequence[str] = (),
    keep_epochs: Sequence[int] = (),
    parts_from: Sequence[Path] = (),
) -> dict[str, dict[str, float]]:
    """Train a segmenter, and write ``output`` with its card.

    Parameters
    ----------
    labelled
        Preprocessed labelled table or tables, schema ``LABELLED_IMAGES``, splits ``train`` and ``val``.
    output
        Weights to write (``.safetensors``), with their card in the same folder.
    model
        Segmenter, graph, input size, skip connections and latent size.
    settings
        Settings of the training.
    device
        Device that the network is trained on.
    history, curves
        If given, CSV file and figure to write with the course of the run.
    resume
        Whether to continue from the checkpoint that an interrupted run with the same settings left beside ``output``.
    init
        Weights of the same network to start from, including what they learned from their training set (mean shape,
        template).
    without_sources
        Sources (column ``source``) whose images are used neither for training nor for validation; the card names them
        as ``data.without_sources``.
    views
        Views (column ``view``) whose images are used; without any, all. The card names the views as ``data.views``.
    keep_epochs
        Epochs, from 1, whose weights are also written, with a card, as ``{stem}-{epoch}.safetensors``.
    parts_from
        Weights of other networks that have parts of this one, such as its encoder; a later file replaces the parts of
        an earlier one.

    Returns
    -------
    dict
        Metrics on ``val`` by organ; empty for multi-atlas, which is not trained and which ``evaluate-model`` measures.
    """
    graph = landmark_graph(model.graph)
    tables = [labelled] if isinstance(labelled, str | Path) else list(labelled)
    digests = [sha256_of(path) for path in tables]
    kind = model_kind(model.segmenter)
    kept = KeptEpochs(output, keep_epochs)
    kept.check(0 if kind is ModelKind.ATLAS else settings.epochs)
    if model.organs and kind is not ModelKind.PIXEL:
        raise CxrError(
            f"organs {', '.join(model.organs)} for {model.segmenter}; only pixel networks take them: choose one of "
            f"{', '.join(PIXEL_MODELS)}, or leave organs empty"
        )
    if isinstance(model.input_size, str) and kind is not ModelKind.PIXEL:
        raise CxrError(
            f"input_size {model.input_size} for {model.segmenter}; only pixel networks take rows and columns: give a "
            "multiple of 32"
        )
    if model.organs == [ALL]:
        model = model.model_copy(update={"organs": regions_of(tables)})
        log.info("organs: %d regions of the tables", len(model.organs))
    torch.manual_seed(seed_of("weights", "init", settings.seed))
    network = build_segmenter(model.segmenter, model.network_settings())
    task = None if kind is ModelKind.ATLAS else task_of(network, settings)
    regions = None if task is None else task.regions
    _check_sides(settings, regions, graph)
    load = load_layers if isinstance(task, ManyRegionsTask) else load_labelled
    chosen = {"without_sources": without_sources, "views": views}
    train, val = (load(tables, split, graph, network.input_size, regions, **chosen) for split in ("train", "val"))
    strata = read_strata(settings.balance, settings.classes, tables, train.ids)
    reshape = None if settings.shapes is None else read_reshaper(settings.shapes, graph, val.ids)
    if init is not None:
        _start_from(network, model.segmenter, init)
    if parts_from:
        start_from_parts(network, model.segmenter, parts_from)
    # The name of the checkpoint depends on everything that the run depends on: another config starts anew.
    key = [model.segmenter, network.settings(), settings.recipe(), digests]
    bent = None if reshape is None else reshape.digest
    left_out = sorted(set(without_sources))
    parts = [sha256_of(path) for path in parts_from]
    more = [*left_out, *([{"views": sorted(set(views))}] if views else []), *([{"parts": parts}] if parts else [])]
    key = json.dumps([*key, None if init is None else sha256_of(init), strata, bent, *more], sort_keys=True)
    checkpoint = output.with_name(f"{output.stem}.{seed_of(key, 'checkpoint'):016x}.checkpoint")
    if not resume:
        checkpoint.unlink(missing_ok=True)
    extras = {"fresh": init is None, "strata": strata, "reshape": reshape, "keep": kept.offer}
    record = fit(network, train, val, settings, device, checkpoint, **extras)
    trained = kind is not ModelKind.ATLAS
    metrics = task_of(network, settings).metrics(network, val, device, distances=True) if trained else {}
    if len(metrics) > MANY:
        log.info("val: mean Dice %.4f of %d regions", mean_dice(metrics), len(metrics))
    for organ, values in metrics.items() if len(metrics) <= MANY else ():
        log.info("val %s: %s", organ, ", ".join(f"{name} {value:.4f}" for name, value in values.items()))
    card = {
        "segmenter": model.segmenter,
        "settings": network.settings(),
        "definition": f"masks as drawn of {_named(model.organs)}" if model.organs else graph.definition_text,
        "normalisation": f"{NORMALISATION}; input: {getattr(network, 'normalise', 'none')}"
        if trained
        else ATLAS_NORMALISATION,
        "data": {
            "train": len(train.ids),
            "val": len(val.ids),
            "labelled_sha256": digests[0] if len(digests) == 1 else digests,
            **({"without_sources": left_out} if left_out else {}),
            **({"views": sorted(set(train.views))} if any(train.views) else {}),
        },
        "training": _training_facts(settings, record, init, strata) | ({"parts_sha256": parts} if parts else {})
        if trained
        else {},
        "metrics": {"val": metrics, "frame": FRAMES[isinstance(task, ManyRegionsTask)]},
        "cxrfactory": __version__,
        "torch": torch.__version__,
    }
    tensors = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    write_weights(output, tensors, card)
    kept.finish(card)
    frame = pd.DataFrame(record.rows, columns=None if record.rows else list(HISTORY_COLUMNS))
    if history is not None:
        with atomic_path(history) as temporary:
            frame.to_csv(temporary, index=False, float_format="%.6g")
    if curves is not None:
        plot_curves(frame, curves)
    checkpoint.unlink(missing_ok=True)
    log.info("wrote %s", output)
    return metrics


def _check_sides(settings: TrainConfig, regions: Sequence[str] | None, graph: LandmarkGraph) -> None:
    """Check that mirrored images keep the meaning of what is learned.

    A mirrored right lung is a left one, and a contour shows nothing of what reflection brings into the image.
    """
    if not settings.mirror and settings.padding == "plain":
        return
    name = "mirror" if settings.mirror else "padding"
    odd = "landmarks" if regions is None else _sided(regions, graph)
    if odd:
        raise CxrError(
            f"train: {name} is {getattr(settings, name)} for a network that learns {odd}; mirrored images need a pixel "
            "network whose regions have no side and are drawn, such as --organs lungs: give these, or leave it out"
        )


def _sided(regions: Sequence[str], graph: LandmarkGraph) -> str | None:
    contours = contour_regions(graph)
    return next((each for each in regions if each in contours or each.startswith(("right_", "left_"))), None)


def _named(organs: Sequence[str]) -> str:
    return ", ".join(organs) if len(organs) <= MANY else f"the {len(organs)} regions that settings.organs names"


def _training_facts(
    settings: TrainConfig, record: History, init: Path | None, strata: list[str] | None
) -> dict[str, Any]:
    facts = settings.recipe()
    for place in ("classes", "shapes"):
        if facts[place] is not None:
            facts[place] = Path(facts[place]).name  # cards are published and must not contain folder names
    if strata is not None:
        facts["balanced"] = dict(sorted(Counter(strata).items()))
    if init is not None:
        facts["init_sha256"] = sha256_of(init)
    if record.best_epoch is not None:
        facts |= {"stopped_epoch": len(record.rows), "kept_epoch": record.best_epoch}
    return facts


def _start_from(network: torch.nn.Module, segmenter: str, init: Path) -> None:
    """Load the numbers of trained weights; the input size may differ where it does not change the shapes."""
    tensors, card = read_weights(init)
    # The number of passes does not change the weights.
    found, wanted = ({**settings, "passes": None} for settings in (card["settings"], network.settings()))
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if {name: value.shape for name, value in tensors.items()} == shapes:
        found["input_size"] = wanted["input_size"]
    if card["segmenter"] != segmenter:
        raise CxrError(f"{init}: weights of a {card['segmenter']}; expected those of a {segmenter}, which is trained")
    if found != wanted:
        differ = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        raise CxrError(f"{init}: {'; '.join(_other(name, found.get(name), wanted.get(name)) for name in differ)}")
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in tensors.items()})


def _other(name: str, found: object, wanted: object) -> str:
    """Say how a setting of the weights differs from that of the network that is trained; long lists by their parts."""
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple) and max(len(found), len(wanted)) > SHOWN:
        extra, missing = (sorted({*one} - {*other}, key=str) for one, other in ((found, wanted), (wanted, found)))
        return (
            f"{name} differ; only in the weights: {_few(extra)}; only in the network that is trained: {_few(missing)}"
        )
    return f"{name} is {found}; expected {wanted}, as in the network that is trained"


def _few(names: Sequence[object]) -> str:
    shown = ", ".join(map(str, names[:SHOWN]))
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown or "none"
