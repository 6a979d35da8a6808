"""Old keys of the config, which work for one more release with a warning that names the new key."""

import sys
from collections.abc import Callable
from typing import Any

from cxrfactory.errors import CxrError

ENDS = "0.2"  # the release that drops the old names
# Old key to new key; dots separate the parts of both.
RENAMED_KEYS = {
    "cxlseg.segmenter": "cxlseg.model.segmenter",
    "cxlseg.input_size": "cxlseg.model.input_size",
    "cxlseg.epochs": "cxlseg.train.epochs",
    "cxlseg.batch_size": "cxlseg.train.batch_size",
    "cxlseg.learning_rate": "cxlseg.train.learning_rate",
    "cxlseg.average": "cxlseg.train.average",
}
# Old and new value of a key whose name did not change.
RENAMED_VALUES = {"cxlseg.clahe_clip": (0, None)}


def modernise(values: dict[str, Any], source: str) -> dict[str, Any]:
    """Return the values of a config with old keys moved to their new places; each old key gives a one-line warning.

    Parameters
    ----------
    values
        Values as read from the file; they are not changed.
    source
        Name of the file, for messages.

    Raises
    ------
    CxrError
        If an old key and the new key that replaces it are both given.
    """
    for old, new in RENAMED_KEYS.items():
        section, key = old.split(".")
        if isinstance(values.get(section), dict) and key in values[section]:
            values = _moved(values, section, key, new, source)
            _warn(f"{source}: the key '{old}' is now '{new}'; the old name ends with {ENDS}")
    return values


def null_for_zero(key: str) -> Callable[[Any], Any]:
    """Return a validator that accepts the old value 0 as null, with a warning."""

    def validator(value: Any) -> Any:
        if isinstance(value, bool) or value not in (0, "0", "0.0"):
            return value
        _warn(f"{key}: 0 is now null (on the command line none); the old value ends with {ENDS}")
        return None

    return validator


def _moved(values: dict[str, Any], section: str, key: str, new: str, source: str) -> dict[str, Any]:
    _, part, name = new.split(".")
    rest = {each: value for each, value in values[section].items() if each != key}
    inner = rest.get(part, {})
    if not isinstance(inner, dict):  # the later validation of the config reports this error
        return {**values, section: rest}
    if name in inner:
        raise CxrError(f"{source}: '{section}.{key}' is the old name of '{new}', which is given too; leave it out")
    return {**values, section: {**rest, part: {**inner, name: values[section][key]}}}


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
