"""Segment radiographs into all structures that a network of structures knows: ribs, vertebrae, lobes, vessels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

from cxrfactory.config.infer import AnatomyConfig
from cxrfactory.door.segmenter import checked_pixels
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.infer.anatomy.film import FilmReader, for_anatomy, is_trusted
from cxrfactory.infer.anatomy.run import WEIGHTS, wanted_structures
from cxrfactory.infer.anatomy.stated import stated_view
from cxrfactory.infer.upright import mirrored_of, odds_of
from cxrfactory.models.anatomy.network import AnatomyNetwork
from cxrfactory.rca.picture import PictureJudge
from cxrfactory.tables.calibration import first_fault
from cxrfactory.tables.file_names import printable_name

Pixels = Shaped[np.ndarray, "height width"]


@dataclass(frozen=True)
class Structure:
    """The mask of one structure of a radiograph.

    Attributes
    ----------
    mask
        uint8 [row, column] in the pixels of the file, 1 inside; empty where the network saw nothing.
    confidence
        Expected Dice of the mask, 0 to 1; None for an empty mask.
    trusted
        Whether the confidence reaches the one that was asked for.
    validated
        ``truth`` or ``plausible``: how the structure was validated on real films; None if it was not.
    class_id
        Class of the taxonomy; None for a structure outside it.
    origin
        ``label`` for an output of the network, ``union`` for a group that is the union of outputs.

    Examples
    --------
    >>> found = cxr.AnatomySegmenter(structures="lungs", view="PA").segment(film)
    >>> lung = found.structures["left lung"]
    >>> lung.origin, lung.mask.shape == (found.height, found.width)
    ('union', True)
    """

    mask: UInt8[np.ndarray, "height width"] = field(repr=False)
    confidence: float | None
    trusted: bool
    validated: str | None
    class_id: int | None
    origin: str


@dataclass(frozen=True)
class SegmentedAnatomy:
    """The structures of one radiograph.

    Attributes
    ----------
    image_id
        Name of the image.
    view
        ``PA`` for every frontal film, or ``LL``.
    view_from
        ``given``, ``stated`` by the file, ``found`` from the masks, or ``assumed``.
    structures
        Structures by name.
    height, width
        Size of the file's image in pixels.
    spacing_mm
        Distance of the file's rows and columns in mm; None where the file does not state it.
    notes
        What was noticed when the file was read.

    Examples
    --------
    >>> found = cxr.AnatomySegmenter(structures="lobes", view="PA").segment(film)
    >>> found.image_id, found.view, found.view_from
    ('film.png', 'PA', 'given')
    >>> trusted = {name: each.mask for name, each in found.structures.items() if each.trusted}
    >>> set(trusted) <= set(found.masks)
    True
    """

    image_id: str
    view: str
    view_from: str
    structures: dict[str, Structure] = field(repr=False)
    height: int
    width: int
    spacing_mm: tuple[float, float] | None
    notes: tuple[str, ...]

    @property
    def masks(self) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Masks by the name of the structure, uint8 [row, column], 1 inside."""
        return {name: each.mask for name, each in self.structures.items()}


class AnatomySegmenter:
    """A network of structures, which gives the masks of ribs, vertebrae, lobes, vessels and others.

    Parameters
    ----------
    weights
        Weights of a pixel network of structures, by path or by a name of the package.
    structures
        Words that choose structures, such as ``"ribs,clavicles"`` or ``["left ribs", "heart"]``; None for all.
    unvalidated
        Whether structures are given that were not validated on real films. Their masks may be plainly wrong.
    view
        View of all films (``PA``, ``AP``, ``LL``); None for what each file states, or else what the masks show.
    trust
        Least confidence of a mask that counts as trusted.
    device
        ``auto``, ``cpu`` or ``cuda``.
    check_orientation
        Whether films that lie on their side or stand on their head are refused.
    preparation
        Preprocessing; None for the recipe of the package.

    Raises
    ------
    CxrError
        If the weights cannot be used, a word denotes no structure, or none of the structures asked for is validated.

    Examples
    --------
    >>> anatomy = cxr.AnatomySegmenter(structures="lobes", view="PA")
    >>> found = anatomy.segment(film)
    >>> found.view
    'PA'
    >>> found.masks["right lung upper lobe"].dtype
    dtype('uint8')
    """

    def __init__(
        self,
        weights: str | Path = WEIGHTS,
        *,
        structures: str | Sequence[str] | None = None,
        unvalidated: bool = False,
        view: str | None = None,
        trust: float = 0.7,
        device: str = "auto",
        check_orientation: bool = True,
        preparation: Preparation | None = None,
    ) -> None:
        network = AnatomyNetwork(weights, device)
        words = [word.strip() for word in structures.split(",")] if isinstance(structures, str) else structures
        settings = _settings(words, unvalidated, view, trust)
        known = None if settings.view == "auto" else settings.view
        wanted = wanted_structures(network, settings, known, str(weights))
        recipe = for_anatomy(preparation or Preparation())
        odds, mirrored = odds_of(check_orientation), mirrored_of(check_orientation)
        self._reader = FilmReader(
            *(network, recipe, frozenset(wanted), known, trust, odds, False, unvalidated, mirrored, PictureJudge())
        )

    def segment(self, image: str | Path | Pixels, image_id: str | None = None) -> SegmentedAnatomy:
        """Segment one radiograph; calling the segmenter does the same.

        Parameters
        ----------
        image
            Path of a JPEG, PNG, TIFF or DICOM file, or the pixels themselves: uint8, uint16 or floating-point
            [row, column], upright, with dense bone bright.
        image_id
            Name of the image; the default is the file's name, or ``array``.

        Raises
        ------
        ImageError
            If the image is unreadable, is no grey radiograph, has a view that the network does not know, or lies on
            its side. The message is one line that names the file and the reason.

        Examples
        --------
        >>> anatomy = cxr.AnatomySegmenter(structures="drawn_heart", view="PA")
        >>> heart = anatomy.segment(film).structures["drawn_heart"]
        >>> heart.validated
        'truth'
        """
        path = Path(image) if isinstance(image, str | Path) else None
        name = image_id or ("array" if path is None else printable_name(path.name))
        try:
            return self._segment(name, path, image)
        except ImageError as error:
            reason = str(error).replace("--no-check-orientation", "check_orientation=False").replace("--view", "view")
            raise ImageError(f"{name if path is None else path}: {reason}") from None

    __call__ = segment

    def _segment(self, name: str, path: Path | None, image: str | Path | Pixels) -> SegmentedAnatomy:
        reader, recipe = self._reader, self._reader.recipe
        if path is None:
            radiograph = Radiograph(checked_pixels(np.asarray(image), recipe.max_megapixels))
        else:
            radiograph = read_radiograph(path, recipe.max_megapixels, recipe.burnt_in, recipe.checks)
        square, geometry = prepare(radiograph, recipe)
        stated = None if path is None or reader.view else stated_view(path, radiograph, recipe.checks)
        answer, shown = reader.found(square, stated, geometry.orientation)
        return SegmentedAnatomy(
            image_id=name,
            view=answer.view,
            view_from=answer.view_from,
            structures={
                each.name: Structure(
                    geometry.inverse_mask(each.mask),
                    each.confidence,
                    is_trusted(each, reader.trust),
                    each.validated,
                    each.class_id,
                    each.origin,
                )
                for each in shown
            },
            height=geometry.original_height,
            width=geometry.original_width,
            spacing_mm=radiograph.stored_spacing_mm,
            notes=reader.notes(square, geometry, answer, radiograph),
        )


def _settings(structures: Sequence[str] | None, unvalidated: bool, view: str | None, trust: float) -> AnatomyConfig:
    from pydantic import ValidationError

    words = None if structures is None else list(structures)
    try:
        return AnatomyConfig(structures=words, all=unvalidated, view=view or "auto", trust=trust)  # type: ignore[arg-type]
    except ValidationError as error:
        raise CxrError(first_fault(error)) from None
