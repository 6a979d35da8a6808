"""Files of chosen rows: ids, published CSV rows, and what other programs read."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cxrfactory.products.browsed import Browsed


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
    """

    name: str
    media: str
    pieces: Callable[[Browsed, Sequence[int]], Iterator[bytes]]
    offered: Callable[[Browsed], bool] = lambda product: True


def download(kind: Download, product: Browsed, keys: Sequence[int]) -> tuple[Iterator[bytes], str, str]:
    """Return the bytes, the name and the MIME type of a file of chosen rows."""
    return kind.pieces(product, keys), f"{product.title}.{kind.name}", kind.media


def _ids(product: Browsed, keys: Sequence[int]) -> Iterator[bytes]:
    yield _line(["dataset", "image_id"])
    for key in keys:
        yield _line([product.index.dataset(key), product.index.image_id(key)])


def _rows(product: Browsed, keys: Sequence[int]) -> Iterator[bytes]:
    yield from product.csv_rows(keys) or ()


def _publishes_csv(product: Browsed) -> bool:
    return type(product).csv_rows is not Browsed.csv_rows


def _line(cells: Sequence[str]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue().encode("utf-8")


DOWNLOADS = {
    "ids": Download("ids.csv", "text/csv; charset=utf-8", _ids),
    "csv": Download("rows.csv", "text/csv; charset=utf-8", _rows, _publishes_csv),
}
