"""What was sent to an annotation program: pictures, and a table by which its export finds the images again."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from cxrfactory.anatomy.organs import BOTH_LUNGS
from cxrfactory.errors import CxrError
from cxrfactory.export.chosen import ChosenImages
from cxrfactory.export.pictures import PICTURES, ImageFiles
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS
from cxrfactory.products.opened import ProductImage
from cxrfactory.products.upright import upright
from cxrfactory.tables.atomic import text_file

TABLE = "images.csv"


@dataclass(frozen=True)
class Sent:
    """One image that was sent.

    Attributes
    ----------
    file
        Path of its picture relative to the folder of pictures.
    release, image_id
        Names of the product.
    height, width
        Shape of the picture, pixels.
    """

    file: str
    release: str
    image_id: str
    height: int
    width: int


class Sending:
    """Iterate over the chosen images, write their pictures into ``images/``, and list them in ``images.csv``.

    Films that their files hold turned or mirrored are sent upright, and so are their masks.

    Parameters
    ----------
    chosen
        The chosen images.
    folder
        Folder of the export.
    """

    def __init__(self, chosen: ChosenImages, folder: Path) -> None:
        self._chosen, self._folder = chosen, folder

    def __iter__(self) -> Iterator[tuple[Sent, ProductImage]]:
        files = ImageFiles(self._chosen, self._folder)
        with text_file(self._folder / TABLE) as stream:
            table = csv.DictWriter(stream, [each.name for each in fields(Sent)], lineterminator="\n")
            table.writeheader()
            for image in map(upright, self._chosen):
                name = files.name(image).removeprefix(f"{PICTURES}/")
                sent = Sent(name, image.release, image.image_id, image.height, image.width)
                table.writerow(asdict(sent))
                yield sent, image


class SentImages:
    """The images that were sent, found by the names that an annotation program gives back.

    Parameters
    ----------
    folder
        Folder of the export, with ``images.csv`` and ``images/``.

    Raises
    ------
    CxrError
        If the folder is not an export for an annotation program, or a picture is missing.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / TABLE
        if not path.is_file():
            raise CxrError(f"{path}: no such file; expected the folder that the export command wrote")
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        names = [each.name for each in fields(Sent)]
        try:
            known = [Sent(*(row[name] for name in names[:3]), int(row["height"]), int(row["width"])) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise CxrError(f"{path}: not a table of sent images; expected columns {', '.join(names)}") from error
        self.folder = folder
        self._by_file = {each.file: each for each in known}

    def __len__(self) -> int:
        return len(self._by_file)

    def find(self, name: str) -> Sent:
        """Return the image with a name; folders before or missing from the name do not matter if only one image fits.

        Raises
        ------
        CxrError
            If no image fits, or several do.
        """
        if name in self._by_file:
            return self._by_file[name]
        parts = PurePosixPath(name).parts
        fit = [each for file, each in self._by_file.items() if _ends_alike(PurePosixPath(file).parts, parts)]
        if len(fit) != 1:
            raise CxrError(f"{self.folder / TABLE}: {len(fit)} images fit the name '{name}'; expected one")
        return fit[0]

    def picture(self, sent: Sent) -> Path:
        """Return the path of an image's picture."""
        return self.folder / PICTURES / sent.file


def _ends_alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[-shorter:] == other[-shorter:]


def colours(chosen: ChosenImages) -> dict[str, str]:
    """Return a colour for each structure, such as ``#d55e00``; structures that are no organs get evenly spread hues."""
    count = max(len(chosen.structures), 1)
    return {
        each.name: "#{:02x}{:02x}{:02x}".format(*_colour(each.name, place / count))
        for place, each in enumerate(chosen.structures)
    }


def _colour(name: str, hue: float) -> tuple[int, int, int]:
    known = {**ORGAN_COLOURS, BOTH_LUNGS: ORGAN_COLOURS["right_lung"]}
    if name in known:
        return known[name]
    pixel = np.array([[[round(179 * hue), 200, 230]]], np.uint8)
    red, green, blue = cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return red, green, blue
