"""A trained pixel network whose outputs are anatomical structures, ready for single films.

Every film runs alone and in one thread, so that a result depends on the film and the weights only. Images are square
8-bit images, as :func:`cxrfactory.imaging.radiograph.prepare.prepare` makes them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8

from cxrfactory.anatomy.structure_groups import class_of_structure, one_piece
from cxrfactory.anatomy.taxonomy import class_by_id, union_plan
from cxrfactory.errors import CxrError
from cxrfactory.models.anatomy.card import PLAUSIBLE, TRUTH, AnatomyCard, read_anatomy_card
from cxrfactory.models.anatomy.cleaning import cleaned
from cxrfactory.models.anatomy.confidence import (
    CHANGES,
    SUREST,
    averaged,
    changed,
    raw_score,
    soft_dice,
    stability,
    undone,
)
from cxrfactory.models.anatomy.places import is_usual, place_of
from cxrfactory.models.anatomy.views import FRONTAL_KEY, network_view, view_of_lungs
from cxrfactory.models.device import single_threaded
from cxrfactory.models.inputs import to_input
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.weights import WeightsCard, read_weights

LABEL, UNION = "label", "union"  # origin of a mask: an output of the network, or a union of such masks
GIVEN, STATED, FOUND, ASSUMED = "given", "stated", "found", "assumed"  # where the view of a film comes from
_LUNGS = ("right lung", "left lung")


@dataclass(frozen=True)
class FoundStructure:
    """The mask of one structure of a film.

    Attributes
    ----------
    name
        Name of the structure: the taxonomy's, or the network's for a structure outside it.
    class_id
        Class of the taxonomy; None for a structure outside it.
    origin
        ``label`` for an output of the network, ``union`` for a union of such masks (all left ribs).
    mask
        uint8 [row, column], 0 and 1.
    score
        Raw score of the mask in [0, 1]; None for an empty mask.
    confidence
        Expected Dice of the mask by the calibration of the weights; None for an empty mask.
    validated
        ``truth`` or ``plausible``: how the structure was validated on real films; None if it was not.
    """

    name: str
    class_id: int | None
    origin: str
    mask: UInt8[np.ndarray, "size size"] = field(repr=False)
    score: float | None
    confidence: float | None
    validated: str | None


@dataclass(frozen=True)
class Answer:
    """The network's answer to one film, at the network's resolution.

    Attributes
    ----------
    view
        View whose thresholds are used: ``PA`` for all frontal films, or ``LL``.
    view_from
        ``given``, ``stated`` by the file, ``found`` from the masks of the lungs, or ``assumed`` to be frontal.
    logits
        float32 [structure, row, column]: those of the mean probability over the film and its changed copies.
    softness, stable
        Soft Dice and stability of each structure's mask.
    usual
        Whether each mask lies where its structure usually does.
    """

    view: str
    view_from: str
    logits: Float32[np.ndarray, "o h w"] = field(repr=False)
    softness: Sequence[float] = field(repr=False)
    stable: Sequence[float] = field(repr=False)
    usual: Sequence[bool] = field(repr=False)


class AnatomyNetwork:
    """A pixel network of structures with its card.

    Parameters
    ----------
    weights
        Weights of a pixel network, by path or by a name of the package; its ``organs`` are names of structures.
    device
        ``auto``, ``cpu`` or ``cuda``.
    card
        What is known about the structures; None for what the weights card says.

    Attributes
    ----------
    names
        Names of the outputs in their order: those of the taxonomy where it knows them.
    card
        What the weights card says about the structures.
    weights_card
        The whole weights card.

    Raises
    ------
    CxrError
        If the weights are missing or damaged, are of a landmark network, or two outputs are the same structure.
    """

    def __init__(self, weights: str | Path, device: str = "cpu", card: AnatomyCard | None = None) -> None:
        source = str(weights)
        tensors, stored = read_weights(source)
        self._segmenter = Segmenter(tensors, stored, device, source)
        if self._segmenter.graph is not None:
            raise CxrError(f"{source}: weights of a landmark network; expected those of a pixel network of structures")
        self.weights_card: WeightsCard = stored
        self.card: AnatomyCard = card or read_anatomy_card(stored, source)
        known = [class_of_structure(name) for name in self._segmenter.organs]
        self.names = tuple(
            name if each is None else each.name for name, each in zip(self._segmenter.organs, known, strict=True)
        )
        if twice := [name for name in self.names if self.names.count(name) > 1]:
            raise CxrError(f"{source}: two outputs are '{twice[0]}'; expected each structure once")
        self.class_ids = tuple(None if each is None else each.class_id for each in known)
        self._unions = union_plan([each for each in self.class_ids if each is not None])

    @property
    def all_names(self) -> list[str]:
        """Names of all structures that it gives: the outputs, and the groups that are unions of outputs."""
        return [*self.names, *(class_by_id(class_id).name for class_id, _ in self._unions)]

    def read(self, image: UInt8[np.ndarray, "s s"], view: str | None = None, view_from: str = GIVEN) -> Answer:
        """Run the network on a film and on its changed copies.

        Parameters
        ----------
        image
            Square 8-bit image.
        view
            View of the film, in the words of films (PA, AP, FRONTAL, LL, ...); None to find it from the lungs.
        view_from
            Where the view comes from, for the answer.

        Raises
        ------
        ImageError
            If the network's output contains numbers that are not finite.
        """
        network, device = self._segmenter.network, self._segmenter.device
        tensor = torch.from_numpy(to_input(image, self._segmenter.input_size))[None, None].to(device)
        with single_threaded(), torch.inference_mode():
            own = network(tensor).float()
            others = [undone(torch.sigmoid(network(changed(tensor, each)).float()), each) for each in CHANGES]
            seen = [undone(changed(torch.ones_like(tensor), each), each) for each in CHANGES]
            mean = averaged(torch.sigmoid(own), others, seen)[0]
        self._segmenter.check_finite(own[0].cpu().numpy())
        shares, numbers = mean.cpu().numpy(), torch.logit(mean, SUREST).cpu().numpy()
        key, origin = (network_view(view), view_from) if view is not None else self._view(shares)
        limits = np.array([self.card.threshold(key, name) for name in self.names], np.float32)[:, None, None]
        masks = shares >= limits
        moved = [each[0].cpu().numpy() >= limits for each in others]
        lungs = self._lungs(masks)
        usual = [self._usual(key, name, mask, lungs) for name, mask in zip(self.names, masks, strict=True)]
        return Answer(key, origin, numbers, soft_dice(shares, masks).tolist(), stability(masks, moved).tolist(), usual)

    def structures(self, answer: Answer, size: int, wanted: Collection[str] | None = None) -> Iterator[FoundStructure]:
        """Yield the masks of an answer in a frame of ``size`` x ``size`` pixels, outputs first, one by one.

        Parameters
        ----------
        answer
            Answer of :meth:`read`.
        size
            Side of the masks, pixels.
        wanted
            Names of structures to yield; None for all.
        """
        parts = self._parts(wanted)
        kept: dict[int, tuple[np.ndarray, int, float | None]] = {}
        for place, (name, class_id) in enumerate(zip(self.names, self.class_ids, strict=True)):
            if not (wanted is None or name in wanted or class_id in parts):
                continue
            found = self._output(answer, place, size)
            if class_id in parts:
                kept[class_id] = np.packbits(found.mask), int(found.mask.sum()), found.score
            if wanted is None or name in wanted:
                yield found
        for class_id, members in self._unions:
            name = class_by_id(class_id).name
            if wanted is not None and name not in wanted and class_id not in parts:
                continue
            packed, area, score = _united([kept[each] for each in members])
            kept[class_id] = packed, area, score
            if wanted is None or name in wanted:
                mask = np.unpackbits(packed, count=size * size).reshape(size, size)
                yield self._found(answer, name, class_id, UNION, mask, score)

    def __call__(self, image: UInt8[np.ndarray, "s s"], size: int, view: str | None = None) -> dict[str, np.ndarray]:
        """Return the masks of all structures of a film by name, uint8 [size, size], 0 and 1."""
        return {each.name: each.mask for each in self.structures(self.read(image, view), size)}

    def shares(self, answer: Answer, place: int, size: int) -> Float32[np.ndarray, "size size"]:
        """Return the probabilities of one output, by its place in ``names``, in a frame of ``size`` x ``size``."""
        enlarged = cv2.resize(answer.logits[place], (size, size), interpolation=cv2.INTER_LINEAR)
        return 1 / (1 + np.exp(-enlarged))

    def by_name(self, regions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the masks of drawn regions by the names of this network's outputs; others are left out."""
        own = dict(zip(self._segmenter.organs, self.names, strict=True))
        return {own[region]: mask for region, mask in regions.items() if region in own}

    def lungs_of(self, masks: Mapping[str, np.ndarray]) -> Bool[np.ndarray, "h w"]:
        """Return both lungs together, from masks by the names of the outputs; absent outputs count as empty."""
        shape = next(iter(masks.values())).shape if masks else (1, 1)
        stack = np.stack([masks.get(name, np.zeros(shape, np.uint8)) != 0 for name in self.names])
        return self._lungs(stack)

    def _output(self, answer: Answer, place: int, size: int) -> FoundStructure:
        name = self.names[place]
        share = self.card.threshold(answer.view, name)
        level = np.float32(np.log(share / (1 - share)))
        enlarged = cv2.resize(answer.logits[place], (size, size), interpolation=cv2.INTER_LINEAR)
        raw = (enlarged >= level).astype(np.uint8)
        mask = cleaned(raw, one_piece(name))
        area = int(raw.sum())
        kept = min(1.0, int((mask & raw).sum()) / area) if area else 0.0
        signs = answer.softness[place], answer.stable[place], kept, answer.usual[place]
        score = raw_score(*signs) if mask.any() else None
        return self._found(answer, name, self.class_ids[place], LABEL, mask, score)

    def _found(
        self, answer: Answer, name: str, class_id: int | None, origin: str, mask: np.ndarray, score: float | None
    ) -> FoundStructure:
        confidence = None if score is None else self.card.confidence(score)
        return FoundStructure(name, class_id, origin, mask, score, confidence, self.validated(answer.view, name))

    def validated(self, view: str, name: str) -> str | None:
        """Return how a structure was validated on real films in a view, or None.

        A union is validated by itself, or else if all of its parts are: by truth if all parts are by truth.
        """
        own = self.card.basis(view, name)
        members = next((each for class_id, each in self._unions if class_by_id(class_id).name == name), ())
        if own is not None or not members:
            return own
        bases = {self.validated(view, class_by_id(each).name) for each in members}
        return None if None in bases else max(bases, key=[TRUTH, PLAUSIBLE].index)  # type: ignore[arg-type]

    def _parts(self, wanted: Collection[str] | None) -> set[int]:
        """Return the classes that are needed for the wanted unions."""
        needed: set[int] = set()
        for class_id, members in reversed(self._unions):
            if wanted is None or class_id in needed or class_by_id(class_id).name in wanted:
                needed.update(members)
        return needed

    def _usual(self, view: str, name: str, mask: Bool[np.ndarray, "h w"], lungs: Bool[np.ndarray, "h w"]) -> bool:
        box = self.card.places.get(view, {}).get(name)
        return box is None or is_usual(place_of(mask, lungs), box)

    def _lungs(self, masks: Bool[np.ndarray, "o h w"]) -> Bool[np.ndarray, "h w"]:
        """Return both lungs together; empty if the network has none."""
        both = [each for name in _LUNGS if (each := self._lung(masks, name)) is not None]
        return np.logical_or.reduce(both) if both else np.zeros(masks.shape[1:], bool)

    def _view(self, shares: Float32[np.ndarray, "o h w"]) -> tuple[str, str]:
        """Return the view by the lungs, and where it comes from."""
        if len(self.card.views) == 1:
            return self.card.views[0], ASSUMED
        lungs = [self._lung(shares >= 0.5, side) for side in _LUNGS]
        found = None if any(each is None for each in lungs) else view_of_lungs(*lungs)
        return (FRONTAL_KEY, ASSUMED) if found is None else (found, FOUND)

    def _lung(self, masks: Bool[np.ndarray, "o h w"], name: str) -> Bool[np.ndarray, "h w"] | None:
        wanted = class_of_structure(name)
        groups = dict(self._unions)
        members = groups.get(wanted.class_id, (wanted.class_id,)) if wanted is not None else ()
        places = [place for place, class_id in enumerate(self.class_ids) if class_id in members]
        return masks[places].any(axis=0) if places else None


def _united(parts: Sequence[tuple[np.ndarray, int, float | None]]) -> tuple[np.ndarray, int, float | None]:
    """Return the union of packed masks, its area and its score: the mean of the parts' scores, weighted by area."""
    packed = np.bitwise_or.reduce([bits for bits, _, _ in parts])
    area = int(np.unpackbits(packed).sum())
    scored = [(size, score) for _, size, score in parts if score is not None]
    weight = sum(size for size, _ in scored)
    return packed, area, sum(size * score for size, score in scored) / weight if weight else None
