"""Write what a network's card says about its structures: thresholds, usual places, confidence, validation.

Thresholds and usual places come from films of known truth for every structure, such as kept-back virtual patients.
The confidence is fitted to the masks of real films whose truth is known, or to those virtual films where there are too
few. A structure is validated by truth, or else by plausibility on real films.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.config.zero_shot import ZeroShotTestConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.models.evaluate_models import write_csv
from cxrfactory.evaluate.zero_shot.films import FRAME, TestFilm, labelled_films
from cxrfactory.evaluate.zero_shot.measure import found_of
from cxrfactory.evaluate.zero_shot.study import STRUCTURE_OF, structure_of, zero_shot
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.anatomy.card import ENTRY, PLAUSIBLE, TRUTH, AnatomyCard
from cxrfactory.models.anatomy.confidence import fit_knots
from cxrfactory.models.anatomy.network import LABEL, AnatomyNetwork, FoundStructure
from cxrfactory.models.anatomy.places import Place, place_of, usual_place
from cxrfactory.models.anatomy.views import network_view
from cxrfactory.tables.weights import read_weights, write_weights

log = get_logger(__name__)

GRID = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)  # thresholds that are tried
NEARLY = 0.005  # of thresholds whose Dice differ by less, the one nearest to 0.5 is taken
LEAST_DICE = 0.75  # mean Dice with drawn truth on real films
LEAST_HITS = 0.7  # share of films in which the centroid of a vertebra lies in the drawn one
LEAST_PLAUSIBLE = 0.9  # share of real films in which a structure passes all checks
LEAST_VIRTUAL = 0.75  # mean Dice on films of known truth, without which plausibility does not validate
LEAST_PAIRS = 100  # masks of real films from which the confidence is fitted


def calibrate(
    weights: str | Path,
    known: Sequence[str | Path],
    tables: Sequence[str | Path],
    folders: Sequence[str | Path],
    spines: str | Path | None,
    output: Path,
    settings: ZeroShotTestConfig,
    recipe: Preparation,
    split: str = "val",
    evidence: Path | None = None,
) -> AnatomyCard:
    """Write weights again with the entry ``anatomy`` in their card.

    Parameters
    ----------
    weights
        Weights of a pixel network of structures.
    known
        Labelled tables with the truth of all structures: split ``split`` is used. A column ``view`` names the view.
    tables, folders, spines
        Real films, as those of :func:`cxrfactory.evaluate.zero_shot.study.zero_shot`.
    output
        Weights to write (``.safetensors``); the card is written beside them.
    settings
        Number of films, device, bootstrap.
    recipe
        Preprocessing of the films in folders.
    split
        Split of the known films.
    evidence
        Folder for the study's tables, and ``known.csv``: the Dice of each structure by view on the known films.

    Returns
    -------
    The entry.

    Raises
    ------
    CxrError
        If a file cannot be read, or no known film has a structure of the network.
    """
    tensors, stored = read_weights(weights)
    films = [film for path in known for film in labelled_films(path, settings.count, split, regions=None)]
    network = AnatomyNetwork(weights, settings.device)
    card = _fitted(network, films, str(weights))
    network = AnatomyNetwork(weights, settings.device, card)
    virtual = _known_dice(network, films)
    by_view = virtual.groupby(["view", "structure"])["dice"].mean()
    pairs = [(row.score, row.dice) for row in virtual.dropna(subset=["dice", "score"]).itertuples()]
    told = f"{len(films)} films of known truth"
    validated: dict[str, dict[str, str]] = {}
    if tables or folders or spines is not None:
        made = zero_shot(network, tables, folders, spines, settings, recipe, evidence)
        validated = validation(made, by_view, network.names)
        real = _real_pairs(made["scores"])
        if len(real) >= LEAST_PAIRS:
            pairs, told = real, f"{len(real)} masks of {made['scores']['image_id'].nunique()} real films"
    scores, dices = fit_knots(*zip(*pairs, strict=True)) if pairs else ([], [])
    card = replace(card, validated=validated, scores=tuple(scores), dices=tuple(dices), calibrated_on=told)
    facts = {name: value for name, value in stored.items() if name not in ("sha256", ENTRY)}
    write_weights(output, tensors, facts | {ENTRY: card.as_entry()})  # type: ignore[arg-type]
    if evidence is not None:
        write_csv(by_view.reset_index(), evidence / "known.csv")
    log.info("%s: %d structures validated; confidence from %s; wrote %s",
             weights, sum(map(len, validated.values())), told, output)  # fmt: skip
    return card


def validation(
    made: Mapping[str, pd.DataFrame], virtual: pd.Series, names: Collection[str] = ()
) -> dict[str, dict[str, str]]:
    """Return how each structure is validated, by view.

    Parameters
    ----------
    made
        Tables of the study.
    virtual
        Mean Dice on films of known truth, by view and structure.
    names
        Outputs of the network. A region that is an output of its own (``drawn_heart``) validates that output, and not
        the projected structure.

    Returns
    -------
    View to structure to ``truth`` or ``plausible``. A structure whose truth on real films is known and that fails is
    not validated by plausibility.
    """
    found: dict[str, dict[str, str]] = {}
    judged = _by_truth(made, names)
    table = made["plausibility"]
    for name, passed in judged.items():
        if passed:
            found.setdefault("PA", {})[name] = TRUTH
    for (view, name), group in table.groupby(["view", "structure"]):
        if view == "PA" and name in judged:
            continue
        share = float(np.average(group["plausible"].fillna(0), weights=group["films"]))
        if share >= LEAST_PLAUSIBLE and virtual.get((view, name), 0.0) >= LEAST_VIRTUAL:
            found.setdefault(view, {})[name] = PLAUSIBLE
    return {view: dict(sorted(names.items())) for view, names in sorted(found.items())}


def _by_truth(made: Mapping[str, pd.DataFrame], names: Collection[str]) -> dict[str, bool]:
    """Return the structures whose truth on real frontal films is known, and whether they pass."""
    means = made["scores"].groupby("region")["dice"].mean()
    best: dict[str, float] = {}
    for region, mean in means.items():
        if name := structure_of(str(region), names):
            best[name] = max(mean, best.get(name, 0.0))
    judged = {name: mean >= LEAST_DICE for name, mean in best.items()}
    hits = made["spine"]
    return judged | {row.structure: row.hit >= LEAST_HITS for row in hits.itertuples()}


def _real_pairs(scores: pd.DataFrame) -> list[tuple[float, float]]:
    """Return raw score and Dice of regions of real films; without a calibration, the confidence is the raw score."""
    single = scores[scores["region"].isin(list(STRUCTURE_OF))].dropna(subset=["confidence", "dice"])
    return [(float(row.confidence), float(row.dice)) for row in single.itertuples()]


def _fitted(network: AnatomyNetwork, films: Sequence[TestFilm], source: str) -> AnatomyCard:
    """Return the card with thresholds and usual places."""
    dices: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    places: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for film in progress(films, "thresholds", len(films)):
        view = network_view(film.view or "PA")
        answer = network.read(film.image, view)
        truth = network.by_name(film.truth)
        lungs = network.lungs_of(truth)
        for place, name in enumerate(network.names):
            if name not in truth or not truth[name].any():
                continue
            shares = network.shares(answer, place, FRAME)
            dices[view, name].append([dice(shares >= limit, truth[name]) for limit in GRID])
            if (at := place_of(truth[name].astype(bool), lungs)) is not None:
                places[view, name].append(at)
    if not dices:
        raise CxrError(f"{source}: no known film has a mask of a structure of the network")
    thresholds: dict[str, dict[str, float]] = {}
    for (view, name), rows in sorted(dices.items()):
        means = np.mean(rows, axis=0)
        best = [limit for limit, mean in zip(GRID, means, strict=True) if mean >= means.max() - NEARLY]
        thresholds.setdefault(view, {})[name] = min(best, key=lambda limit: abs(limit - 0.5))
    boxes: dict[str, dict[str, list[float]]] = {}
    for (view, name), each in sorted(places.items()):
        boxes.setdefault(view, {})[name] = usual_place(each)
    views = tuple(view for view in ("PA", "LL") if view in thresholds)
    return AnatomyCard(views, thresholds, places=boxes)


def _known_dice(network: AnatomyNetwork, films: Sequence[TestFilm]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for film in progress(films, "known films", len(films)):
        view, found = found_of(network, replace(film, view=film.view or "PA"))
        truth = network.by_name(film.truth)
        known = {name: each for name, each in found.items() if each.origin == LABEL and name in truth}
        rows += [_pair(film, view, each, truth[name]) for name, each in known.items()]
    return pd.DataFrame(rows, columns=["image_id", "view", "structure", "dice", "score"])


def _pair(film: TestFilm, view: str, found: FoundStructure, truth: np.ndarray) -> dict[str, Any]:
    value = dice(found.mask, truth)
    return {"image_id": film.image_id, "view": view, "structure": found.name, "dice": value, "score": found.score}
