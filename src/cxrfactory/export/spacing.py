"""Pixel spacing of a product's image, where it is known."""

from dataclasses import dataclass

from cxrfactory.errors import CxrError
from cxrfactory.export.dicom_source import stated_spacing
from cxrfactory.products.opened import ProductImage


@dataclass(frozen=True)
class Spacing:
    """Pixel spacing of an image.

    Attributes
    ----------
    row_mm, column_mm
        Distance of neighbouring rows and of neighbouring columns; 1 where it is not known.
    known
        Whether the distances are in mm. Otherwise they are in pixels.
    """

    row_mm: float = 1.0
    column_mm: float = 1.0
    known: bool = False

    @property
    def unit(self) -> str | None:
        """Unit for the file's header, or None."""
        return "mm" if self.known else None


def spacing_of(image: ProductImage) -> Spacing:
    """Return the pixel spacing of an image: the product's own, or that of the release's DICOM file."""
    own = getattr(image, "pixel_mm", None)
    if own is not None:
        return Spacing(float(own), float(own), True)
    try:
        path = image.path()
    except CxrError:
        return Spacing()
    found = stated_spacing(path) if path.is_file() else None
    return Spacing() if found is None else Spacing(*found, True)
