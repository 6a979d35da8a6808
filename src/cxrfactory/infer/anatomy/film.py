"""One film through a network of structures: read, find the view, check the orientation, map masks back."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.structure_groups import panel_of
from cxrfactory.anatomy.taxonomy import class_by_id
from cxrfactory.errors import ImageError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.intensity import to_uint8
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.screening import AS_STORED
from cxrfactory.infer.anatomy.overlays import panels
from cxrfactory.infer.anatomy.stated import stated_view
from cxrfactory.infer.upright import TURNED, Odds, what_to_do
from cxrfactory.metrics.flags import FLAGS, NOT_FRONTAL, SEVERAL, side_flags
from cxrfactory.models.anatomy.network import GIVEN, LABEL, STATED, AnatomyNetwork, Answer, FoundStructure
from cxrfactory.models.anatomy.views import FRONTAL_KEY
from cxrfactory.models.orientation import CLOCKWISE_DEGREES
from cxrfactory.tables.mask_facts import mask_facts
from cxrfactory.tables.rle import rle_encode

FlagsOf = Callable[[UInt8[np.ndarray, "s s"], Geometry, bool], list[str]]


@dataclass(frozen=True)
class SegmentedFilm:
    """What is written of one film.

    Attributes
    ----------
    row
        Its row of the table of films, without ``picture`` and ``group``.
    masks
        Rows of the table of masks, in the order of the network's structures.
    picture
        The film in 8 bits, in the frame of the file: uint8 [row, column].
    overlays
        RGB pictures by panel, in the preprocessed frame.
    """

    row: dict[str, Any]
    masks: list[dict[str, Any]] = field(repr=False)
    picture: UInt8[np.ndarray, "height width"] = field(repr=False)
    overlays: dict[str, UInt8[np.ndarray, "size size 3"]] = field(repr=False)


@dataclass(frozen=True)
class FilmReader:
    """Segments films with one network.

    Attributes
    ----------
    network
        The network.
    recipe
        Recipe of the preprocessing.
    wanted
        Names of the structures to give.
    view
        View of all films; None to take the stated one, or else to find it.
    trust
        Least confidence of a mask that counts as trusted.
    odds_of
        Function that gives a preprocessed film the odds of its four orientations, or None.
    draw
        Whether overlays are drawn.
    unvalidated
        Whether structures are given that were not validated on real films in the view of the film.
    mirrored_of
        Function that gives a preprocessed frontal film its probability of being mirrored.
    flags_of
        Function that returns the flags of a preprocessed picture, from its geometry and whether it is frontal.
    """

    network: AnatomyNetwork
    recipe: Preparation
    wanted: Collection[str]
    view: str | None
    trust: float
    odds_of: Any
    draw: bool = True
    unvalidated: bool = False
    mirrored_of: Callable[[UInt8[np.ndarray, "s s"]], float] = lambda image: 0.0
    flags_of: FlagsOf = lambda image, geometry, frontal: []

    def __call__(self, image_id: str, path: Path) -> SegmentedFilm:
        """Segment one film.

        Raises
        ------
        ImageError
            If the file is no readable radiograph of a view of the network, or is turned.
        """
        recipe = for_anatomy(self.recipe)
        radiograph = read_radiograph(path, recipe.max_megapixels, recipe.burnt_in, recipe.checks)
        image, geometry = prepare(radiograph, recipe)
        stated = radiograph.view if self.view is not None else stated_view(path, radiograph, self.recipe.checks)
        answer, shown = self.found(image, stated, geometry.orientation)
        masks = [self._row(image_id, answer.view, each, geometry) for each in shown]
        drawn = panels(image, shown, self.trust) if self.draw else {}
        stored = read_radiograph(path, recipe.max_megapixels, "keep", AS_STORED).pixels
        row = self._film(image_id, answer, stated, radiograph, masks)
        row["notes"] = "; ".join(self.notes(image, geometry, answer, radiograph)) or None
        return SegmentedFilm(row, masks, to_uint8(stored), drawn)

    def found(
        self, image: UInt8[np.ndarray, "s s"], stated: str | None, stored: int = 1
    ) -> tuple[Answer, list[FoundStructure]]:
        """Find the structures of a preprocessed film.

        Parameters
        ----------
        image
            Square 8-bit image of the recipe's size.
        stated
            View that the film's file states; None to find it. The view of this reader goes before it.
        stored
            Orientation that the file's header states, by which the film was turned; 1 as displayed.

        Returns
        -------
        The network's answer, and the masks of the wanted structures in the frame of the image.

        Raises
        ------
        ImageError
            If the network does not know the view, or the film is turned.
        """
        given = self.view is not None
        answer = self.network.read(image, self.view if given else stated, GIVEN if given else STATED)
        if answer.view not in self.network.card.views:
            views = " and ".join(self.network.card.views)
            raise ImageError(f"the film's view is {answer.view} ({answer.view_from}); the network knows {views} only")
        self._check_upright(image, answer, stored)
        return answer, list(self.network.structures(answer, self.recipe.size, self._wanted(answer.view)))

    def notes(
        self, image: UInt8[np.ndarray, "s s"], geometry: Geometry, answer: Answer, radiograph: Radiograph
    ) -> tuple[str, ...]:
        """Return the notes of a film's reading, those of its flags, and that a frontal one may be mirrored."""
        frontal = answer.view == FRONTAL_KEY
        flags = self.flags_of(image, geometry, frontal)
        if frontal and NOT_FRONTAL not in flags and SEVERAL not in flags:
            flags = flags + side_flags(self.mirrored_of(image))
        return (*radiograph.notes, *(FLAGS[flag] for flag in flags))

    def _wanted(self, view: str) -> Collection[str]:
        """Return the structures to give in a view: a structure may be validated in the other view only."""
        if self.unvalidated:
            return self.wanted
        return [name for name in self.wanted if self.network.validated(view, name)]

    def _check_upright(self, image: UInt8[np.ndarray, "s s"], answer: Answer, stored: int = 1) -> None:
        """Refuse a film that the orientation network calls turned, if turning it makes the frontal masks surer.

        A film that is known to be lateral is not checked. A view that was found from the masks is no knowledge: the
        lungs of a frontal film on its side may cover one another.
        """
        known = answer.view_from in (GIVEN, STATED) and answer.view != FRONTAL_KEY
        odds: Odds | None = None if known else self.odds_of(image)
        best = 0 if odds is None else int(np.argmax(odds))
        if not best or odds[best] < TURNED:  # type: ignore[index]
            return
        turned = self.network.read(np.ascontiguousarray(np.rot90(image, best)), FRONTAL_KEY)
        if np.mean(turned.softness) > np.mean(answer.softness):
            raise ImageError(
                f"lies on its side or upside down: a turn of {CLOCKWISE_DEGREES[best]} degrees clockwise makes the "
                f"masks surer; {what_to_do(stored)}"
            )

    def _row(self, image_id: str, view: str, found: FoundStructure, geometry: Geometry) -> dict[str, Any]:
        mask = geometry.inverse_mask(found.mask) if found.mask.any() else _empty(geometry)
        known = None if found.class_id is None else class_by_id(found.class_id)
        return {
            "image_id": image_id,
            "view": view,
            "class_id": found.class_id,
            "name": found.name,
            "class_name": None if known is None else known.name,
            "system": None if known is None else known.system,
            "panel": panel_of(found.name),
            "origin": found.origin,
            "score": found.score,
            "confidence": found.confidence,
            "trusted": is_trusted(found, self.trust),
            "validated": found.validated,
            "height": geometry.original_height,
            "width": geometry.original_width,
            "rle": rle_encode(mask),
            **mask_facts(mask).as_row(),
        }

    def _film(
        self, image_id: str, answer: Answer, stated: str | None, radiograph: Radiograph, masks: list[dict[str, Any]]
    ) -> dict[str, Any]:
        present = [row for row in masks if row["area_px"]]
        own = [row["confidence"] for row in present if row["origin"] == LABEL]
        spacing = radiograph.stored_spacing_mm or (None, None)
        height, width = radiograph.stored_shape
        return {
            "image_id": image_id,
            "view": answer.view,
            "view_from": answer.view_from,
            "stated_view": stated,
            "height": height,
            "width": width,
            "row_mm": spacing[0],
            "column_mm": spacing[1],
            "structures": len(present),
            "trusted": sum(row["trusted"] for row in present),
            "confidence": float(np.mean(own)) if own else None,
        }


def for_anatomy(recipe: Preparation) -> Preparation:
    """Return the preprocessing without the check of the view: a network of structures may know lateral films."""
    return replace(recipe, checks=replace(recipe.checks, view="ignore"))


def _empty(geometry: Geometry) -> UInt8[np.ndarray, "height width"]:
    return np.zeros((geometry.original_height, geometry.original_width), np.uint8)


def is_trusted(found: FoundStructure, trust: float) -> bool:
    """Return whether a mask may be trusted: it is not empty, and its confidence is high enough."""
    return found.confidence is not None and found.confidence >= trust
