"""Open the product for reading: one image for each row of its four tables."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.organs import BOTH_LUNGS
from cxrfactory.errors import CxrError
from cxrfactory.products.opened import OpenedProduct, ProductImage, Structure
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS
from cxrfactory.tables.parquet import read_table, stored_rows
from cxrfactory.tables.paths import path_inside

INSIDE = 128  # mask JPEG threshold; pixels of this grey value or more belong to the lungs
_FIRST = "CXLSeg-segmented.parquet"


def _pixels(path: Path) -> UInt8[np.ndarray, "height width"]:
    from cxrfactory.imaging.radiograph.reading import read_radiograph  # late, because it imports much

    return read_radiograph(path).pixels


def belongs(folder: Path) -> bool:
    """Return whether a folder holds this product."""
    return any(folder.glob(f"*/{_FIRST}"))


@dataclass(frozen=True)
class LungImage(ProductImage):
    """A radiograph that shows only the lungs.

    Attributes
    ----------
    report
        The report's text.
    labels
        Value of each CheXpert label: 1 (positive), 0 (negative), -1 (uncertain) or None (not mentioned).
    split
        ``train``, ``validate`` or ``test``.
    """

    report: str = field(repr=False)
    labels: Mapping[str, float | None] = field(repr=False)
    split: str
    _image: Path = field(repr=False)
    _mask: Path = field(repr=False)

    @property
    def masks(self) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Mask of both lungs, named ``lungs``: uint8 [row, column], 1 inside and 0 outside."""
        return {BOTH_LUNGS: (_pixels(self._mask) >= INSIDE).astype(np.uint8)}

    def path(self) -> Path:
        """Return the path of the image in the product."""
        return self._image

    def image(self) -> UInt8[np.ndarray, "height width"]:
        """Return the image, uint8 [row, column]; it is 0 outside the lungs, except for artefacts of JPEG."""
        return _pixels(self._image)


class Opened(OpenedProduct):
    """Lung-segmented radiographs with reports: one image for each row of the tables of each release."""

    kind = "cxlseg"

    @property
    def parts(self) -> dict[str, Path]:
        """Folder of each release, by release."""
        return {path.parent.name: path.parent for path in sorted(self.folder.glob(f"*/{_FIRST}"))}

    def kept(self) -> dict[str, int]:
        """Return the number of rows of each release."""
        return {release: stored_rows(part / _FIRST) for release, part in self.parts.items()}

    def __len__(self) -> int:
        return sum(self.kept().values())

    def __iter__(self) -> Iterator[LungImage]:
        for release, part in self.parts.items():
            for row in _rows(part):
                yield _image(release, part, row)

    def structures(self) -> list[Structure]:
        """Return the only structure, both lungs together."""
        return [Structure(1, BOTH_LUNGS, BOTH_LUNGS)]

    def select(self, image_ids: Collection[str]) -> Iterator[LungImage]:
        """Iterate over the images with these ids, from all releases."""
        wanted = set(image_ids)
        for release, part in self.parts.items():
            for row in _rows(part):
                if row["dicom_id"] in wanted:
                    yield _image(release, part, row)


def _rows(part: Path) -> list[dict[str, Any]]:
    """Join the four tables of a release on the image id; they must hold the same images."""
    keys = "dicom_id"
    first = read_table(part / _FIRST, columns=[keys, "subject_id", "study_id", "DicomPath", *CHEXPERT_LABELS])
    masks = read_table(part / "CXLSeg-mask.parquet", columns=[keys, "DicomPath"])
    texts = read_table(part / "CXLSeg-metadata.parquet", columns=[keys, "ViewPosition", "Reports"])
    splits = read_table(part / "CXLSeg-split.parquet", columns=[keys, "split"])
    joined = first.merge(masks.rename(columns={"DicomPath": "mask"}), on=keys).merge(texts, on=keys)
    joined = joined.merge(splits, on=keys)
    if len(joined) != len(first):
        raise CxrError(f"{part}: the four tables do not hold the same images; the product is not whole")
    return joined.astype(object).where(joined.notna(), None).to_dict("records")


def _image(release: str, part: Path, row: Mapping[str, Any]) -> LungImage:
    picture, mask = path_inside(part, row["DicomPath"]), path_inside(part, row["mask"])
    from cxrfactory.imaging.radiograph.reading import picture_size

    height, width = picture_size(picture)
    return LungImage(
        image_id=row["dicom_id"],
        release=release,
        height=height,
        width=width,
        scores={},
        facts={"subject_id": row["subject_id"], "study_id": row["study_id"], "view": row["ViewPosition"]},
        report=row["Reports"],
        labels={name: row[name] for name in CHEXPERT_LABELS},
        split=row["split"],
        _image=picture,
        _mask=mask,
    )
