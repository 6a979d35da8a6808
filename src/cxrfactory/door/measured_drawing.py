"""Pictures of some images of products with the points of their measurements."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxrfactory.config.measure import MeasureInputConfig
from cxrfactory.door.product import open_product
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.logs import get_logger
from cxrfactory.measure.drawing import draw_measurements
from cxrfactory.measure.schemas import IMAGES_FILE, MEASUREMENTS_FILE
from cxrfactory.products.opened import OpenedProduct
from cxrfactory.tables.file_names import file_stem
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.named_values import named_values
from cxrfactory.tables.parquet import read_batches
from cxrfactory.tables.selected_rows import selected_rows

log = get_logger(__name__)

ROWS_AT_A_TIME = 65536
COLUMNS = ("dataset", "measurement", "value", "unit", "grade", "near_cut", "note", "points")
Images = set[tuple[str, str]]  # dataset and image id


def draw_some(
    targets: Sequence[str | Path], measured: str | Path, output: str | Path, count: int, given: MeasureInputConfig
) -> int:
    """Draw some images of each dataset and view, chosen by a hash of their ids; return the number of pictures.

    Images whose radiograph is not there are left out.

    Parameters
    ----------
    targets
        What was measured; only products have images.
    measured
        Folder of the measurements.
    output
        Folder of the pictures; an earlier one is replaced.
    count
        Number of images of each dataset and view.
    given
        Where the films are.
    """
    chosen = _chosen(Path(measured) / IMAGES_FILE, count)
    roots = named_values(given.roots or (), "--roots", "NAME=FOLDER", "such as my-hospital=/data/films")
    rows, drawn = _rows(Path(measured) / MEASUREMENTS_FILE, chosen), 0
    with replaced_folder(output) as folder:
        for target in targets:
            if Path(target).is_dir():
                try:
                    product = open_product(target, roots, given.manifests)
                except CxrError:  # a folder of masks
                    continue
                drawn += _draw(product, rows, folder)
    log.info("%s: drew %d images", output, drawn)
    return drawn


def _chosen(path: Path, count: int) -> Images:
    """Return dataset and image id of the first images of each dataset and view in the order of a hash."""
    groups: dict[tuple[str, str], list[str]] = {}
    for batch in read_batches(path, ["dataset", "view", "image_id"], ROWS_AT_A_TIME):
        for row in batch.to_pylist():
            groups.setdefault((row["dataset"], row["view"]), []).append(row["image_id"])
    return {
        (dataset, image_id)
        for (dataset, _), ids in groups.items()
        for image_id in sorted(ids, key=lambda each: seed_of(each, "drawn"))[:count]
    }


def _rows(path: Path, chosen: Images) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the measurements of the chosen images."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {key: [] for key in chosen}
    for frame in selected_rows(path, {image_id for _, image_id in chosen}, COLUMNS):
        for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
            if (key := (row["dataset"], row["image_id"])) in found:
                found[key].append(row)
    return found


def _draw(product: OpenedProduct, rows: dict[tuple[str, str], list[dict[str, Any]]], folder: Path) -> int:
    drawn = 0
    for image in product.select({image_id for _, image_id in rows}):
        dataset = product.dataset_of(image.release)
        if (dataset, image.image_id) not in rows:
            continue
        try:
            pixels = image.image()
        except CxrError as error:
            log.warning("%s is not drawn: %s", image.image_id, error)
            continue
        picture = draw_measurements(pixels, f"{dataset}  {image.image_id}", rows[dataset, image.image_id])
        save_png(picture, folder / f"{file_stem(dataset)}.{file_stem(image.image_id)}.png")
        drawn += 1
    return drawn
