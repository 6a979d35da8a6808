"""A release's accounts, which packing writes and what comes after it reads."""

import json
from pathlib import Path
from typing import Any

from cxrfactory.errors import CxrError

SUMMARY = "summary.json"


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
