"""Read a config file, or its values, into a checked config."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from cxrfactory.config.renamed import modernise
from cxrfactory.config.whole import Config
from cxrfactory.errors import CxrError
from cxrfactory.tables.key_values import parse_config_text, parse_yaml


def parse_config(values: dict[str, Any], source: str = "config.yaml") -> Config:
    """Check a config and fill in its defaults.

    Raises
    ------
    CxrError
        One line that names the first wrong key, the value that was found and what was expected.
    """
    try:
        return Config.model_validate(modernise(values, source))
    except ValidationError as error:
        # An unknown key comes first: it is often a key that is missing, written in another way.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"]) or "config"
        found = first.get("input")
        if first["type"] == "extra_forbidden":
            known = _known_keys(first["loc"])
            near = get_close_matches(str(first["loc"][-1]), known, 1)
            like = f"; did you mean '{near[0]}'?" if near else ""
            message = f"unknown key '{key}'; known here: {', '.join(known)}{like}"
        elif first["type"] == "missing":
            message = f"key '{key}' is missing"
        else:
            # A list may contain itself many times through YAML aliases, so it is not printed.
            shown = "" if isinstance(found, dict | list) else f", found {found!r:.80}"
            said = first["msg"].removeprefix("Value error, ")
            message = f"key '{key}': {said}{shown}" if first["loc"] else said
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        # Names and texts of a config may contain line breaks and terminal control characters, which are escaped here.
        line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in f"{message}{more}")
        raise CxrError(f"{source}: {line}; see docs/config.md") from error


def read_config(path: str | Path) -> Config:
    """Read and check a config file.

    Raises
    ------
    CxrError
        If the file is missing, is not YAML or JSON, holds a key twice, or does not fit the config's model.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a config like the config.yaml of the project")
    try:
        values = parse_config_text(path.read_text(encoding="utf-8"), path)
    except ValueError as error:
        raise CxrError(f"{path}: not readable as text in UTF-8 ({' '.join(str(error).split())})") from error
    if values is not None and not isinstance(values, dict):
        raise CxrError(f"{path}: expected keys and values, found a {type(values).__name__}")
    return parse_config(values or {}, str(path))


def refuse_twice(files: Iterable[str | Path], arguments: Iterable[str] = ()) -> None:
    """Refuse a config in which a key occurs twice; Snakemake has read it already, and kept the last one.

    Parameters
    ----------
    files
        Paths of config files, YAML or JSON. What is no regular file (a pipe, a file of another machine) is left out.
    arguments
        Words of Snakemake's command line; mappings in ``--config key={...}`` are looked at.

    Raises
    ------
    CxrError
        One line that names the file, the key and both lines.
    """
    for path in map(Path, files):
        if path.is_file():
            parse_config_text(path.read_text(encoding="utf-8"), path)
    within = False
    for word in arguments:
        option, word = ("--config", word.removeprefix("--config=")) if word.startswith("--config=") else (word, word)
        within = option in ("--config", "-C") or (within and not word.startswith("-"))
        name, _, text = word.partition("=")
        if within and text.startswith(("{", "[")):
            parse_yaml(text, f"--config {name}")


def _section_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Config
    for part in location[:-1]:
        field = section.model_fields.get(str(part))
        if field is None:  # the part is a release's name, and the previous field gave the section of all releases
            continue
        kinds = (field.annotation, *get_args(field.annotation))
        section = next((each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel)), section)
    return section


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    return list(_section_at(location).model_fields)
