"""Old keys of the config, which work for one release with a warning that names the new one."""

import sys
from collections.abc import Callable
from typing import Any

from cxrfactory.errors import CxrError

ENDS = "0.2"  # the release without the old names
# Old key to new key; both with dots between their parts.
RENAMED_KEYS = {
    "cxlseg.segmenter": "cxlseg.model.segmenter",
    "cxlseg.input_size": "cxlseg.model.input_size",
    "cxlseg.epochs": "cxlseg.train.epochs",
    "cxlseg.batch_size": "cxlseg.train.batch_size",
    "cxlseg.learning_rate": "cxlseg.train.learning_rate",
    "cxlseg.average": "cxlseg.train.average",
}
# Old value to new value of a key that kept its name.
RENAMED_VALUES = {"cxlseg.clahe_clip": (0, None)}


def modernise(values: dict[str, Any], source: str) -> dict[str, Any]:
    """Return the values of a config with old keys put in their new places; each of them warns in one line.

    Parameters
    ----------
    values
        As read from the file; not changed.
    source
        Name of the file, for messages.

    Raises
    ------
    CxrError
        If an old key and its new one are both given.
    """
    for old, new in RENAMED_KEYS.items():
        section, key = old.split(".")
        if isinstance(values.get(section), dict) and key in values[section]:
            values = _moved(values, section, key, new, source)
            _warn(f"{source}: the key '{old}' is now '{new}'; the old name ends with {ENDS}")
    return values


def null_for_zero(key: str) -> Callable[[Any], Any]:
    """Return a validator that takes 0, which once left something out, as null."""

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
    if not isinstance(inner, dict):  # the check of the config says what is wrong with it
        return {**values, section: rest}
    if name in inner:
        raise CxrError(f"{source}: '{section}.{key}' is the old name of '{new}', which is given too; leave it out")
    return {**values, section: {**rest, part: {**inner, name: values[section][key]}}}


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
