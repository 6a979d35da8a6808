"""A release's accounts, which packing writes and what comes after it reads."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cxrfactory.errors import CxrError
from cxrfactory.tables.sums import PRODUCT_SUMS, SUMS, check_sums, read_sums, write_sums

SUMMARY = "summary.json"
TABLES = ("rejected.csv", "excluded.csv")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    CxrError
        If the file is missing or holds something else.
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


def sum_up(part: str | Path, product: str | Path, files: Iterable[Path]) -> None:
    """Write checksums of a release's accounts and, beside them, of its files in the product.

    CSV knows no checksum of its own: a table cut at the end of a line would otherwise be published with rows missing.
    """
    part = Path(part)
    write_sums(part / PRODUCT_SUMS, product, files)
    write_sums(part / SUMS, part, [part / name for name in (*TABLES, SUMMARY, PRODUCT_SUMS)])


def checked_sums(part: str | Path) -> dict[str, str]:
    """Verify a release's accounts, and return the checksums that its files in the product must have, by name.

    Raises
    ------
    CxrError
        If something is missing or damaged.
    """
    check_sums(Path(part) / SUMS)
    return read_sums(Path(part) / PRODUCT_SUMS)
