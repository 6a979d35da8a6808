"""Measure what a user names: products, CheXmask tables, files of masks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cxrfactory.config.measure import MeasureConfig, MeasureInputConfig
from cxrfactory.door.measured_masks import is_mask_file, mask_items, masks_in
from cxrfactory.door.measured_product import product_items
from cxrfactory.door.measured_table import table_items
from cxrfactory.door.product import open_product
from cxrfactory.errors import CxrError
from cxrfactory.measure.items import Item
from cxrfactory.measure.run import Accounts, measure
from cxrfactory.measure.source import Source
from cxrfactory.tables.named_values import named_values

_EXPECTED = (
    "a finished product, a CheXmask table (.csv, .csv.gz, .parquet), or masks: IMAGE.STRUCTURE.png or .nii.gz, "
    "IMAGE.seg.nrrd, a DICOM segmentation, or label maps with a --legend"
)
_TABLES = (".csv", ".csv.gz", ".parquet")


def measure_files(
    targets: Sequence[str | Path],
    output: str | Path,
    settings: MeasureConfig,
    given: MeasureInputConfig | None = None,
    workers: int = 1,
) -> Accounts:
    """Measure the masks of products, tables and files, and write the folder of measurements.

    Parameters
    ----------
    targets
        Folders of finished products, CheXmask tables, and files or folders of masks.
    output
        Folder to write.
    settings
        Grades, intervals, limits of the flags.
    given
        Where the films are, and what files of masks do not say themselves.
    workers
        Number of processes.

    Returns
    -------
    What became of the images.

    Raises
    ------
    CxrError
        If a target is nothing that can be measured, or no image can be measured.

    Examples
    --------
    >>> from cxrfactory.config.measure import MeasureConfig
    >>> from cxrfactory.door.measured import measure_files
    >>> str(measure_files([results], folder / "measure", MeasureConfig()))
    'read 3 images = 3 measured + 0 excluded + 0 rejected'
    """
    given = given or MeasureInputConfig()
    if not targets:
        raise CxrError(f"nothing to measure; expected {_EXPECTED}")
    paths = [Path(each) for each in targets]
    masks = dict.fromkeys(path for path in paths if not path.is_dir() and is_mask_file(path))
    sources = [_open(path, given) for path in paths if path not in masks]
    sources += [mask_items("masks", list(masks), given)] if masks else []
    counts = [each.count for each in sources]
    total = None if None in counts else sum(count or 0 for count in counts)
    return measure(_once(item for each in sources for item in each.items), output, settings, workers, total)


def _once(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the images; one that was there before, by dataset, id and view, gets this as its fault."""
    known: set[tuple[str, str, str]] = set()
    for item in items:
        key = (item.dataset, item.image_id, item.view)
        yield replace(item, fault="the image is given twice; its first masks are measured") if key in known else item
        known.add(key)


def _open(target: Path, given: MeasureInputConfig) -> Source:
    if target.is_dir():
        return _open_folder(target, given)
    if not target.exists():
        raise CxrError(f"{target}: no such file or folder; expected {_EXPECTED}")
    if not target.name.lower().endswith(_TABLES):
        raise CxrError(f"{target}: nothing that can be measured; expected {_EXPECTED}")
    return table_items(target, given)


def _open_folder(folder: Path, given: MeasureInputConfig) -> Source:
    roots = named_values(given.roots or (), "--roots", "NAME=FOLDER", "such as my-hospital=/data/films")
    try:
        product = open_product(folder, roots, given.manifests)
    except CxrError as error:
        if "not a product" not in str(error):
            raise
        masks = masks_in(folder)
        if not masks:
            raise CxrError(f"{folder}: not a product by its files, and without masks; expected {_EXPECTED}") from error
        return mask_items(folder.absolute().name, masks, given)
    return product_items(product, given.manifests)
