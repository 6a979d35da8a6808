"""Export of a product as COCO instances: one JSON file for each release, with masks as compressed RLE."""

from contextlib import ExitStack
from pathlib import Path

from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.export.chosen import ChosenImages
from cxrfactory.export.output import new_folder
from cxrfactory.export.pictures import ImageFiles
from cxrfactory.logs import get_logger
from cxrfactory.products.opened import ProductImage
from cxrfactory.tables.coco import CocoWriter
from cxrfactory.tables.mask_facts import mask_facts

log = get_logger(__name__)


def export_coco(
    product: str | Path, output: str | Path, choice: ChosenImagesConfig, pictures: bool = False
) -> dict[str, int]:
    """Write ``<release>.json`` for each release of the choice; memory holds one image at a time.

    Every mask that is not empty is one annotation with ``iscrowd`` 0. The numbers of images and annotations begin at 1
    in each file; those of categories are the same in all exports of the product. An image's record also has the
    ``image_id`` of the product.

    Parameters
    ----------
    product
        Folder of the product.
    output
        Folder to write, which must not exist or be empty.
    choice
        Images and masks to export.
    pictures
        Whether to write each image as 8-bit PNG into ``images/``. File names are then relative to ``output``, otherwise
        to the product's folder or the release's folder.

    Returns
    -------
    Number of images in each file, by release.

    Raises
    ------
    CxrError
        If the product or the choice is at fault, the output exists, or a picture cannot be read.

    Examples
    --------
    >>> from cxrfactory.config.export import ChosenImagesConfig
    >>> from cxrfactory.export.coco import export_coco
    >>> export_coco(results, folder / "coco", ChosenImagesConfig(images=["a", "b"]))
    {'demo': 2}
    """
    chosen = ChosenImages(product, choice)
    counts: dict[str, int] = {}
    with new_folder(output) as folder, ExitStack() as stack:
        files = ImageFiles(chosen, folder if pictures else None)
        writers: dict[str, CocoWriter] = {}
        for image in chosen:
            if image.release not in writers:
                writers[image.release] = _open(folder, image.release, chosen, pictures, stack)
            _add(writers[image.release], image, chosen, files.name(image))
            counts[image.release] = counts.get(image.release, 0) + 1
    log.info("%s: COCO files of %s", output, ", ".join(f"{name} ({count} images)" for name, count in counts.items()))
    return counts


def _open(folder: Path, release: str, chosen: ChosenImages, pictures: bool, stack: ExitStack) -> CocoWriter:
    stream = stack.enter_context((folder / f"{release}.json").open("w", encoding="utf-8", newline="\n"))
    whose = "this" if pictures else "the product's" if chosen.product.holds_images else "the release's"
    categories = [(each.number, each.name, each.group) for each in chosen.structures]
    return stack.enter_context(
        CocoWriter(stream, f"Masks of {release}; file_name is relative to {whose} folder", categories)
    )


def _add(writer: CocoWriter, image: ProductImage, chosen: ChosenImages, file_name: str) -> None:
    numbers = {each.name: each.number for each in chosen.structures}
    writer.add_image(image.image_id, file_name, image.height, image.width, image_id=image.image_id)
    for name, mask in chosen.masks(image).items():
        facts = mask_facts(mask)
        if facts.bbox is not None:
            writer.add(image.image_id, numbers[name], mask, facts.bbox, facts.area_px)
