"""What a product holds, told to other programs: its tables with their columns, and its other files.

A product's own module makes a :class:`Description`. The front matter of the card (:mod:`cxrfactory.products.card_yaml`)
and the Croissant file (:mod:`cxrfactory.products.croissant`) are written from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

PICTURE = "_file_name"  # end of the name of a column that holds paths of pictures


@dataclass(frozen=True)
class DescribedTable:
    """One kind of rows of a product.

    Parameters
    ----------
    name
        Name by which other programs load the rows, such as the published name of a release.
    purpose
        One sentence that says what a row is.
    splits
        Parquet file of each split, relative to the product.
    schema
        Columns of these files. A column whose name ends in ``_file_name`` holds paths of pictures, relative to the
        folder of the file.
    rows
        Number of rows of all splits.
    pictures
        Glob patterns of the picture files that the rows name, relative to the product; empty for a table alone.
    """

    name: str
    purpose: str
    splits: Mapping[str, str]
    schema: pa.Schema
    rows: int
    pictures: Sequence[str] = ()


@dataclass(frozen=True)
class DescribedFiles:
    """Files of a product that are listed but not read row by row.

    Parameters
    ----------
    name
        Name of the group, unique in the product.
    purpose
        One sentence that says what the files hold.
    includes
        Glob patterns relative to the product.
    encoding
        MIME type of the files.
    """

    name: str
    purpose: str
    includes: Sequence[str]
    encoding: str


@dataclass(frozen=True)
class Description:
    """A product as other programs see it.

    Parameters
    ----------
    title, summary
        Name of the product in a few words, and what it holds in one or two sentences.
    kind
        Name of the product in the workflow.
    configs
        Tables that ``datasets.load_dataset`` offers; the first is its default. All of them are plain tables, or all of
        them name pictures, because that program reads a folder in one way only.
    columns
        One sentence on each column that occurs in a table, by name.
    tables
        Further tables, which only the Croissant file describes.
    files
        Other files.
    tags
        Words to search by.
    """

    title: str
    summary: str
    kind: str
    configs: Sequence[DescribedTable]
    columns: Mapping[str, str]
    tables: Sequence[DescribedTable] = ()
    files: Sequence[DescribedFiles] = ()
    tags: Sequence[str] = field(default=("medical", "chest-x-ray", "anatomy", "segmentation"))


def free_name(wanted: str, taken: Sequence[str]) -> str:
    """Return ``wanted``, or the same name with underscores before it where a release has taken it."""
    while wanted in taken:
        wanted = f"_{wanted}"
    return wanted
