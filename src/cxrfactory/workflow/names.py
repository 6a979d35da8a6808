"""Refuse names and paths of a config that Snakemake or shell programs would interpret, with an error of one line.

Everything else in a config is data: rules quote it (``:q``), and Snakemake does not search it for wildcards.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from cxrfactory.config import Config, Section
from cxrfactory.errors import CxrError
from cxrfactory.tables.weights import PRETRAINED_NAMES

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_PATTERN = re.compile(r"[{}]|<[^<>]*>")  # Snakemake's wildcards and path variables
# Keys whose values Snakemake treats as files, in which it would fill in such patterns.
_FILES = re.compile(
    r"results|cohort\.folder|datasets\..+\.(root|table|labels|exclude|reports\.source)"
    r"|scans\..+\.(root|exclude)|labelled\.root"
    r"|([a-z]+\.)?train\.(classes|shapes)|generalise\.tables|zero_shot\.(tables|folders|spines)|[a-z_]+\.weights"
    r"|rca\.(network|calibration)|benchmark\.(labelled|findings)|severity\.(findings|cues)"
    r"|agreement\.(measured|reference|links|answers\..+)|hearts\.(root|finder)"
    r"|roots\.(root|plants_table|groups|labelled)"
)
_WEIGHTS = re.compile(r"[a-z_]+\.weights|rca\.network|hearts\.finder")
_MADE = ("results", "cohort.folder")  # these are also arguments of cp, mv and mkdir


def check_names(config: Config) -> None:
    """Refuse texts that cannot name a file of a run.

    Raises
    ------
    CxrError
        One line that names the key.
    """
    for name in config.labelled.images:
        if "=" in name:  # `--images=source=folder`
            raise CxrError(f"config: labelled.images: found source {name!r:.80}; expected a name without '='")
    for key, text in texts(config):
        if _CONTROL.search(text):
            raise CxrError(f"config: key {key!r:.80}: found {text!r:.80}; expected text of one line")
        if _FILES.fullmatch(key) and _PATTERN.search(text):
            raise CxrError(
                f"config: key '{key}': found {text!r:.80}; expected a path without braces and without names in angle "
                "brackets, which Snakemake fills in"
            )
        if key in _MADE and (not text.strip("/") or text.startswith("-")):
            raise CxrError(f"config: key '{key}': found {text!r:.80}; expected a folder whose name begins with no '-'")
        if _WEIGHTS.fullmatch(key) and text not in PRETRAINED_NAMES and not text.endswith(".safetensors"):
            near = get_close_matches(text, PRETRAINED_NAMES, 1)
            like = f"; did you mean '{near[0]}'?" if near else ""
            raise CxrError(
                f"config: key '{key}': found {text!r:.80}; expected a .safetensors file or one of "
                f"{', '.join(PRETRAINED_NAMES)}{like}"
            )


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a config with its dotted key; keys that the user chose (e.g. sources) count as texts."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Section):
        for name in type(value).model_fields:
            yield from texts(getattr(value, name), f"{key}.{name}".lstrip("."))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield f"{key}.{name}", str(name)
            yield from texts(item, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item, key)
