"""Export of chosen images as DICOM: one segmentation an image, and on demand the image and its measurements."""

import csv
import shutil
from pathlib import Path

from pydicom.dataset import Dataset

from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.export_dicom import DicomExportConfig
from cxrfactory.errors import CxrError
from cxrfactory.export.chosen import ChosenImages
from cxrfactory.export.dicom_parts import Algorithm, algorithm_of, highdicom
from cxrfactory.export.dicom_seg import segmentation
from cxrfactory.export.dicom_source import (
    Mode,
    SourceImage,
    archive_source,
    film_object,
    film_pixels,
    finished_at,
    new_source,
)
from cxrfactory.export.dicom_sr import measurements, report
from cxrfactory.export.output import new_folder
from cxrfactory.logs import get_logger
from cxrfactory.products.opened import ProductImage
from cxrfactory.tables.file_names import file_stem

log = get_logger(__name__)

INDEX = "index.csv"
COLUMNS = ("release", "image_id", "image_uid", "segmentation", "segmentation_uid", "report", "report_uid", "image")


def export_dicom(
    product: str | Path, output: str | Path, choice: ChosenImagesConfig, options: DicomExportConfig | None = None
) -> int:
    """Write ``<release>/<image>.seg.dcm`` for each chosen image that has a mask, and ``index.csv``.

    Parameters
    ----------
    product
        Folder of the product.
    output
        Folder to write, which must not exist or be empty.
    choice
        Images and masks to export.
    options
        For whom the files are, and what else is written; None for the defaults.

    Returns
    -------
    Number of segmentations.

    Raises
    ------
    CxrError
        If highdicom is not installed, the product or the choice is at fault, the output exists, or the mode does not
        suit an image.
    """
    highdicom()
    options = options or DicomExportConfig()
    chosen = ChosenImages(product, choice)
    rows = []
    with new_folder(output) as folder:
        export = _Export(folder, chosen, options)
        for image in chosen:
            masks = chosen.masks(image)
            if masks:
                rows.append(export.write(image, masks))
            else:
                log.warning("%s: no mask; no segmentation is written", image.image_id)
        if not rows:
            raise CxrError(f"{product}: none of the chosen images has a mask; nothing is written")
        _write_index(folder / INDEX, rows)
    log.info("%s: %d segmentations, %s", output, len(rows), options.mode)
    if options.mode == Mode.DE_IDENTIFIED and not options.with_images:
        log.info("the segmentations refer to images that are not written; --with-images writes them with these UIDs")
    return len(rows)


class _Export:
    """Files of one export: a folder, the options, and what is the same for all images."""

    def __init__(self, folder: Path, chosen: ChosenImages, options: DicomExportConfig) -> None:
        self._folder, self._chosen, self._options = folder, chosen, options
        self._algorithm: Algorithm = algorithm_of(chosen.product)
        self._without_spacing: set[str] = set()

    def write(self, image: ProductImage, masks: dict) -> dict[str, str]:
        """Write the files of an image; return its row of the index."""
        place = self._folder / image.release
        place.mkdir(exist_ok=True)
        stem = file_stem(image.image_id)
        path = self._path(image)
        source = self._source(image, path)
        try:
            made = segmentation(source, masks, self._algorithm)
        except CxrError as error:
            raise CxrError(f"{image.image_id}: {error}") from error
        row = {name: "" for name in COLUMNS}
        row |= {"release": image.release, "image_id": image.image_id, "image_uid": str(source.header.SOPInstanceUID)}
        row |= {"segmentation": _save(made, place / f"{stem}.seg.dcm"), "segmentation_uid": str(made.SOPInstanceUID)}
        if self._options.with_measurements and (found := measurements(image, masks)):
            told = report(source, found, self._algorithm)
            row |= {"report": _save(told, place / f"{stem}.sr.dcm"), "report_uid": str(told.SOPInstanceUID)}
        if self._options.with_images:
            row["image"] = self._write_image(image, path, source, place / f"{stem}.dcm")
        return row

    def _path(self, image: ProductImage) -> Path | None:
        """Return the release's file; None if the product holds the image, or a file is not needed and not there."""
        if self._chosen.product.holds_images:
            return None
        needed = self._options.with_images or self._options.mode == Mode.FOR_ARCHIVE
        try:
            path = image.path()
            if needed or path.is_file():
                return path
        except CxrError:
            if needed:
                raise
        return None

    def _source(self, image: ProductImage, path: Path | None) -> SourceImage:
        if self._options.mode == Mode.FOR_ARCHIVE:
            return archive_source(image, path or image.path(), finished_at(self._chosen.product.folder))
        source = new_source(image, path, getattr(image, "pixel_mm", None))
        if not source.spacing_known and image.release not in self._without_spacing:
            self._without_spacing.add(image.release)
            log.warning("%s: pixel spacing is not known for all images; 1 mm stands for it", image.release)
        return source

    def _write_image(self, image: ProductImage, path: Path | None, source: SourceImage, target: Path) -> str:
        if self._options.mode == Mode.FOR_ARCHIVE:
            shutil.copyfile(path or image.path(), target)
            return f"{target.parent.name}/{target.name}"
        return _save(film_object(source, film_pixels(image, path)), target)


def _save(dataset: Dataset, path: Path) -> str:
    dataset.save_as(path, enforce_file_format=True)
    return f"{path.parent.name}/{path.name}"


def _write_index(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
