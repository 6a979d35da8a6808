"""The accounts of a release, which packing writes and later steps read."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import text_file
from cxrfactory.tables.paths import is_plain_name
from cxrfactory.tables.sums import PRODUCT_SUMS, SUMS, check_sums, read_sums, write_sums

SUMMARY = "summary.json"
REJECTED = "rejected.csv"
EXCLUDED = "excluded.csv"
TABLE_HEADERS = {REJECTED: "dataset,image_id,stage,reason\n", EXCLUDED: "dataset,image_id,reason\n"}


class ReleaseSummary(TypedDict):
    """Common content of a release's ``summary.json`` in every product.

    ``excluded`` and ``rejected`` count images by reason or stage. ``release`` is the published name.
    """

    dataset: str
    release: str
    kept: int
    excluded: dict[str, int]
    rejected: dict[str, int]


@dataclass(frozen=True)
class ReleaseNames:
    """The names of a release: in the config, and as published; the published name names files and folders."""

    dataset: str
    release: str


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    CxrError
        If the file is missing or does not hold a JSON object.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; run the stage that makes it first")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(content, dict):
        raise CxrError(f"{path}: holds a JSON {type(content).__name__}; expected an object")
    return content


def check_release_name(release: str) -> None:
    """Check that a published name can name a file.

    Raises
    ------
    CxrError
        If it contains characters other than letters, digits, ``.``, ``_`` and ``-``.
    """
    if not is_plain_name(release):
        raise CxrError(f"release name '{release}'; expected letters, digits, '.', '_', '-' only: it names files")


def read_summaries(parts: Sequence[str | Path], output: str | Path) -> list[Any]:
    """Read the summaries of releases, in the order of their ``part`` folders.

    Parameters
    ----------
    parts
        Folders with the accounts of one release each.
    output
        Folder of the product, for error messages.

    Raises
    ------
    CxrError
        If a summary is missing or unreadable, or two are of the same release.
    """
    summaries = [read_json(Path(part) / SUMMARY) for part in parts]
    names = [summary["release"] for summary in summaries]
    if len(set(names)) < len(names):
        raise CxrError(f"{output}: parts name a release twice: {names}")
    return summaries


def write_left_out(
    part: Path, dataset: str, rejected: Iterable[tuple[str, str, str]], excluded: Iterable[tuple[str, str]]
) -> None:
    """Write the tables of the images that are not in the product.

    Parameters
    ----------
    part
        Folder of the release's accounts.
    dataset
        Name of the dataset in the config; it fills the first column.
    rejected
        Image id, stage and reason of each rejected image.
    excluded
        Image id and reason of each excluded image.
    """
    for name, rows in ((REJECTED, rejected), (EXCLUDED, excluded)):
        with text_file(part / name) as stream:
            stream.write(TABLE_HEADERS[name])
            csv.writer(stream, lineterminator="\n").writerows([dataset, *row] for row in rows)


def sum_up(part: str | Path, product: str | Path, files: Iterable[Path]) -> None:
    """Write the checksums of a release's accounts and, in the same folder, of its files in the product.

    CSV has no checksum of its own: without these, a table that was cut at the end of a line could be published with
    rows missing.
    """
    part = Path(part)
    write_sums(part / PRODUCT_SUMS, product, files)
    write_sums(part / SUMS, part, [part / name for name in (*TABLE_HEADERS, SUMMARY, PRODUCT_SUMS)])


def checked_sums(part: str | Path) -> dict[str, str]:
    """Verify a release's accounts, and return the expected checksums of its files in the product, by name.

    Raises
    ------
    CxrError
        If a file is missing or damaged.
    """
    check_sums(Path(part) / SUMS)
    return read_sums(Path(part) / PRODUCT_SUMS)
