"""The chosen images of a finished product: opened once, streamed in the order of the product's tables."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.door.product import open_product
from cxrfactory.errors import CxrError
from cxrfactory.logs import progress
from cxrfactory.products.opened import OpenedProduct, ProductImage, Structure
from cxrfactory.tables.joins import partners
from cxrfactory.tables.named_values import named_values

ID_COLUMN, VERDICT_COLUMN = "image_id", "verdict"


class ChosenImages:
    """The chosen images of a product, and the structures of which masks are exported.

    Iterating yields the images one by one, in the order of the product's tables, with a progress line. It may be done
    several times.

    Parameters
    ----------
    folder
        Folder of the product.
    choice
        Images and masks to export, and where the radiographs are.

    Attributes
    ----------
    product
        The opened product.
    structures
        Structures to export, in the product's order; their numbers are those of the whole product.

    Raises
    ------
    CxrError
        If the folder is no product, or a chosen release, mask or image is not in it. Images are looked for during the
        iteration: the error comes at its end.

    Examples
    --------
    >>> from cxrfactory.config.export import ChosenImagesConfig
    >>> from cxrfactory.export.chosen import ChosenImages
    >>> chosen = ChosenImages(results, ChosenImagesConfig(images=["b"], masks=["heart"]))
    >>> [(image.image_id, list(chosen.masks(image))) for image in chosen]
    [('b', ['heart'])]
    """

    def __init__(self, folder: str | Path, choice: ChosenImagesConfig) -> None:
        roots = named_values(choice.roots or (), "--roots", "NAME=FOLDER", "such as my-hospital=/data/films")
        self.product: OpenedProduct = open_product(folder, roots, choice.manifests)
        self.structures: list[Structure] = _structures(self.product, choice.masks)
        self._names = {each.name for each in self.structures}
        self._releases = _releases(self.product, choice.releases)
        self._ids = chosen_ids(choice)

    def __iter__(self) -> Iterator[ProductImage]:
        chosen = iter(self.product) if self._ids is None else self.product.select(self._ids)
        total = len(self.product) if self._ids is None else len(self._ids)
        missing = set(self._ids or ())
        for image in progress(chosen, "export", total):
            missing -= {image.image_id, image.group_id}
            if self._releases is None or image.release in self._releases:
                yield image
        if missing:
            more = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
            raise CxrError(
                f"{self.product.folder}: no image '{min(missing)}'{more}; {self._meant(min(missing))}rejected.csv and "
                "excluded.csv say what was left out"
            )

    def _meant(self, missing: str) -> str:
        """Return a question if an image has the same id, written in another way (``50414267.0``)."""
        ids = pd.Series(sorted({image.image_id for image in self.product}), dtype=object)
        place = int(partners(pd.Series([missing], dtype=object), ids, "images", "the product")[0][0])
        return f"did you mean '{ids[place]}'? " if place >= 0 else ""

    def masks(self, image: ProductImage) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Return the chosen masks of an image by name, without those that are empty: uint8 [row, column], 0 and 1."""
        return {name: mask for name, mask in image.masks.items() if name in self._names and mask.any()}


def read_ids(path: str | Path, verdict: str | None = None) -> list[str]:
    """Read the ids of images from a file: one id a line, or a CSV table with a column ``image_id``.

    Parameters
    ----------
    path
        The file.
    verdict
        Only the images whose last row in the table has this in its column ``verdict``.

    Raises
    ------
    CxrError
        If the file is missing, not UTF-8 text, lacks the column of verdicts, or holds no id.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = stream.read().splitlines()
    except OSError as error:
        raise CxrError(f"{path}: cannot be read ({error.strerror}); expected a file of image ids") from error
    except UnicodeDecodeError as error:
        raise CxrError(f"{path}: not UTF-8 text; expected image ids, one a line") from error
    header = next(csv.reader(lines[:1]), [])
    if missing := [name for name in (ID_COLUMN, VERDICT_COLUMN) if verdict is not None and name not in header]:
        raise CxrError(f"{path}: no column '{missing[0]}'; expected a table of verdicts, as --verdict asks for")
    if ID_COLUMN in header:
        rows = list(csv.DictReader(lines))
        last = {row[ID_COLUMN]: row for row in rows}
        ids = [name for name, row in last.items() if verdict in (None, (row.get(VERDICT_COLUMN) or "").strip())]
    else:
        ids = [line.strip() for line in lines]
    found = [each for each in dict.fromkeys(ids) if each]
    if not found:
        what = "image id" if verdict is None else f"image whose last verdict is '{verdict}'"
        raise CxrError(f"{path}: holds no {what}; expected one id a line, or a CSV table with a column {ID_COLUMN}")
    return found


def chosen_ids(choice: ChosenImagesConfig) -> list[str] | None:
    """Return the ids of the chosen images, or None for all.

    Raises
    ------
    CxrError
        If verdicts are asked for without a table of them, or a file of ids cannot be read.
    """
    if choice.verdict is not None and choice.ids is None:
        raise CxrError("--verdict goes with --ids, a table of verdicts; give both")
    if choice.ids is None and choice.images is None:
        return None
    return list(
        dict.fromkeys(
            [*(read_ids(choice.ids, choice.verdict) if choice.ids is not None else ()), *(choice.images or ())]
        )
    )


def _structures(product: OpenedProduct, names: list[str] | None) -> list[Structure]:
    known = product.structures()
    if names is None:
        return known
    if missing := [name for name in names if name not in {each.name for each in known}]:
        few = ", ".join([each.name for each in known[:12]] + ["..."] * (len(known) > 12))
        raise CxrError(f"--masks: {product.folder} has no mask '{missing[0]}'; found {few}")
    return [each for each in known if each.name in names]


def _releases(product: OpenedProduct, names: list[str] | None) -> set[str] | None:
    if names is None:
        return None
    kept = product.kept()
    if missing := [name for name in names if name not in kept]:
        raise CxrError(f"--releases: {product.folder} has no release '{missing[0]}'; found {', '.join(kept)}")
    return set(names)
