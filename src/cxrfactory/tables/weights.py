"""Weights files: safetensors beside a JSON card, never pickles."""

import hashlib
import json
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import atomic_path, write_text

PRETRAINED = "pretrained"  # names the weights of lungs and heart that come with the package
# Names of weights that come with the package -> their file.
_PRETRAINED_FILES = {
    PRETRAINED: "lungs-heart",
    "pretrained-whole-lungs": "whole-lungs",
    "pretrained-registration": "registration",
}
LARGEST_HALF = 65504.0
_SHOWN_SIGNS = 100  # of another library's message
NetworkSettings = dict[str, Any]  # what a network's builder takes: names to numbers, texts or lists of them


class WeightsCard(TypedDict):
    """What is known of a weights file, as its JSON card holds it; exported weights have further facts.

    Attributes
    ----------
    segmenter
        Registered name of the network.
    settings
        What the network's builder needs to make it again.
    normalisation
        How grey values are brought to the network.
    data
        What it was trained on: images by source and split.
    metrics
        What training measured on the validation images.
    sha256
        SHA-256 of the weights file, hexadecimal; set when it is written.
    """

    segmenter: str
    settings: NetworkSettings
    normalisation: str
    data: dict[str, object]
    metrics: dict[str, object]
    sha256: NotRequired[str]


CARD_KEYS = ("segmenter", "settings", "normalisation", "data", "metrics", "sha256")


def weights_file(name: str | Path) -> Path:
    """File of weights that are given by path, or by name: e.g. ``pretrained``."""
    if str(name) not in _PRETRAINED_FILES:
        return Path(name)
    return Path(__file__).parents[1] / "pretrained" / f"{_PRETRAINED_FILES[str(name)]}.safetensors"


def card_path(weights: str | Path) -> Path:
    """Where the card of a weights file stands: the same name, ending in ``.json``."""
    return Path(weights).with_suffix(".json")


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_weights(path: str | Path, tensors: dict[str, np.ndarray], card: WeightsCard) -> None:
    """Write the tensors and their card, each atomically; the card takes the file's SHA-256.

    Raises
    ------
    CxrError
        If the card lacks one of ``CARD_KEYS``.
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
    """Read a weights file and its card; the names of :func:`weights_file` stand for the package's.

    Tensors stored in 16 bits are returned in 32.

    Raises
    ------
    CxrError
        If either is missing or unreadable, or the card belongs to another file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = weights_file(path)
    for each in (path, card_path(path)):
        if not each.is_file():
            raise CxrError(f"{each}: no such file; weights are NAME.safetensors with NAME.json beside them")
    try:
        card = json.loads(card_path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # the first: also text in another encoding, and numbers without end
        raise CxrError(f"{card_path(path)}: not readable as JSON ({str(error)[:_SHOWN_SIGNS]})") from error
    missing = [key for key in CARD_KEYS if not isinstance(card, dict) or key not in card]
    if missing:
        raise CxrError(f"{card_path(path)}: keys {missing} are missing from the weights card")
    if card["sha256"] != sha256_of(path):
        raise CxrError(f"{path}: its SHA-256 is not the one in {card_path(path).name}; the card is of other weights")
    try:
        tensors = load_file(path)
    # The last three: a type of number that numpy lacks, such as bfloat16.
    except (SafetensorError, OSError, AttributeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:_SHOWN_SIGNS]
        raise CxrError(f"{path}: not readable as safetensors ({reason})") from error
    return {name: each.astype(np.float32) if each.dtype == np.float16 else each for name, each in tensors.items()}, card


def export_weights(weights: str | Path, output: str | Path, facts: dict[str, object]) -> None:
    """Write weights again in 16 bits, with further facts in their card.

    Parameters
    ----------
    weights
        To read.
    output
        To write (``.safetensors``), the card beside it.
    facts
        Added to the card: intended use, data and its licences, failure cases, ... Keys that the card has are kept.

    Raises
    ------
    CxrError
        If a number does not fit into 16 bits, or a fact would replace an entry of the card.
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
