"""The train stage: the labelled table to weights, history and curves."""

import json
from pathlib import Path

import pandas as pd
import torch

from cxrfactory import __version__
from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.logs import get_logger
from cxrfactory.models.registry import build_segmenter
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.weights import sha256_of, write_weights
from cxrfactory.train.data import load_labelled
from cxrfactory.train.loop import fit
from cxrfactory.train.plot import plot_curves
from cxrfactory.train.tasks import task_of

log = get_logger(__name__)

NORMALISATION = "8-bit grey / 255; batch normalisation with running statistics"


def train_segmenter(
    labelled: Path,
    output: Path,
    model: ModelConfig,
    settings: TrainConfig,
    device: torch.device,
    history: Path | None = None,
    curves: Path | None = None,
    resume: bool = True,
) -> dict[str, dict[str, float]]:
    """Train and write ``output`` with its card.

    Parameters
    ----------
    labelled
        Preprocessed labelled table, schema ``LABELLED_IMAGES``, splits ``train`` and ``val``.
    output
        Weights to write (``.safetensors``); the card stands beside it.
    model
        Which segmenter, graph, input size, skip connections, latent size.
    settings
        How to train.
    device
        Where.
    history, curves
        CSV and picture of the run, where wanted.
    resume
        Go on from ``<output>.checkpoint`` where an interrupted run left one of the same settings.

    Returns
    -------
    dict
        Metrics on ``val`` by organ.
    """
    graph = landmark_graph(model.graph)
    train = load_labelled(labelled, "train", graph, model.input_size)
    val = load_labelled(labelled, "val", graph, model.input_size)
    torch.manual_seed(seed_of("weights", "init", settings.seed))
    network = build_segmenter(model.segmenter, model.model_dump())
    # The checkpoint's name holds what it depends on: another config starts afresh.
    key = json.dumps([model.segmenter, network.settings(), settings.model_dump(), sha256_of(labelled)], sort_keys=True)
    checkpoint = output.with_name(f"{output.stem}.{seed_of(key, 'checkpoint'):016x}.checkpoint")
    if not resume:
        checkpoint.unlink(missing_ok=True)
    record = fit(network, train, val, settings, device, checkpoint)
    metrics = task_of(network, settings).metrics(network, val, device, distances=True)
    for organ, values in metrics.items():
        log.info("val %s: %s", organ, ", ".join(f"{name} {value:.4f}" for name, value in values.items()))
    card = {
        "segmenter": model.segmenter,
        "settings": network.settings(),
        "normalisation": f"{NORMALISATION}; input: {getattr(network, 'normalise', 'none')}",
        "data": {"train": len(train.ids), "val": len(val.ids), "labelled_sha256": sha256_of(labelled)},
        "training": settings.model_dump(),
        "metrics": {"val": metrics, "frame": "pixels at 1024 x 1024"},
        "cxrfactory": __version__,
        "torch": torch.__version__,
    }
    tensors = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    write_weights(output, tensors, card)
    frame = pd.DataFrame(record.rows)
    if history is not None:
        with atomic_path(history) as temporary:
            frame.to_csv(temporary, index=False, float_format="%.6g")
    if curves is not None:
        plot_curves(frame, curves)
    checkpoint.unlink(missing_ok=True)
    log.info("wrote %s", output)
    return metrics
