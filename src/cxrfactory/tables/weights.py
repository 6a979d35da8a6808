"""Weights files in the safetensors format, each with a JSON card; pickles are not used."""

import hashlib
import json
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import atomic_path, write_text
from cxrfactory.tables.key_values import parse_json

PRETRAINED = "pretrained"  # name of the package's weights for lungs and heart
# Name of weights that the package contains -> stem of their file.
_PRETRAINED_FILES = {
    PRETRAINED: "lungs-heart",
    "pretrained-whole-lungs": "whole-lungs",
    "pretrained-registration": "registration",
    "pretrained-orientation": "orientation",
    "pretrained-sides": "sides",
    "pretrained-anatomy": "anatomy",
}
PRETRAINED_NAMES = tuple(_PRETRAINED_FILES)
LARGEST_HALF = 65504.0  # largest 16-bit float
_SHOWN_SIGNS = 100  # number of characters quoted from another library's message
NetworkSettings = dict[str, Any]  # arguments of a network's builder: names to numbers, texts or lists of them


class WeightsCard(TypedDict):
    """The content of the JSON card of a weights file; exported weights have further entries.

    Attributes
    ----------
    segmenter
        Registered name of the network.
    settings
        Arguments of the network's builder.
    normalisation
        Normalisation of the grey values for the network.
    data
        Training data: images by source and split.
    metrics
        Metrics on the validation images from the training.
    sha256
        SHA-256 of the weights file, hexadecimal; it is set when the file is written.
    """

    segmenter: str
    settings: NetworkSettings
    normalisation: str
    data: dict[str, object]
    metrics: dict[str, object]
    sha256: NotRequired[str]


CARD_KEYS = ("segmenter", "settings", "normalisation", "data", "metrics", "sha256")


def weights_file(name: str | Path) -> Path:
    """Return the file of weights that are given by path or by a name of the package, e.g. ``pretrained``."""
    if str(name) not in _PRETRAINED_FILES:
        return Path(name)
    return Path(__file__).parents[1] / "pretrained" / f"{_PRETRAINED_FILES[str(name)]}.safetensors"


def card_path(weights: str | Path) -> Path:
    """Return the path of the card of a weights file, which has the same name with the suffix ``.json``."""
    return Path(weights).with_suffix(".json")


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_weights(path: str | Path, tensors: dict[str, np.ndarray], card: WeightsCard) -> None:
    """Write the tensors and their card, each atomically; the SHA-256 of the tensors' file is added to the card.

    Raises
    ------
    CxrError
        If the card lacks one of ``CARD_KEYS`` other than ``sha256``.
    """
    from safetensors.numpy import save_file

    path = Path(path)
    missing = [key for key in CARD_KEYS if key not in card and key != "sha256"]
    if missing:
        raise CxrError(f"{card_path(path)}: keys {missing} are missing from the weights card")
    with atomic_path(path) as temporary:
        save_file({name: np.asarray(value, order="C") for name, value in sorted(tensors.items())}, temporary)
        digest = sha256_of(temporary)
    write_text(card_path(path), json.dumps({**card, "sha256": digest}, indent=2, sort_keys=True) + "\n")


def read_weights(path: str | Path) -> tuple[dict[str, np.ndarray], WeightsCard]:
    """Read a weights file and its card; the path may be a name of the package's weights (:func:`weights_file`).

    Tensors of 16-bit floats are returned as 32-bit floats.

    Raises
    ------
    CxrError
        If either file is missing or unreadable, or the card belongs to other weights.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = weights_file(path)
    for each in (path, card_path(path)):
        if not each.is_file():
            raise CxrError(f"{each}: no such file; weights are NAME.safetensors with NAME.json beside them")
    try:
        card = parse_json(card_path(path).read_text(encoding="utf-8"), card_path(path))
    except (ValueError, RecursionError) as error:  # ValueError includes other encodings and overlong numbers
        raise CxrError(f"{card_path(path)}: not readable as JSON ({str(error)[:_SHOWN_SIGNS]})") from error
    missing = [key for key in CARD_KEYS if not isinstance(card, dict) or key not in card]
    if missing:
        raise CxrError(f"{card_path(path)}: keys {missing} are missing from the weights card")
    if card["sha256"] != sha256_of(path):
        raise CxrError(f"{path}: its SHA-256 is not the one in {card_path(path).name}; the card is of other weights")
    try:
        tensors = load_file(path)
    # The last three errors occur for number types that numpy lacks, such as bfloat16.
    except (SafetensorError, OSError, AttributeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:_SHOWN_SIGNS]
        raise CxrError(f"{path}: not readable as safetensors ({reason})") from error
    return {name: each.astype(np.float32) if each.dtype == np.float16 else each for name, each in tensors.items()}, card


def export_weights(weights: str | Path, output: str | Path, facts: dict[str, object]) -> None:
    """Write weights again as 16-bit floats, with further facts in their card.

    Parameters
    ----------
    weights
        Weights to read, by path or name (:func:`weights_file`).
    output
        File to write (``.safetensors``); the card is written beside it.
    facts
        Entries to add to the card: intended use, data and its licences, failure cases, ... Existing entries are kept.

    Raises
    ------
    CxrError
        If a number does not fit into 16 bits, or a fact would replace an existing entry of the card.
    """
    tensors, card = read_weights(weights)
    taken = sorted(set(facts) & set(card))
    if taken:
        raise CxrError(f"card facts {taken} stand in the card already; give them other names")
    half = {}
    for name, each in tensors.items():
        if each.dtype == np.float32 and each.size and not np.abs(each).max() <= LARGEST_HALF:
            raise CxrError(f"{weights}: tensor '{name}' has numbers up to {np.abs(each).max():g}; 16 bits end at 65504")
        half[name] = each.astype(np.float16) if each.dtype == np.float32 else each
    write_weights(output, half, {name: value for name, value in card.items() if name != "sha256"} | facts)
