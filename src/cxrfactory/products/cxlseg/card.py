"""Close CXLSeg: gather the releases in one folder, and write left-out rows, examples, the card and checksums."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.contact_sheet import plain, sheet, shortened, text_strip
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.logs import get_logger
from cxrfactory.products.accounts import checked_sums, read_summaries
from cxrfactory.products.cxlseg.card_text import TITLE, card_text
from cxrfactory.products.cxlseg.described import describe
from cxrfactory.products.cxlseg.summary import CxlsegSummary
from cxrfactory.products.cxlseg.tables import IMAGE_TABLE, MASK_TABLE
from cxrfactory.products.product import WEIGHTS_CARD, check_replaceable, open_product
from cxrfactory.tables.atomic import write_bytes
from cxrfactory.tables.folders import link_tree
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.sums import SUMS
from cxrfactory.tables.weights import card_path, read_weights, weights_file

EXAMPLES = "examples.png"
_COUNT, _COLUMNS = 12, 4  # of the examples; each shows an image beside its mask

log = get_logger(__name__)


def close_cxlseg(
    output: str | Path,
    products: Sequence[str | Path],
    parts: Sequence[str | Path],
    weights: str | Path,
    config: str | Path,
    credits: Sequence[str] = (),
) -> None:
    """Gather the releases made by :func:`cxrfactory.products.cxlseg.release.package_cxlseg` into one product.

    Parameters
    ----------
    output
        Folder to make: ``<Release>/`` for each release with the joined tables of its splits, ``rejected.csv``,
        ``excluded.csv``, ``config.yaml``, ``weights.json``, ``examples.png``, ``README.md``, ``croissant.json`` and
        ``SHA256SUMS``. A product of an earlier run is replaced.
    products, parts
        The releases' folders and their accounts, in the same order. Files are hard-linked if the file system supports
        links.
    weights
        Weights of the segmenter, with their card beside them, or a name such as ``pretrained``.
    config
        Config of the run; it is copied into the product.
    credits
        Lines of the card's section on sources and licences.

    Raises
    ------
    CxrError
        If there is no release, a release is given twice, a file is missing, or ``output`` is not such a product.
    """
    output = Path(output)
    if not products or len(products) != len(parts):
        raise CxrError(
            f"{output}: {len(products)} releases with {len(parts)} accounts; expected one or more, with an account "
            "each: a dataset takes part where the config names its reports (datasets.<name>.reports)"
        )
    check_replaceable(output, SUMS)
    summaries: list[CxlsegSummary] = read_summaries(parts, output)
    names = [summary["release"] for summary in summaries]
    card = card_path(weights_file(weights))
    for path in (config, card):
        if not Path(path).is_file():
            raise CxrError(f"{path}: no such file; expected the config of the run, and the card of the weights")
    known = {
        f"{release}/{name}": digest
        for release, part in zip(names, parts, strict=True)
        for name, digest in checked_sums(part).items()
    }
    with open_product(output) as product:
        for folder, name in zip(products, names, strict=True):
            if not Path(folder).is_dir():
                raise CxrError(f"{folder}: no such folder; package the release first")
            link_tree(folder, product.folder / name)
        product.gather_left_out([Path(part) for part in parts])
        product.copy(card, WEIGHTS_CARD)
        write_bytes(product.folder / EXAMPLES, encode_png(_examples(product.folder, names)))
        provenance = product.provenance(config, read_weights(weights)[1])
        description = describe(product.folder, summaries, TITLE)
        files = product.close(card_text(summaries, provenance, credits, description), description, known)
    kept = sum(summary["kept"] for summary in summaries)
    log.info("%s: %d releases, %d images; SHA256SUMS of %d files", output, len(names), kept, files)


def _examples(folder: Path, releases: Sequence[str]) -> np.ndarray:
    """Draw some images, spread over the releases' tables, each beside its mask; RGB [row, column, 3]."""
    tiles = []
    each = -(-_COUNT // len(releases))
    for release in releases:
        images = read_table(folder / release / f"{IMAGE_TABLE}.parquet", columns=["dicom_id", "DicomPath"])
        masks = read_table(folder / release / f"{MASK_TABLE}.parquet", columns=["dicom_id", "DicomPath"])
        rows = images.merge(masks, on="dicom_id", suffixes=("", "_mask"))
        chosen = np.unique(np.linspace(0, len(rows) - 1, min(each, len(rows))).round().astype(int))
        for row in rows.iloc[chosen].to_dict("records"):
            pair = [_read_grey(folder / release / row[name]) for name in ("DicomPath", "DicomPath_mask")]
            picture = cv2.cvtColor(np.hstack(pair), cv2.COLOR_GRAY2RGB)
            caption = [plain(shortened(f"{release} {row['dicom_id']}", 60))]
            tiles.append(np.vstack([picture, text_strip(caption, picture.shape[1])]))
    return sheet(tiles, min(_COLUMNS, len(tiles)))


def _read_grey(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise CxrError(f"{path}: no readable picture; package the release again")
    return picture
