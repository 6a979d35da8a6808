"""Files of chosen rows: ids, published CSV rows, and what other programs read."""

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from cxrfactory.browse.faults import BadRequest
from cxrfactory.products.browsed import Browsed
from cxrfactory.products.browsed_columns import csv_line

_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Download:
    """One kind of file.

    Attributes
    ----------
    name
        Name of the file.
    media
        MIME type.
    pieces
        Function from the product and the keys of the chosen rows to the file's bytes.
    offered
        Function from the product to whether it offers the file.
    most
        Number of rows at most; the commands of ``python -m cxrfactory export`` have no limit.
    """

    name: str
    media: str
    pieces: Callable[[Browsed, Sequence[int]], Iterator[bytes]]
    offered: Callable[[Browsed], bool] = lambda product: True
    most: int | None = None


def download(kind: Download, product: Browsed, keys: Sequence[int]) -> tuple[Iterator[bytes], str, str]:
    """Return the bytes, the name and the MIME type of a file of chosen rows.

    Raises
    ------
    BadRequest
        If there are more rows than the kind allows.
    CxrError
        If a row cannot be exported.
    """
    if kind.most is not None and len(keys) > kind.most:
        raise BadRequest(
            f"{len(keys)} rows; expected at most {kind.most} of this format: choose fewer, or download the ids and use "
            "python -m cxrfactory export"
        )
    return kind.pieces(product, keys), f"{product.title}.{kind.name}", kind.media


def _ids(product: Browsed, keys: Sequence[int]) -> Iterator[bytes]:
    yield csv_line(["dataset", "image_id"])
    for key in keys:
        yield csv_line([product.index.dataset(key), product.index.image_id(key)])


def _rows(product: Browsed, keys: Sequence[int]) -> Iterator[bytes]:
    yield from product.csv_rows(keys) or ()


def _publishes_csv(product: Browsed) -> bool:
    return type(product).csv_rows is not Browsed.csv_rows


def _coco(product: Browsed, keys: Sequence[int]) -> Iterator[bytes]:
    """Write one COCO file, which is whole before its first byte is sent."""
    from cxrfactory.tables.coco import CocoWriter  # late, because they compile
    from cxrfactory.tables.mask_facts import mask_facts
    from cxrfactory.tables.rle import rle_decode

    numbers = {organ.name: number for number, organ in enumerate(product.organs, 1)}
    categories = [(numbers[organ.name], organ.name, organ.parent or "") for organ in product.organs]
    file = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115 (_sent closes it)
    with CocoWriter(file, f"Chosen images of {product.title}; file_name is the image id", categories) as writer:
        for key in keys:
            image_id, detail = product.index.image_id(key), product.detail(key)
            facts = {"image_id": image_id, "dataset": product.index.dataset(key)}
            writer.add_image(str(key), image_id, detail.height, detail.width, **facts)
            for organ, rle in detail.masks.items():
                mask = rle_decode(rle, detail.height, detail.width)
                found = mask_facts(mask)
                if found.bbox is not None:
                    writer.add(str(key), numbers[organ], mask, found.bbox, found.area_px)
    return _sent(file.detach())  # the bytes behind the text stream


def _dicom(product: Browsed, keys: Sequence[int]) -> Iterator[bytes]:
    """Write de-identified segmentations with their images into one archive, which is whole before it is sent."""
    from cxrfactory.config.export import ChosenImagesConfig
    from cxrfactory.config.export_dicom import DicomExportConfig
    from cxrfactory.export.dicom_folder import export_dicom

    if product.folder is None:
        raise BadRequest("DICOM SEG is written for products, not for tables")
    ids = [product.index.image_id(key) for key in keys]
    choice = ChosenImagesConfig(images=ids, roots=list(product.roots) or None)
    file = tempfile.TemporaryFile()  # noqa: SIM115 (_sent closes it)
    with tempfile.TemporaryDirectory() as place:
        export_dicom(product.folder, Path(place) / "seg", choice, DicomExportConfig(with_images=True))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted((Path(place) / "seg").rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(place).as_posix())
    return _sent(file)


def _has_dicom(product: Browsed) -> bool:
    return product.folder is not None and product.images_known and find_spec("highdicom") is not None


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    with file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece


DOWNLOADS = {
    "ids": Download("ids.csv", "text/csv; charset=utf-8", _ids),
    "csv": Download("rows.csv", "text/csv; charset=utf-8", _rows, _publishes_csv),
    "coco": Download("coco.json", "application/json", _coco, most=5_000),
    "dicom-seg": Download("dicom-seg.zip", "application/zip", _dicom, _has_dicom, most=100),
}
